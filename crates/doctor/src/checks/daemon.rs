//! Codex's background daemon, which runs the turns of its terminal sessions.
//!
//! It reads `[otel]` and its environment once, when the first session starts it, and outlives them
//! (Codex 0.157 and later). After a change of either it goes on as before.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use buffer_api::process::is_alive;
use codex_config::Paths;

use crate::Finding;

const CHECK: &str = "codex.daemon";

/// A daemon that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Its process id.
    pub pid: u32,
    /// Whether its telemetry settings changed after it was started.
    pub is_older_than_settings: bool,
}

/// Looks for a daemon by its pid file in Codex's folder. Another one there is that of its updater,
/// which outlives it, and a restart too.
pub fn gather(paths: &Paths) -> Option<Daemon> {
    // Codex itself writes to `config.toml` all the time. An installation from before setup noted when
    // it last changed `[otel]` there has that file's time only.
    let by_setup = changed_by_setup(paths);
    let otel = by_setup.or_else(|| modified(&paths.codex_home.join("config.toml")));
    let changed = otel.max(modified(&paths.env_file));
    let file = paths.codex_home.join("app-server-daemon/daemon.pid");
    let pid = pid(&file)?;
    let is_older_than_settings = changed > Some(modified(&file)?);
    is_alive(pid).then_some(Daemon { pid, is_older_than_settings })
}

/// What the facts mean.
pub fn check(daemon: Option<&Daemon>) -> Vec<Finding> {
    let finding = match daemon {
        None => Finding::ok(CHECK, "no daemon of Codex's terminal sessions runs"),
        Some(Daemon { pid, is_older_than_settings: false }) => Finding::ok(
            CHECK,
            format!("the daemon of Codex's terminal sessions (pid {pid}) has the present settings"),
        ),
        Some(Daemon { pid, .. }) => {
            let message = format!(
                "the daemon of Codex's terminal sessions (pid {pid}) was started before the telemetry settings last changed, and goes on with the old ones until it is restarted, which ends the turns that it runs"
            );
            Finding::warning(CHECK, message, "codex app-server daemon restart")
        }
    };
    vec![finding]
}

/// When setup last changed Codex's configuration, as its record says.
fn changed_by_setup(paths: &Paths) -> Option<SystemTime> {
    let record = fs::read(paths.harness_home.join("state/setup.json")).ok()?;
    let record: serde_json::Value = serde_json::from_slice(&record).ok()?;
    let millis = record.get("otel_changed_ms")?.as_u64()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
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
        assert_eq!(found, Daemon { pid, is_older_than_settings: false });
        assert_eq!(check(Some(&found))[0].level, Level::Ok);

        let ago = |file: &Path, minutes: u64| {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            let file = fs::File::options().create(true).append(true).open(file).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(60 * minutes)).unwrap();
        };
        let set_up = |minutes: u64| {
            let time = SystemTime::now() - Duration::from_secs(60 * minutes);
            let millis = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
            let file = paths.harness_home.join("state/setup.json");
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, format!(r#"{{"entries":[],"otel_changed_ms":{millis}}}"#)).unwrap();
        };
        let level = || check(gather(&paths).as_ref()).remove(0).level;
        ago(&file, 10);
        ago(&paths.codex_home.join("config.toml"), 5);
        assert_eq!(level(), Level::Warning, "an installation from before");
        set_up(15);
        assert_eq!(level(), Level::Ok, "Codex has written to its own file");
        set_up(5);
        let finding = check(gather(&paths).as_ref()).remove(0);
        assert_eq!(finding.level, Level::Warning, "{finding:?}");
        assert!(finding.message.contains(&format!("pid {pid}")), "{finding:?}");
        set_up(15);
        ago(&paths.env_file, 5);
        assert_eq!(level(), Level::Warning);

        // A crash has left the file behind: this process id is larger than any system's.
        fs::write(&file, r#"{"pid":2147483646}"#).unwrap();
        assert_eq!(gather(&paths), None);
    }
}
