//! `arize-codex show --html` and `--perfetto`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use exporters::{Exporter, LocalStore};
use otlp_model::{SpanBatch, TreeOptions, Turn};

const KEY: &str = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH";

#[test]
fn a_turn_is_written_for_others_without_its_secrets() {
    let home = tempfile::tempdir().unwrap();
    let store = home.path().join("traces.db");
    let turn = Turn {
        thread_id: "thread".to_owned(),
        key: "1".to_owned(),
        prompt: Some(format!("use {KEY} & go")),
        ..Turn::default()
    };
    let batch = SpanBatch::of(&turn, "project", &TreeOptions::default());
    LocalStore::new(&store).export(&batch).unwrap();
    for (flag, part) in [("--html", "&amp; go"), ("--perfetto", "& go")] {
        let file = home.path().join(format!("turn{flag}"));
        let done = Command::new(env!("CARGO_BIN_EXE_arize-codex"))
            .env_clear()
            .env("HOME", home.path())
            .args(["show", "--store"])
            .arg(&store)
            .arg(flag)
            .arg(&file)
            .output()
            .unwrap();
        let printed = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success(), "{printed} {done:?}", done = done.stderr);
        assert!(printed.ends_with("replaced 1 secret in input.value\n"), "{printed}");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(part) && !text.contains(KEY), "{text}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
