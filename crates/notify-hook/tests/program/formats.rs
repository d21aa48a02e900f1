//! What version 0.1 remembers of a thread is read by every later version.

use std::fs;
use std::path::Path;

use crate::home::Home;

const THREAD: &str = "01a1fb18-d745-76d3-8970-09f42d282b2f";

#[test]
fn a_turn_that_0_1_has_sent_is_not_sent_again() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(data.join(file)).unwrap();
    let home = Home::new();
    let day = home.path().join(".codex/sessions/2026/11/20");
    fs::create_dir_all(&day).unwrap();
    let transcript = day.join(format!("rollout-2026-11-20T22-34-31-{THREAD}.jsonl"));
    fs::write(transcript, read("../cli/data/demo/rollout.jsonl")).unwrap();
    let memory = home.harness(&format!("state/codex/threads/{THREAD}.json"));
    fs::create_dir_all(memory.parent().unwrap()).unwrap();
    let sample = read("tests/data/0.1/thread.json");
    fs::write(&memory, sample.replace("@HOME@", home.path().to_str().unwrap())).unwrap();

    let notify = read("../cli/data/demo/notify.json");
    home.notify(notify.trim_end());
    assert!(home.turns().is_empty(), "{}", home.log());
    // Without what it remembers, it is traced.
    fs::remove_file(&memory).unwrap();
    home.notify(notify.trim_end());
    home.traced(1);
}
