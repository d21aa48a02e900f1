//! Turns without a notify of Codex: the buffer service notices them, within seconds.

use std::time::Duration;

use stories::codex::{ARGUMENT_LIMIT, Exec};
use stories::phoenix::Span;
use stories::{Call, Home, Protocol, Script, Step, USAGE, wait};

use crate::stage::Runs;
use crate::{check, stage, turns};

/// The service waits for 1.5 s; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_turn_that_failed() {
    let project = "unannounced-failure";
    let script = turns::refused();
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let runs = Runs::new(&home, std::slice::from_ref(&script), Protocol::Binary);
    let exec = runs.turn(&[], &script);
    let spans = traced_soon(&home, project, &exec);
    let mut expected = stories::expected_tree(&script, "Turn 1");
    // By status or by reason: Codex may end before it sends the event with the status.
    expected.children[1].value.complaint.clear();
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
    check::identity(&spans, &script, &exec.thread_id);
    check::times(&spans, exec.finished.took);
    runs.hook_runs(0);
}

#[test]
fn a_prompt_that_is_too_long_for_a_notification() {
    let project = "unannounced-prompt";
    let prompt = "All work and no play. ".repeat(ARGUMENT_LIMIT / 20);
    let script = Script::new(&prompt).step(Step::new(USAGE).message("A dull boy."));
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let runs = Runs::new(&home, std::slice::from_ref(&script), Protocol::Binary);
    let exec = runs.turn(&[], &script);
    let spans = traced_soon(&home, project, &exec);
    check::tree(&spans, &stories::expected_tree(&script, "Turn 1"));
    check::identity(&spans, &script, &exec.thread_id);
    check::telemetry(&spans);
    check::totals(project, &[script]);
    runs.hook_runs(0);
}

#[test]
fn codex_without_notify_and_without_events() {
    let project = "unannounced-at-all";
    let script = Script::new("Say nothing")
        .step(Step::new(USAGE).call(Call::command("echo one").prints("one\n")))
        .step(Step::new(USAGE).message("Done."));
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let runs = Runs::new(&home, std::slice::from_ref(&script), Protocol::Binary);
    let exec = runs.turn(&["-c", "notify=[]", "-c", "otel.exporter=\"none\""], &script);
    let spans = traced_soon(&home, project, &exec);
    check::turn(&spans, &script, "Turn 1", &exec);
    check::totals(project, &[script]);
    runs.hook_runs(0);
}

#[test]
fn an_interrupted_codex() {
    let project = "unannounced-interrupt";
    let script = turns::endless("aborted by user").fails("interrupted");
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let runs = Runs::new(&home, std::slice::from_ref(&script), Protocol::Binary);
    let exec = runs.stopped_turn(&script, "INT");
    let spans = traced_soon(&home, project, &exec);
    check::turn(&spans, &script, "Turn 1", &exec);
    runs.hook_runs(0);
}

#[test]
fn a_killed_codex() {
    is_gone("unannounced-kill", "KILL");
}

#[test]
fn a_codex_that_was_asked_to_end_says_no_more_than_a_killed_one() {
    is_gone("unannounced-termination", "TERM");
}

/// The transcript just stops; the service notices that it was closed.
fn is_gone(project: &str, signal: &str) {
    let script = turns::endless("interrupted").fails("codex ended before the turn did");
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let runs = Runs::new(&home, std::slice::from_ref(&script), Protocol::Binary);
    let exec = runs.stopped_turn(&script, signal);
    let spans = traced_soon(&home, project, &exec);
    check::turn(&spans, &script, "Turn 1", &exec);
}

/// Waits until a turn of this thread was sent, and returns what Phoenix has.
fn traced_soon(home: &Home, project: &str, exec: &Exec) -> Vec<Span> {
    let sent = format!("of thread {}: ", exec.thread_id);
    wait::until("the turn to be sent", SOON, || home.log().contains(&sent).then_some(()))
        .expect("a trace");
    stage::spans(project)
}
