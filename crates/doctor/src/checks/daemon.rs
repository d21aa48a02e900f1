//! Codex's background daemon, which runs the turns of its terminal sessions.
//!
//! It reads `[otel]` and its environment once, when the first session starts it, and outlives them
//! (Codex 0.157 and later). After a change of either it goes on as before. It also goes on with the
//! version of Codex that first installed it, whatever `codex` is updated to.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use codex_config::Paths;
use codex_home::CodexVersion;
use processes::{answer, is_alive, without_keys};
use serde::Deserialize;

use crate::Finding;
use crate::installation::Installation;

const CHECK: &str = "codex.daemon";

/// How long Codex may take to ask its daemon; on a cold disk node alone takes a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// A daemon that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Its process id.
    pub pid: u32,
    /// Whether its telemetry settings changed after it was started.
    pub is_older_than_settings: bool,
    /// Its version and that of `codex`, where it is the older one.
    pub outdated: Option<(CodexVersion, CodexVersion)>,
}

/// Looks for a daemon by its pid file in Codex's folder, and has this Codex ask it for its version.
/// Another pid file there is that of its updater, which outlives it, and a restart too.
pub fn gather(paths: &Paths, codex: Option<&Path>, search: &OsStr) -> Option<Daemon> {
    // Codex itself writes to `config.toml` all the time. An installation from before setup noted when
    // it last changed `[otel]` there has that file's time only.
    let by_setup = Installation::read(paths).otel_changed();
    let otel = by_setup.or_else(|| modified(&paths.codex_home.join("config.toml")));
    let changed = otel.max(modified(&paths.env_file));
    let file = paths.codex_home.join("app-server-daemon/daemon.pid");
    let pid = pid(&file)?;
    let is_older_than_settings = changed > Some(modified(&file)?);
    let outdated = || {
        let mut command = Command::new(codex?);
        command.args(["app-server", "daemon", "version"]);
        command.env("PATH", search).env("CODEX_HOME", &paths.codex_home);
        outdated(&answer(without_keys(&mut command), PATIENCE).ok()?.stdout)
    };
    is_alive(pid).then(|| Daemon { pid, is_older_than_settings, outdated: outdated() })
}

/// What the facts mean.
pub fn check(daemon: Option<&Daemon>) -> Vec<Finding> {
    const ENDS: &str = "which ends the turns that it runs";
    let Some(Daemon { pid, is_older_than_settings, outdated }) = daemon else {
        return vec![Finding::ok(CHECK, "no daemon of Codex's terminal sessions runs")];
    };
    let daemon = format!("the daemon of Codex's terminal sessions (pid {pid})");
    vec![match (outdated, is_older_than_settings) {
        (Some((old, new)), _) => {
            let message = format!(
                "{daemon} is Codex {old}, and `codex` is {new}: terminal sessions run {old} until the daemon is updated, {ENDS}"
            );
            // A restart keeps the version (Codex 0.171).
            Finding::warning(CHECK, message, "codex app-server daemon update --from-cli")
        }
        (None, true) => {
            let message = format!(
                "{daemon} was started before the telemetry settings last changed, and keeps the old ones until it is restarted, {ENDS}"
            );
            Finding::warning(CHECK, message, "codex app-server daemon restart")
        }
        (None, false) => Finding::ok(CHECK, format!("{daemon} has the present settings")),
    }]
}

/// The versions of a daemon and of `codex`, in the answer of `codex app-server daemon version`, if
/// the daemon is the older one.
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

fn pid(file: &Path) -> Option<u32> {
    let record: serde_json::Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let pid = record.get("pid").unwrap_or(&record);
    u32::try_from(pid.as_u64()?).ok()
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;
    use crate::checks::expect;

    fn found(paths: &Paths) -> Option<Daemon> {
        gather(paths, None, OsStr::new(""))
    }

    #[test]
    fn a_daemon_that_is_older_than_the_configuration_is_named() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        assert_eq!(found(&paths), None);
        let folder = paths.codex_home.join("app-server-daemon");
        fs::create_dir_all(&folder).unwrap();
        let pid = std::process::id();
        fs::write(folder.join("daemon-updater.pid"), format!(r#"{{"pid":{pid}}}"#)).unwrap();
        assert_eq!(found(&paths), None);
        let file = folder.join("daemon.pid");
        fs::write(&file, format!(r#"{{"pid":{pid},"started":1}}"#)).unwrap();
        let daemon = Daemon { pid, is_older_than_settings: false, outdated: None };
        assert_eq!(found(&paths), Some(daemon.clone()));
        assert_eq!(check(Some(&daemon))[0].level, Level::Ok);

        let ago = |file: &Path, minutes: u64| {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let file = fs::File::options().create(true).append(true).open(file).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(60 * minutes)).unwrap();
        };
        ago(&file, 10);
        ago(&paths.codex_home.join("config.toml"), 5);
        let findings = check(found(&paths).as_ref());
        expect::only(&findings, Level::Warning, &format!("(pid {pid}) was started before"));
        assert!(findings[0].message.ends_with("which ends the turns that it runs"));
        ago(&paths.codex_home.join("config.toml"), 15);
        assert_eq!(check(found(&paths).as_ref())[0].level, Level::Ok);
        ago(&paths.env_file, 5);
        assert_eq!(check(found(&paths).as_ref())[0].level, Level::Warning);

        // A crash has left the file behind: this process id is larger than any system's.
        fs::write(&file, r#"{"pid":2147483646}"#).unwrap();
        assert_eq!(found(&paths), None);
    }

    /// As Codex 0.171 answers for a daemon of 0.169, also after `codex app-server daemon restart`.
    #[test]
    fn a_daemon_of_an_older_codex_is_named() {
        let answer = |cli: &str, daemon: &str| {
            format!(
                r#"{{"status":"running","backend":"pid","managedCodexVersion":"{daemon}","cliVersion":"{cli}","appServerVersion":"{daemon}"}}"#
            )
        };
        let found = |cli: &str, daemon: &str| outdated(answer(cli, daemon).as_bytes());
        assert_eq!(found("0.171.0", "0.171.0"), None);
        assert_eq!(found("0.169.0", "0.171.0"), None, "an update would be a step back");
        assert_eq!(outdated(b"Error: no such command"), None);
        let old = found("0.171.0", "0.169.0");
        assert!(old.is_some());
        let daemon = Daemon { pid: 7, is_older_than_settings: true, outdated: old };
        let findings = check(Some(&daemon));
        expect::only(&findings, Level::Warning, "(pid 7) is Codex 0.169.0, and `codex` is 0.171.0");
        let command = findings[0].command.as_deref();
        assert_eq!(command, Some("codex app-server daemon update --from-cli"));
    }
}
