//! Codex's background process, which runs the turns of its terminal UI.
//!
//! From 0.157 on the UI starts a daemon that outlives it. It reads a new `notify` for each thread, but
//! keeps the telemetry settings that it was started with. So after an installation no log event of
//! the UI arrives until it is restarted.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use codex_config::Paths;
use processes::{answer, is_alive};
use serde::Deserialize;

use crate::record::Record;

/// How long Codex may take for it; turns that run are asked to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Its process id.
    pub pid: u32,
    /// Whether it was started before setup last changed its telemetry settings.
    pub has_old_settings: bool,
}

#[derive(Deserialize)]
struct PidFile {
    pid: u32,
}

/// Says why the daemon goes on with the old settings.
#[derive(Debug, thiserror::Error)]
pub enum RestartError {
    /// There is no Codex to ask.
    #[error("no `codex` was found on the `PATH`")]
    NoCodex,
    /// Codex cannot be started, or takes too long.
    #[error("`{program}` did not restart it")]
    Start {
        /// The program.
        program: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Codex could not do it.
    #[error("`codex app-server daemon restart` ended with {status}: {said}")]
    Failed {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last line of what it said.
        said: String,
    },
}

/// Finds the daemon of this Codex home.
pub(crate) fn find(paths: &Paths, record: &Record) -> Option<Daemon> {
    let file = paths.codex_home.join("app-server-daemon/daemon.pid");
    let PidFile { pid } = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
    let started = fs::metadata(&file).and_then(|metadata| metadata.modified()).ok();
    let changed = record.otel_changed_ms.map(Duration::from_millis);
    let changed = changed.and_then(|since_epoch| SystemTime::UNIX_EPOCH.checked_add(since_epoch));
    let has_old_settings = changed.is_some() && changed > started;
    is_alive(pid).then_some(Daemon { pid, has_old_settings })
}

/// Has Codex restart its daemon.
pub(crate) fn restart(codex: Option<&Path>, paths: &Paths) -> Result<(), RestartError> {
    let codex = codex.ok_or(RestartError::NoCodex)?;
    let mut command = Command::new(codex);
    command.args(["app-server", "daemon", "restart"]).env("CODEX_HOME", &paths.codex_home);
    let output = answer(&mut command, PATIENCE)
        .map_err(|source| RestartError::Start { program: codex.display().to_string(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(RestartError::Failed { status: output.status, said: said.trim().to_owned() })
}
