//! A turn of which a source is missing: the trace loses details, never itself.

use stories::tree::expected_flat;
use stories::{Home, Protocol, expected_tree};

use crate::complete::script;
use crate::{check, stage};

#[test]
fn without_the_buffer_the_transcript_tells_everything() {
    let project = "transcript-only";
    let home = stage::home(project);
    let played = stage::play(&home, &script(), Protocol::Binary, &[]);
    let spans = stage::spans(project);
    check::turn(&spans, &played.script, "Turn 1", &played.exec);
}

#[test]
fn without_a_transcript_the_events_tell_what_was_done() {
    let project = "events-only";
    let mut home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let played = stage::play_without_transcript(&mut home, &script());
    if !stage::version().names_the_thread() {
        return knows_no_thread(&home, project);
    }
    let spans = stage::spans(project);
    let mut expected = expected_tree(&played.script, "Turn");
    // No event says what the model said.
    expected.children.iter_mut().for_each(|call| call.value.output.clear());
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
    check::identity(&spans, &played.script, &played.exec.thread_id);
    check::telemetry(&spans);
}

#[test]
fn with_neither_there_is_the_prompt_and_the_answer() {
    let project = "notification-only";
    let mut home = stage::home(project);
    let played = stage::play_without_transcript(&mut home, &script());
    if !stage::version().names_the_thread() {
        return knows_no_thread(&home, project);
    }
    let spans = stage::spans(project);
    let mut expected = expected_flat(&played.script);
    expected.value.input.take_if(|_| !stage::version().repeats_the_prompt());
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
}

/// Codex 0.44 names no thread, and without a transcript nothing else does. That is said.
fn knows_no_thread(home: &Home, project: &str) {
    assert_eq!(stage::spans(project), []);
    let log = home.log();
    assert!(log.contains("no `thread-id`"), "{log}");
}
