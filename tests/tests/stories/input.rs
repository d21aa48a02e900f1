//! Input that is not what it should be: the hook stays silent towards Codex, and its log says what
//! was wrong.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use stories::backend::{BadServer, Behaviour};
use stories::tree::expected_flat;
use stories::{Home, Protocol, Script, expected_tree};

use crate::complete::script;
use crate::{check, stage};

const THREAD: &str = "01a1fb18-d745-76d3-8970-09f42d282b2f";

/// Where Codex keeps it, in the folder of the day that the id tells.
const TRANSCRIPT: &str = "sessions/2026/11/20/rollout-2026-11-20T22-34-31-\
                          01a1fb18-d745-76d3-8970-09f42d282b2f.jsonl";

#[test]
fn arguments_that_are_no_notification() {
    let mut home = stage::home("no-notification");
    // Other kinds of notifications are none of its business, and only named in a verbose log.
    home.set_variable("ARIZE_VERBOSE", "true");
    let cases: [(&[&str], &str); 3] = [
        (&["{\"type\":\"agent-turn-"], "JSON"),
        (&[r#"{"type":"agent-turn-begun","thread-id":"t"}"#], "agent-turn-begun"),
        (&[r#"{"type":"agent-turn-complete","input-messages":["hi"]}"#], "thread-id"),
    ];
    for (arguments, reason) in cases {
        let before = home.log();
        stage::trigger(&home, arguments);
        let log = home.log();
        let new = log.strip_prefix(&before).expect("the log only grows");
        assert!(new.contains(reason), "{arguments:?}: no {reason:?} in {new:?}");
    }
}

#[test]
fn a_transcript_that_cannot_be_read() {
    let project = "unreadable-transcript";
    let script = Script::new("Say hello").step(stories::Step::default().message("Hello!"));
    let home = stage::home(project);
    // The tests may run as root, who can read every file, but not a directory.
    let transcript = home.codex_home().join(TRANSCRIPT);
    fs::create_dir_all(&transcript).expect("a directory");
    let payload = json!({ "type": "agent-turn-complete", "thread-id": THREAD, "turn-id": "turn",
        "cwd": "/", "input-messages": [script.prompt], "last-assistant-message": script.answer() });
    stage::trigger(&home, &[payload.to_string()]);
    let log = home.log();
    assert!(log.contains(&*transcript.to_string_lossy()), "{log}");
    check::tree(&stage::spans(project), &expected_flat(&script));
}

#[test]
fn a_transcript_with_garbage_in_it() {
    let project = "garbage-in-transcript";
    let script = script();
    let unsent = a_turn_that_was_not_sent(&script);
    let garbage = "\n{\"type\":\"event_m\n\u{fffd}\0\n{\"type\":\"novelty\",\"payload\":[]}\n";
    let home = stage::home(project);
    let bad = home.codex_home().join(unsent.path);
    fs::create_dir_all(bad.parent().expect("a folder")).expect("the sessions folder");
    fs::write(&bad, unsent.transcript.replace('\n', garbage)).expect("a transcript");
    stage::trigger(&home, &[unsent.payload]);
    let spans = stage::spans(project);
    let expected = expected_tree(&script, "Turn 1");
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
    let log = home.log();
    assert!(log.contains(&*bad.to_string_lossy()), "{log}");
}

#[test]
fn a_stranger_who_talks_nonsense_on_the_port_of_the_buffer() {
    does_not_need_the_buffer("nonsense-on-port", Behaviour::Garbage);
}

#[test]
fn a_stranger_who_is_silent_on_the_port_of_the_buffer() {
    does_not_need_the_buffer("silence-on-port", Behaviour::Hang);
}

fn does_not_need_the_buffer(project: &str, behaviour: Behaviour) {
    let stranger = BadServer::start(behaviour).expect("a stranger");
    let script = script();
    let mut home = stage::home(project);
    home.set_buffer_port(stranger.port());
    home.trace_to(stage::phoenix().url()).expect("config.yaml");
    stage::play(&home, &script, Protocol::Binary, &[]);
    check::tree(&stage::spans(project), &expected_tree(&script, "Turn 1"));
    let log = home.log();
    assert!(log.contains(&stranger.port().to_string()), "{log}");
}

/// What a turn left behind whose spans reached no target.
struct Unsent {
    payload: String,
    /// Of the transcript, below Codex's home.
    path: PathBuf,
    transcript: String,
}

/// Lets Codex do a turn for a home that cannot send it. (Sent from two homes, the spans would have
/// the same ids.)
fn a_turn_that_was_not_sent(script: &Script) -> Unsent {
    let backend = BadServer::start(Behaviour::Status(503)).expect("a bad backend");
    let home = Home::new(&stage::programs(), "unsent").expect("a home");
    home.trace_to(&backend.url()).expect("config.yaml");
    let played = stage::play(&home, script, Protocol::Binary, &[]);
    let path = home.transcript(&played.exec.thread_id).expect("a transcript");
    Unsent {
        payload: played.hook.payload,
        transcript: fs::read_to_string(&path).expect("text"),
        path: path.strip_prefix(home.codex_home()).expect("below Codex's home").to_owned(),
    }
}
