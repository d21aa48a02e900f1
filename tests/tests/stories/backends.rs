//! A backend that refuses or hangs: Codex feels nothing, the log says why, and nothing is lost.

use stories::backend::{BadServer, Behaviour};
use stories::{Protocol, expected_tree};

use crate::complete::script;
use crate::{check, stage};

#[test]
fn that_wants_another_key() {
    loses_nothing("unauthorized", Behaviour::Status(401), "http status 401");
}

#[test]
fn that_finds_the_batch_too_large() {
    loses_nothing("too-large", Behaviour::Status(413), "too large");
}

#[test]
fn that_does_not_know_the_format() {
    loses_nothing("unsupported", Behaviour::Status(415), "http status 415");
}

#[test]
fn that_is_busy() {
    loses_nothing("busy", Behaviour::Status(503), "http status 503");
}

#[test]
fn that_hangs() {
    loses_nothing("hanging", Behaviour::Hang, "no answer in time");
}

fn loses_nothing(project: &str, behaviour: Behaviour, reason: &str) {
    let backend = BadServer::start(behaviour).expect("a bad backend");
    let script = script();
    let home = stage::home(project);
    home.trace_to(&backend.url()).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script, Protocol::Binary, &[]);
    assert!(backend.requests() > 0, "nothing was sent");
    let log = home.log();
    assert!(log.contains(&backend.url()) && log.contains(reason), "{log}");

    // Other settings make all that is queued due; dead letters have to be asked for.
    home.trace_to(stage::phoenix().url()).expect("config.yaml");
    stage::trigger(&home, &[&played.hook.payload]);
    stage::trigger(&home, &["--flush", "--rejected"]);
    let spans = stage::spans(project);
    let expected = expected_tree(&script, "Turn 1");
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
}
