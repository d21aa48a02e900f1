//! The program that Codex notified before us (`chained_notify`).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use stories::{Home, Protocol, Script, Step, USAGE, wait};

use crate::{check, stage};

/// A program is given the same by our hook as by Codex itself.
#[test]
fn another_notify_program_notices_no_difference() {
    let home = stage::home("chained");
    let notes = home.root().join("notes");
    let noted = || {
        let noted = wait::until("the program to end", Duration::from_secs(15), || {
            fs::read_to_string(&notes).ok()
        });
        fs::remove_file(&notes).expect("notes");
        noted.expect("notes")
    };
    let program = notary(&home, &notes);
    let program = program.to_str().expect("a path");
    let direct = Script::new("Ring the bell").step(Step::new(USAGE).message("It rings."));
    let chained = direct.clone();
    let runs = stage::Runs::new(&home, &[direct.clone(), chained.clone()], Protocol::Binary);

    let notify = format!("notify=[\"{program}\", \"--flag\", \"two words\"]");
    let exec = runs.turn(&["-c", &notify], &direct);
    let from_codex = noted();
    assert!(from_codex.contains(&exec.thread_id), "{from_codex}");

    let phoenix = stage::phoenix().url();
    let target = format!(
        "target: phoenix\n    endpoint: {phoenix}\n    chained_notify: [{program}, --flag, two words]"
    );
    home.configure(&target).expect("config.yaml");
    let exec = runs.turn(&[], &chained);
    let from_us = noted();
    let hook = runs.hook_runs(1).remove(0);
    assert!(from_us.contains(&hook.payload), "{from_us}");
    // Another process of another thread.
    let id = |payload: &str, key: &str| {
        let payload: Value = serde_json::from_str(payload).expect("a payload");
        payload[key].as_str().expect("an id").to_owned()
    };
    assert_eq!(id(&hook.payload, "thread-id"), exec.thread_id);
    let payload = from_codex.lines().find(|line| line.starts_with('{')).expect("a payload");
    let expected = ["thread-id", "turn-id"].into_iter().fold(from_codex.clone(), |text, key| {
        text.replace(&id(payload, key), &id(&hook.payload, key))
    });
    assert_eq!(from_us, expected);
    check::turn(&stage::spans("chained"), &chained, "Turn 1", &exec);
}

/// A program that notes its arguments and folder, whether it leads a process group or session, what
/// it can read, and its environment but for what differs between any two processes.
fn notary(home: &Home, notes: &Path) -> PathBuf {
    let program = home.root().join("notary");
    let text = format!(
        r#"#!/bin/sh
        {{ printf '%s\n' "$@"; pwd; cat
        ps -o pgid=,sid= -p $$ | grep -wc $$
        env | grep -v -e ^_= -e ^ARIZE_CHAINED_NOTIFY= | sort; }} > {0}.new
        mv {0}.new {0}"#,
        notes.display()
    );
    fs::write(&program, text).expect("a program");
    fs::set_permissions(&program, Permissions::from_mode(0o700)).expect("a program");
    program
}
