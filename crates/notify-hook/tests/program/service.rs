//! The buffer service, which the hook starts for the next turn.

use std::fs;

use crate::home::{Home, recorded};

#[test]
fn why_it_does_not_start_is_said() {
    let home = Home::new();
    // It is not executable.
    fs::write(home.harness("bin/arize-codex-buffer"), "").unwrap();
    home.notify(recorded("0.169.0/basic", "notify.jsonl").trim());
    let log = home.log();
    let line = log.lines().find(|line| line.contains("the buffer service does not start: "));
    assert!(line.unwrap().ends_with("cannot be started: Permission denied (os error 13)"), "{log}");
    home.traced(1);
}
