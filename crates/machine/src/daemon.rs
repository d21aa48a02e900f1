//! Codex's background process (`codex app-server daemon`), which runs the turns of its terminal UI.
//!
//! From 0.157 on the first terminal session starts it, and it outlives them. It reads a new `notify` for
//! each thread, but `[otel]` and its environment only when it starts: after a change of either it goes
//! on as before. It also goes on with the version of Codex that first installed it, whatever `codex` is
//! updated to.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use codex_config::Paths;
use codex_home::CodexVersion;
use processes::{answer, is_alive, without_keys};
use serde::Deserialize;

use crate::{Installation, Machine, PATIENCE};

/// How long a restart may take; Codex asks the turns that run to end.
const RESTART_PATIENCE: Duration = Duration::from_secs(60);

/// A daemon that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Its process id.
    pub pid: u32,
    /// Whether its telemetry settings changed after it was started.
    pub has_old_settings: bool,
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
    #[error("`codex app-server daemon restart` ended with {status}: {stderr}")]
    Failed {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last line that it printed.
        stderr: String,
    },
}

impl Daemon {
    /// Finds the daemon of this Codex home by its pid file. Another pid file there belongs to its
    /// updater, which outlives it and a restart.
    pub fn find(paths: &Paths) -> Option<Self> {
        #[derive(Deserialize)]
        struct PidFile {
            pid: u32,
        }
        let file = paths.codex_home.join("app-server-daemon/daemon.pid");
        let PidFile { pid } = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
        let has_old_settings = telemetry_changed(paths) > Some(modified(&file)?);
        is_alive(pid).then_some(Self { pid, has_old_settings })
    }

    /// Asks `codex` whether the daemon is older than itself, and gives the versions of the daemon and of
    /// `codex` if so.
    pub fn outdated(machine: &Machine, codex: &Path) -> Option<(CodexVersion, CodexVersion)> {
        let mut command = Command::new(codex);
        command.args(["app-server", "daemon", "version"]);
        command.env("PATH", machine.search_path()).env("CODEX_HOME", &machine.paths.codex_home);
        outdated(&answer(without_keys(&mut command), PATIENCE).ok()?.stdout)
    }

    /// Has `codex` restart its daemon.
    pub fn restart(codex: Option<&Path>, paths: &Paths) -> Result<(), RestartError> {
        let codex = codex.ok_or(RestartError::NoCodex)?;
        let mut command = Command::new(codex);
        command.args(["app-server", "daemon", "restart"]).env("CODEX_HOME", &paths.codex_home);
        let output = answer(&mut command, RESTART_PATIENCE).map_err(|source| {
            RestartError::Start { program: codex.display().to_string(), source }
        })?;
        if output.status.success() {
            return Ok(());
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        Err(RestartError::Failed { status: output.status, stderr: last.trim().to_owned() })
    }
}

/// When the telemetry settings of a daemon last changed. Codex itself often writes to `config.toml`: its
/// time counts only where setup noted no change of `[otel]`, as before it did so.
fn telemetry_changed(paths: &Paths) -> Option<SystemTime> {
    let by_setup = Installation::read(paths).otel_changed();
    let otel = by_setup.or_else(|| modified(&paths.codex_home.join("config.toml")));
    otel.max(modified(&paths.env_file))
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).ok()?.modified().ok()
}

fn outdated(answer: &[u8]) -> Option<(CodexVersion, CodexVersion)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Versions {
        cli_version: String,
        app_server_version: String,
    }
    let Versions { cli_version, app_server_version } = serde_json::from_slice(answer).ok()?;
    let daemon = CodexVersion::parse(&app_server_version)?;
    let codex = CodexVersion::parse(&cli_version)?;
    (daemon < codex).then_some((daemon, codex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_is_older_than_its_settings_is_found() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        assert_eq!(Daemon::find(&paths), None);
        let folder = paths.codex_home.join("app-server-daemon");
        fs::create_dir_all(&folder).unwrap();
        let pid = std::process::id();
        fs::write(folder.join("daemon-updater.pid"), format!(r#"{{"pid":{pid}}}"#)).unwrap();
        assert_eq!(Daemon::find(&paths), None);
        let file = folder.join("daemon.pid");
        fs::write(&file, format!(r#"{{"pid":{pid},"started":1}}"#)).unwrap();
        let daemon = |has_old_settings| Some(Daemon { pid, has_old_settings });
        assert_eq!(Daemon::find(&paths), daemon(false));

        let ago = |file: &Path, minutes: u64| {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let file = fs::File::options().create(true).append(true).open(file).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(60 * minutes)).unwrap();
        };
        ago(&file, 10);
        ago(&paths.codex_home.join("config.toml"), 5);
        assert_eq!(Daemon::find(&paths), daemon(true));
        ago(&paths.codex_home.join("config.toml"), 15);
        assert_eq!(Daemon::find(&paths), daemon(false));
        ago(&paths.env_file, 5);
        assert_eq!(Daemon::find(&paths), daemon(true));

        // A crash has left the file behind: this process id is larger than any system's.
        fs::write(&file, r#"{"pid":2147483646}"#).unwrap();
        assert_eq!(Daemon::find(&paths), None);
    }

    /// As Codex 0.171 answers for a daemon of 0.169, also after `codex app-server daemon restart`.
    #[test]
    fn a_daemon_of_an_older_codex_is_found() {
        let answer = |cli: &str, daemon: &str| {
            format!(
                r#"{{"status":"running","backend":"pid","managedCodexVersion":"{daemon}","cliVersion":"{cli}","appServerVersion":"{daemon}"}}"#
            )
        };
        let found = |cli: &str, daemon: &str| outdated(answer(cli, daemon).as_bytes());
        assert_eq!(found("0.171.0", "0.171.0"), None);
        assert_eq!(found("0.169.0", "0.171.0"), None, "an update would be a step back");
        assert_eq!(outdated(b"Error: no such command"), None);
        let versions = CodexVersion::parse("0.169.0").zip(CodexVersion::parse("0.171.0"));
        assert_eq!(found("0.171.0", "0.169.0"), versions);
    }
}
