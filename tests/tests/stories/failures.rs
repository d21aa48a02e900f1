//! A model provider that fails: attempts that Codex repeats, and turns that come to nothing.

use std::time::Duration;

use stories::phoenix::Span;
use stories::tree::{Expected, Node};
use stories::{Call, Protocol, Script, Step, USAGE, expected_tree};

use crate::stage::Runs;
use crate::{check, stage, turns};

#[test]
fn attempts_that_fail_before_one_that_succeeds() {
    let project = "attempts";
    let script = Script::new("Try hard")
        .step(Step::status(500))
        .step(Step::status(429))
        .step(Step::new(USAGE).message("Lost").cut_after(2))
        .step(Step::new(USAGE).call(Call::command("echo one").prints("one\n")))
        .step(Step::status(503))
        .step(Step::new(USAGE).message("At last."));
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script, Protocol::Binary, &[]);
    let spans = stage::spans(project);
    check::turn(&spans, &script, "Turn 1", &played.exec);
    check::totals(project, &[script]);
    // The head of the answer that was cut came, with status 200.
    assert_eq!(http_statuses(&spans), [500, 429, 200, 200, 503, 200]);
}

#[test]
fn a_request_that_the_provider_refuses() {
    let refused = turns::refused();
    let mut expected = expected_tree(&refused, "Turn 1");
    // The turn was over before Codex could send a single event: no HTTP status, only the reason.
    expected.children[1].value.complaint = "scripted failure".to_owned();
    is_reported_by_the_next_turn("refused", refused, expected, 2, &[]);
}

#[test]
fn a_provider_that_never_recovers() {
    // Codex sends its events every second, but not when it fails: the first attempt is reported, and the
    // second one if the second was just over.
    let late = Step::status(500).after(Duration::from_millis(1500));
    let hopeless =
        Script::new("Try in vain").step(Step::status(500)).step(late).fails("high demand");
    let expected = expected_tree(&hopeless, "Turn 1");
    let few = [
        "-c",
        "model_providers.scripted.request_max_retries=1",
        "-c",
        "model_providers.scripted.stream_max_retries=0",
    ];
    is_reported_by_the_next_turn("hopeless", hopeless, expected, 1, &few);
}

/// Codex sends no notify for a turn that failed; the next turn of its thread does.
fn is_reported_by_the_next_turn(
    project: &str,
    failed: Script,
    mut expected: Node<Expected>,
    least_calls: usize,
    arguments: &[&str],
) {
    let next = Script::new("Then do this").step(Step::new(USAGE).message("Done."));
    let turns = [failed, next];
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let runs = Runs::new(&home, &turns, Protocol::Binary);
    let one = runs.turn(arguments, &turns[0]);
    let two = runs.turn(&["resume", &one.thread_id], &turns[1]);
    runs.hook_runs(1);
    let traces = stage::traces(project);
    assert_eq!(traces.len(), 2, "{traces:#?}");
    let calls = traces[0].iter().filter(|span| span.kind == "LLM").count();
    assert!(calls >= least_calls, "{:#?}", traces[0]);
    expected.children.truncate(calls);
    check::tree(&traces[0], &expected);
    check::contents(&traces[0], &expected);
    check::identity(&traces[0], &turns[0], &one.thread_id);
    check::times(&traces[0], one.finished.took);
    check::turn(&traces[1], &turns[1], "Turn 2", &two);
    check::totals(project, &turns);
}

fn http_statuses(spans: &[Span]) -> Vec<u64> {
    let calls = spans.iter().filter(|span| span.kind == "LLM");
    calls.filter_map(|span| span.number("http.response.status_code")).collect()
}
