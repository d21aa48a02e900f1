//! Turns while their transcript is written.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use codex_live::{LiveTurns, SILENCE};
use otlp_model::turn::Outcome;
use tempfile::TempDir;

const RECORDED: &str = include_str!("data/rollout.jsonl");
const THREAD: &str = "01a22d3d-2ee4-7240-9e9f-f1bab2515e1a";

struct Home {
    folder: TempDir,
    live: LiveTurns,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let live = LiveTurns::new(folder.path(), SystemTime::now());
        Self { folder, live }
    }

    fn transcript(&self, day: &str) -> PathBuf {
        let folder = self.folder.path().join("sessions").join(day);
        fs::create_dir_all(&folder).unwrap();
        folder.join(format!("rollout-2026-11-30T16-15-14-{THREAD}.jsonl"))
    }

    fn append(&self, text: &str) {
        let path = self.transcript("2026/11/30");
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}

#[test]
fn a_turn_grows_record_by_record_and_ends_once() {
    let mut home = Home::new();
    assert!(home.live.poll(SystemTime::now()).is_empty());
    let (mut tools, mut ends) = (0, 0);
    for line in RECORDED.split_inclusive('\n') {
        // A record that is half written says nothing.
        let (first, rest) = line.split_at(line.len() / 2);
        home.append(first);
        assert!(home.live.poll(SystemTime::now()).is_empty());
        home.append(rest);
        for changed in home.live.poll(SystemTime::now()) {
            assert_eq!(changed.thread.thread_id, THREAD);
            let now = changed.turn.tool_calls().count();
            assert!(now >= tools, "{now} after {tools}");
            tools = now;
            ends += usize::from(changed.has_ended);
            assert_eq!(home.live.running().count(), usize::from(!changed.has_ended));
            if changed.has_ended {
                assert_eq!(changed.turn.outcome, Outcome::Ok);
                assert_eq!(changed.turn.prompt.as_deref(), Some("Patch"));
                assert_eq!(changed.folder.as_deref(), Some("/home/dev/project"));
            }
        }
    }
    assert_eq!((tools, ends), (3, 1));
    // The same again: nothing is new.
    assert!(home.live.poll(SystemTime::now()).is_empty());
}

#[test]
fn what_ended_before_is_not_handed_out_and_what_goes_on_is() {
    let lines: Vec<&str> = RECORDED.split_inclusive('\n').collect();
    let mut ended = Home::new();
    ended.append(RECORDED);
    assert!(ended.live.poll(SystemTime::now()).is_empty());

    let mut open = Home::new();
    open.append(&lines[..lines.len() / 2].concat());
    let changed = open.live.poll(SystemTime::now());
    assert_eq!(changed.len(), 1);
    assert!(!changed[0].has_ended);
}

#[test]
fn a_thread_of_an_older_day_is_found_a_silent_one_is_given_up() {
    let mut home = Home::new();
    let lines: Vec<&str> = RECORDED.split_inclusive('\n').collect();
    for day in ["2026/11/28", "2026/11/29"] {
        fs::create_dir_all(home.folder.path().join("sessions").join(day)).unwrap();
    }
    let path = home.transcript("2026/01/01");
    fs::write(&path, lines[..lines.len() / 2].concat()).unwrap();
    let now = SystemTime::now();
    assert_eq!(home.live.poll(now).len(), 1);
    assert_eq!(home.live.poll(now).len(), 0);
    home.live.poll(now + SILENCE + Duration::from_secs(1));
    assert_eq!(home.live.running().count(), 0);
}

#[test]
fn a_file_that_was_replaced_is_read_anew() {
    let mut home = Home::new();
    let lines: Vec<&str> = RECORDED.split_inclusive('\n').collect();
    home.append(&lines[..lines.len() / 2].concat());
    assert_eq!(home.live.poll(SystemTime::now()).len(), 1);
    File::create(home.transcript("2026/11/30")).unwrap();
    home.append(&lines[..3].concat());
    home.live.poll(SystemTime::now());
    home.append(lines[3]);
    home.live.poll(SystemTime::now());
    assert_eq!(home.live.running().next().unwrap().turn.tool_calls().count(), 0);
}

/// A thread with its sub-agents, and one that has nothing to do with it.
#[test]
fn one_session_is_followed_and_its_sub_agents_join_the_trace_of_the_root() {
    let home = Home::new();
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = data.join("../codex-turn/tests/data/0.169.0/subagent_v1");
    let day = home.transcript("2026/11/30").parent().unwrap().to_owned();
    let mut root = String::new();
    for name in ["rollout.jsonl", "rollout-2.jsonl", "rollout-3.jsonl"] {
        let text = fs::read_to_string(data.join(name)).unwrap();
        let meta: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        let thread = meta["payload"]["id"].as_str().unwrap();
        if meta["payload"]["parent_thread_id"].is_null() {
            thread.clone_into(&mut root);
        }
        let begun = &text[..text.rfind("\"task_complete\"").unwrap()];
        let begun = &begun[..begun.rfind('\n').unwrap() + 1];
        fs::write(day.join(format!("rollout-2026-11-30T16-15-14-{thread}.jsonl")), begun).unwrap();
    }
    let lines: Vec<&str> = RECORDED.split_inclusive('\n').collect();
    home.append(&lines[..lines.len() / 2].concat());
    let mut live = LiveTurns::of_session(home.folder.path(), &root, SystemTime::now());
    let mut turns = live.poll(SystemTime::now());
    assert_eq!(turns.len(), 3, "{turns:?}");
    turns.iter_mut().for_each(|turn| live.join_trace(turn));
    let root = turns.iter().find(|live| live.turn.thread_id == root).unwrap();
    assert_eq!(root.turn.parent, None);
    assert!(turns.iter().all(|live| live.turn.trace_id() == root.turn.trace_id()));
    assert!(turns.iter().all(|live| live.turn.session_id == root.turn.session_id));
}
