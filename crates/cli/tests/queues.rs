//! Queued turns of targets that the settings do not name, and what a person decides about them.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

use delivery::Limits;
use delivery::Outbox;
use otlp_model::{Span, SpanBatch, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos};
use serde_json::{Value, json};
use tempfile::TempDir;
use trace_store::TraceStore;

struct Home(TempDir);

impl Home {
    /// A home whose only target is the local store, with two turns for `old`.
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(home.harness("")).unwrap();
        home.configure("target: local");
        for id in [1, 2] {
            home.outbox("old").push(&turn(id), SystemTime::now()).unwrap();
        }
        home
    }

    fn configure(&self, codex: &str) {
        let text = format!("harnesses: {{codex: {{{codex}}}}}\n");
        fs::write(self.harness("config.yaml"), text).unwrap();
    }

    fn harness(&self, file: &str) -> PathBuf {
        self.0.path().join(".arize/harness").join(file)
    }

    fn outbox(&self, queue: &str) -> Outbox {
        Outbox::new(self.harness("state/codex/outbox").join(queue), Limits::default())
    }

    /// Runs `arize-codex` with these words; gives its exit code and what it printed.
    fn run(&self, arguments: &str) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
        command.args(arguments.split_whitespace()).env_clear().env("HOME", self.0.path());
        command.env("PATH", "/usr/bin:/bin").env("ARIZE_CODEX_BUFFER_PORT", "9");
        let output = command.output().unwrap();
        let printed = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.code().unwrap(), String::from_utf8(printed).unwrap())
    }

    fn json(&self, arguments: &str) -> Value {
        let (_, text) = self.run(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What the doctor says of queues that need a decision: the command to run.
    fn warned(&self) -> Vec<String> {
        let report = self.json("doctor --json");
        let findings = report["findings"].as_array().unwrap();
        let outbox = findings.iter().filter(|f| f["check"] == "outbox" && f["level"] == "warning");
        outbox.map(|finding| finding["command"].as_str().unwrap().to_owned()).collect()
    }

    fn stored(&self) -> usize {
        let store = TraceStore::open_read_only(self.harness("traces.db"));
        store.map_or(0, |store| store.last_traces(10).unwrap().len())
    }
}

fn turn(id: u8) -> SpanBatch {
    let span = Span {
        trace_id: TraceId([id; 16]),
        span_id: SpanId([id; 8]),
        parent_id: None,
        name: "Turn 1".to_owned(),
        kind: SpanKind::Agent,
        start: UnixNanos::from_millis(1_795_214_071_000),
        end: UnixNanos::from_millis(1_795_214_072_000),
        attributes: Vec::new(),
        events: Vec::new(),
        status: SpanStatus::Ok,
    };
    SpanBatch { resource: Vec::new(), spans: vec![span] }
}

#[test]
fn the_command_that_the_doctor_names_sends_the_turns_to_a_target_that_there_is() {
    let home = Home::new();
    let commands = home.warned();
    let [command] = &commands[..] else { panic!("{commands:?}") };
    let (_, arguments) = command.split_once("arize-codex ").unwrap();
    assert_eq!(arguments, "flush --queue old --to local");
    let (code, text) = home.run(arguments);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("2 turns of `old` moved to `local`\n"), "{text}");
    assert!(text.contains("2 sent, 0 queued"), "{text}");
    assert_eq!((home.stored(), home.warned()), (2, vec![]));
}

#[test]
fn all_such_turns_can_be_sent_elsewhere_at_once_and_a_target_is_not_touched() {
    let home = Home::new();
    home.outbox("older").push(&turn(3), SystemTime::now()).unwrap();
    let result = home.json("flush --to local --json");
    assert_eq!(
        result["moved"],
        json!([{"queue": "old", "turns": 2}, {"queue": "older", "turns": 1}])
    );
    assert_eq!(home.stored(), 3);
    let (code, text) = home.run("flush --to local");
    assert_eq!(code, 0);
    assert!(text.starts_with("no turn is queued for a target that the settings do not name"));
}

/// A user who chose another target would else take the last turn in the store for the last one.
#[test]
fn older_turns_are_shown_with_a_word_on_where_the_newer_ones_are() {
    let home = Home::new();
    home.run("flush --to local");
    let newer = "newer turns are sent to `";
    assert!(!home.run("show").1.contains(newer));
    home.configure("target: phoenix, endpoint: 'http://127.0.0.1:9'");
    for (arguments, says) in
        [("show", true), ("show --last", true), ("show 01", false), ("show --last --json", false)]
    {
        let (code, text) = home.run(arguments);
        assert_eq!((code, text.contains(newer)), (0, says), "{arguments}: {text}");
        let page = "without a copy here: http://127.0.0.1:9/redirects/projects/codex";
        assert!(!says || text.contains(page), "{text}");
    }
}

#[test]
fn turns_can_be_discarded() {
    let home = Home::new();
    assert_eq!(home.run("flush --discard old"), (0, "2 turns of `old` discarded\n".to_owned()));
    assert_eq!((home.stored(), home.warned()), (0, vec![]));
}

#[test]
fn a_name_that_is_none_is_answered_with_those_that_there_are() {
    let home = Home::new();
    for (arguments, part) in [
        ("flush --discard new", "there is no queue `new`; queues with turns: old"),
        ("flush --queue new --to local", "there is no queue `new`; queues with turns: old"),
        ("flush --to new", "there is no target `new`; the targets: local"),
    ] {
        let (code, text) = home.run(arguments);
        assert!(code != 0 && text.contains(part), "{arguments}: {code} {text}");
    }
    assert_eq!(home.outbox("old").summary().unwrap().queued, 2);
}

#[test]
fn a_target_gets_no_contents_that_it_is_not_to_get() {
    let home = Home::new();
    home.configure("targets: [{target: local, logging: {prompts: false}}]");
    let (code, text) = home.run("flush --to local");
    assert!(code != 0 && text.contains("`local` gets no prompts"), "{text}");
    assert_eq!((home.stored(), home.outbox("old").summary().unwrap().queued), (0, 2));
    // Where it is known that the turns hold none.
    let contents = json!({"prompts": false, "tool_details": true, "tool_content": true});
    let note = json!({"place": "the local store", "contents": contents});
    fs::write(home.outbox("old").folder().join("target.json"), note.to_string()).unwrap();
    let (code, text) = home.run("flush --to local");
    assert_eq!((code, home.stored()), (0, 2), "{text}");
}

#[test]
fn the_status_names_the_place_that_the_environment_of_one_run_named() {
    let home = Home::new();
    let queue = home.outbox("phoenix@1a2b3c4d");
    queue.push(&turn(3), SystemTime::now()).unwrap();
    let note = json!({
        "place": "phoenix http://127.0.0.1:9, project `other`",
        "one_off": {"variables": {}, "withheld": ["PHOENIX_API_KEY"]},
    });
    fs::write(queue.folder().join("target.json"), note.to_string()).unwrap();
    let (_, text) = home.run("status");
    assert!(text.contains("  for phoenix http://127.0.0.1:9, project `other`"), "{text}");
    assert!(text.contains("not in the settings: arize-codex flush --queue old --to"), "{text}");
    let (code, text) = home.run("flush");
    assert_eq!(code, 1);
    assert!(text.contains("PHOENIX_API_KEY, which is not stored"), "{text}");
}

#[test]
fn turns_that_a_job_kept_are_sent_from_another_machine() {
    let (job, home) = (Home::new(), Home::new());
    job.outbox("local").push(&turn(7), SystemTime::now()).unwrap();
    let kept = job.harness("state/codex/outbox");
    let kept = kept.display();
    let (code, text) = home.run(&format!("flush --from {kept}"));
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("there is no target `old`; the targets: local"), "{text}");
    assert_eq!(home.stored(), 0, "all or none");
    for _ in ["once", "twice"] {
        let (code, text) = home.run(&format!("flush --from {kept} --to local"));
        assert_eq!(code, 1, "`old` of this home is still queued: {text}");
        assert!(
            text.starts_with("1 turn of `local` taken from the folder\n2 turns of `old`"),
            "{text}"
        );
        assert_eq!(home.stored(), 3);
    }
    let (_, text) = home.run("flush --from /nowhere");
    assert!(text.contains("cannot read `/nowhere`"), "{text}");
}

#[test]
fn turns_from_elsewhere_do_not_go_where_their_contents_may_not() {
    let (job, home) = (Home::new(), Home::new());
    let text = "harnesses: {codex: {target: local}}\nlogging: {prompts: false}\n";
    fs::write(home.harness("config.yaml"), text).unwrap();
    let kept = job.harness("state/codex/outbox");
    let (code, text) = home.run(&format!("flush --from {} --to local", kept.display()));
    assert_eq!((code, home.stored()), (1, 0), "{text}");
    assert!(text.contains("`local` gets no prompts"), "{text}");
}
