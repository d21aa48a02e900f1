//! What version 0.1 has stored is read by every later version.
//!
//! `tests/data/0.1` is what 0.1 left of a home with a turn in the local store, the same turn queued for
//! two targets, and an installation by setup. A change of a format that cannot read it fails here; a
//! new format gets a folder of its own. The database of the buffer service and the memory of a thread
//! have their samples where they are read.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const TRACE: &str = "8f997398c0a639f4f157e73cb3e837aa";

struct Home(TempDir);

impl Home {
    fn of(version: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(version);
        for (from, to) in [
            ("harness", ".arize/harness"),
            ("codex", ".codex"),
            ("bashrc", ".bashrc"),
            ("profile", ".profile"),
        ] {
            home.copy(&data.join(from), &home.0.path().join(to));
        }
        home
    }

    fn copy(&self, from: &Path, to: &Path) {
        if from.is_dir() {
            fs::create_dir_all(to).unwrap();
            for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
                self.copy(&entry.path(), &to.join(entry.file_name()));
            }
            return;
        }
        let bytes = fs::read(from).unwrap();
        let home = self.0.path().display().to_string();
        match String::from_utf8(bytes) {
            Ok(text) => fs::write(to, text.replace("@HOME@", &home)),
            Err(binary) => fs::write(to, binary.into_bytes()),
        }
        .unwrap();
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
        command.args(arguments).env_clear().env("HOME", self.0.path());
        command.env("PATH", "/usr/bin:/bin").env("ARIZE_CODEX_BUFFER_PORT", "9");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(arguments)).unwrap()
    }
}

#[test]
fn the_local_store_of_0_1() {
    let home = Home::of("0.1");
    let list = home.json(&["show", "--json"]);
    assert_eq!(list[0]["trace_id"], TRACE, "{list}");
    let spans = home.json(&["show", "--last", "--json"]);
    assert_eq!(spans.as_array().unwrap().len(), 7, "{spans}");
    assert_eq!(spans[0]["attributes"]["input.value"], "List the files");
}

#[test]
fn the_ledger_and_the_queues_of_0_1() {
    let home = Home::of("0.1");
    // There is a file per day, and old ones are not looked at.
    let ledger = home.0.path().join(".arize/harness/state/codex/ledger");
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    fs::rename(ledger.join("2026-12-01.jsonl"), ledger.join(today + ".jsonl")).unwrap();
    let status = home.json(&["status", "--json"]);
    let turn = &status["turns"][0];
    assert_eq!(
        (&turn["trace_id"], &turn["input_tokens"]),
        (&TRACE.into(), &3003.into()),
        "{status}"
    );
    let targets = status["targets"].as_array().unwrap();
    let queued = |name: &str| {
        let target = targets.iter().find(|target| target["name"] == name);
        target.unwrap_or_else(|| panic!("{name}: {status}"))["queued"].clone()
    };
    assert_eq!((queued("phoenix"), queued("otlp")), (1.into(), 1.into()));
}

#[test]
fn the_batches_and_notes_of_0_1() {
    let home = Home::of("0.1");
    let harness = home.0.path().join(".arize/harness");
    fs::remove_file(harness.join("traces.db")).unwrap();
    let settings = "harnesses: {codex: {target: local}}\noutbox: {max_age_days: 36500}\n";
    fs::write(harness.join("config.yaml"), settings).unwrap();
    // The notes say where they were to go, now that the settings no longer do.
    let status = home.run(&["status"]);
    assert!(status.contains("127.0.0.1:9"), "{status}");
    home.run(&["flush", "--to", "local"]);
    let spans = home.json(&["show", "--last", "--json"]);
    assert_eq!(spans.as_array().unwrap().len(), 7, "{spans}");
    let queues = harness.join("state/codex/outbox");
    let left = fs::read_dir(queues.join("phoenix")).into_iter().flatten().flatten();
    let left: Vec<_> =
        left.filter(|file| file.path().extension().is_some_and(|it| it == "batch")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_record_of_an_installation_by_0_1() {
    let home = Home::of("0.1");
    let report = home.json(&["uninstall", "--dry-run", "--json"]);
    let steps = report["steps"].to_string();
    for file in ["config.yaml", "config.toml", "arize-env.sh", ".bashrc", ".profile"] {
        assert!(steps.contains(file), "{file}: {report:#}");
    }
    home.run(&["uninstall", "-y"]);
    let settings = fs::read_to_string(home.0.path().join(".arize/harness/config.yaml")).unwrap();
    assert!(
        settings.contains("local_copy: true") && !settings.contains("write_token"),
        "{settings}"
    );
    assert!(!home.0.path().join(".codex/config.toml").exists());
    assert!(!home.0.path().join(".bashrc").exists());
}
