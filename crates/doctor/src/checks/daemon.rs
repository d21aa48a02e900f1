//! Codex's background daemon, which runs the turns of its terminal sessions.
//!
//! It reads `[otel]` and its environment once, when the first session starts it, and outlives them
//! (Codex 0.157 and later). After a change of either it goes on as before.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use buffer_api::process::is_alive;
use codex_config::Paths;

use crate::Finding;

const CHECK: &str = "codex.daemon";

/// A daemon that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Its process id.
    pub pid: u32,
    /// Whether Codex's configuration changed after it was started.
    pub is_older_than_configuration: bool,
}

/// Looks for a daemon by its pid file in Codex's folder. Another one there is that of its updater,
/// which outlives it, and a restart too.
pub fn gather(paths: &Paths) -> Option<Daemon> {
    let configuration = [&paths.codex_home.join("config.toml"), &paths.env_file];
    let changed = configuration.into_iter().filter_map(|file| modified(file)).max();
    let file = paths.codex_home.join("app-server-daemon/daemon.pid");
    let pid = pid(&file)?;
    let is_older_than_configuration = changed > Some(modified(&file)?);
    is_alive(pid).then_some(Daemon { pid, is_older_than_configuration })
}

/// What the facts mean.
pub fn check(daemon: Option<&Daemon>) -> Vec<Finding> {
    let finding = match daemon {
        None => Finding::ok(CHECK, "no daemon of Codex's terminal sessions runs"),
        Some(Daemon { pid, is_older_than_configuration: false }) => Finding::ok(
            CHECK,
            format!("the daemon of Codex's terminal sessions (pid {pid}) has the present settings"),
        ),
        Some(Daemon { pid, .. }) => {
            let message = format!(
                "the daemon of Codex's terminal sessions (pid {pid}) was started before the last change of `config.toml` or `arize-env.sh`, and may go on with the old telemetry settings"
            );
            Finding::warning(CHECK, message, "codex app-server daemon restart")
        }
    };
    vec![finding]
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
    use std::time::Duration;

    use super::*;
    use crate::Level;

    #[test]
    fn a_daemon_that_is_older_than_the_configuration_is_named() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        assert_eq!(gather(&paths), None);
        let folder = paths.codex_home.join("app-server-daemon");
        fs::create_dir_all(&folder).unwrap();
        let pid = std::process::id();
        fs::write(folder.join("daemon-updater.pid"), format!(r#"{{"pid":{pid}}}"#)).unwrap();
        assert_eq!(gather(&paths), None);
        let file = folder.join("daemon.pid");
        fs::write(&file, format!(r#"{{"pid":{pid},"started":1}}"#)).unwrap();
        let found = gather(&paths).unwrap();
        assert_eq!(found, Daemon { pid, is_older_than_configuration: false });
        assert_eq!(check(Some(&found))[0].level, Level::Ok);

        fs::write(paths.codex_home.join("config.toml"), "").unwrap();
        let past = SystemTime::now() - Duration::from_secs(60);
        fs::File::options().append(true).open(&file).unwrap().set_modified(past).unwrap();
        let finding = check(gather(&paths).as_ref()).remove(0);
        assert_eq!(finding.level, Level::Warning, "{finding:?}");
        assert!(finding.message.contains(&format!("pid {pid}")), "{finding:?}");

        // A crash has left the file behind: this process id is larger than any system's.
        fs::write(&file, r#"{"pid":2147483646}"#).unwrap();
        assert_eq!(gather(&paths), None);
    }
}
