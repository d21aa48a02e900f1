//! What setup notes of an installation is what the doctor reads.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codex_config::Paths;
use doctor::checks::codex_toml;
use machine::Daemon;
use setup::change::{Part, Undo};
use setup::record::{Entry, Record, RecordFiles};

struct Home {
    _dir: tempfile::TempDir,
    paths: Paths,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path(), None);
        fs::create_dir_all(&paths.codex_home).unwrap();
        Self { _dir: dir, paths }
    }

    fn place(&self) -> RecordFiles {
        RecordFiles::under(&self.paths.harness_home)
    }

    fn note_change_of_otel(&self, time: SystemTime) {
        let millis = time.duration_since(UNIX_EPOCH).unwrap().as_millis();
        let otel_changed_ms = Some(u64::try_from(millis).unwrap());
        self.place().save(&Record { otel_changed_ms, ..Record::default() }).unwrap();
    }
}

fn ago(minutes: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(60 * minutes)
}

/// Codex writes to its own file while its daemon runs: only what setup changed counts.
#[test]
fn a_daemon_is_older_than_the_settings_if_setup_changed_them_since() {
    let home = Home::new();
    let folder = home.paths.codex_home.join("app-server-daemon");
    fs::create_dir_all(&folder).unwrap();
    let pid_file = folder.join("daemon.pid");
    fs::write(&pid_file, format!(r#"{{"pid":{}}}"#, std::process::id())).unwrap();
    File::options().append(true).open(&pid_file).unwrap().set_modified(ago(10)).unwrap();
    fs::write(home.paths.codex_home.join("config.toml"), "[notice]\n").unwrap();
    let is_older = || Daemon::find(&home.paths).unwrap().has_old_settings;
    assert!(is_older(), "an installation from before setup noted it");
    home.note_change_of_otel(ago(15));
    assert!(!is_older());
    home.note_change_of_otel(ago(5));
    assert!(is_older());
}

#[test]
fn the_exporter_before_setup_is_known_as_the_one_that_was_kept() {
    let home = Home::new();
    let config = home.paths.codex_home.join("config.toml");
    let before = "[otel]\nexporter = { otlp-http = { endpoint = \"https://otel.example/v1/logs\", \
                  protocol = \"binary\", headers = {} } }\n";
    let after = format!("notify = [\"/bin/true\"]\n{before}");
    fs::write(&config, &after).unwrap();
    let inspect = || {
        let expected = codex_toml::Expected {
            search: OsStr::new(""),
            service: None,
            write_token: None,
            prompts: true,
            hooks: false,
            version: None,
            codex: None,
        };
        codex_toml::inspect(&home.paths, expected).kept
    };
    assert_eq!(inspect(), None);
    let mut record = Record::default();
    record.note(Entry {
        part: Part::CodexConfig,
        before: Some(home.place().back_up(&config, before).unwrap()),
        after: Vec::new(),
        undo: Undo::Leave,
        path: config,
    });
    home.place().save(&record).unwrap();
    let kept = inspect().unwrap();
    assert_eq!(kept.endpoint.as_deref(), Some("https://otel.example/v1/logs"));
}
