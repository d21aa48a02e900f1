//! A turn of which a source is missing: the trace loses details, never itself.

use stories::tree::expected_flat;
use stories::{Protocol, expected_tree};

use crate::complete::script;
use crate::{check, stage};

#[test]
fn without_the_buffer_the_transcript_tells_everything() {
    let project = "transcript-only";
    let script = script();
    let home = stage::home(project);
    let played = stage::play(&home, &script, Protocol::Binary, &[]);
    let spans = stage::spans(project);
    check::turn(&spans, &script, "Turn 1", &played.exec);
}

#[test]
fn without_a_transcript_the_events_tell_what_was_done() {
    let project = "events-only";
    let script = script();
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script, Protocol::Binary, &["--ephemeral"]);
    let spans = stage::spans(project);
    let mut expected = expected_tree(&script, "Turn");
    // No event says what the model said.
    expected.children.iter_mut().for_each(|call| call.value.output.clear());
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
    check::identity(&spans, &script, &played.exec.thread_id);
    check::telemetry(&spans);
}

#[test]
fn with_neither_there_is_the_prompt_and_the_answer() {
    let project = "notification-only";
    let script = script();
    let home = stage::home(project);
    stage::play(&home, &script, Protocol::Binary, &["--ephemeral"]);
    let spans = stage::spans(project);
    let expected = expected_flat(&script);
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
}
