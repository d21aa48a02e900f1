//! Threads that are taken up again: each run of Codex adds a turn to the same runs.

use serde_json::json;
use stories::{Call, Protocol, Script, Step, USAGE, Usage, expected_tree};

use crate::stage::Runs;
use crate::{check, stage};

#[test]
fn a_resumed_thread_tells_only_what_is_new() {
    is_resumed("resumed", "gpt-5.5");
}

#[test]
fn a_thread_that_is_resumed_with_another_model() {
    is_resumed("resumed-elsewhere", "gpt-5.4");
}

fn is_resumed(project: &str, model: &str) {
    let first = Usage { input: 1000, cached: 0, output: 20, reasoning: 5 };
    let second = Usage { input: 1100, cached: 1000, output: 30, reasoning: 0 };
    let turns = [
        Script::new("Say one").step(Step::new(first).message("One.")),
        Script::new("Say two").with_model(model).step(Step::new(second).message("Two.")),
    ];
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let runs = Runs::new(&home, &turns, Protocol::Binary);
    let one = runs.turn(&[], &turns[0]);
    runs.hook_runs(1);
    let before = stage::spans(project);
    check::turn(&before, &turns[0], "Turn 1", &one);
    let two = runs.turn(&["-m", model, "resume", &one.thread_id], &turns[1]);
    runs.hook_runs(2);
    assert_eq!(two.thread_id, one.thread_id);
    let traces = stage::traces(project);
    assert_eq!(traces.len(), 2, "{traces:#?}");
    assert_eq!(traces[0], before);
    check::turn(&traces[1], &turns[1], "Turn 2", &two);
    check::totals(project, &turns);
}

#[test]
fn a_prompt_that_the_events_must_not_tell() {
    let script = Script::new("My secret is 42").step(Step::new(USAGE).message("I will not tell."));
    let unlogged = ["-c", "otel.log_user_prompt=false"];
    for (project, arguments) in [
        ("unlogged-prompt", unlogged.to_vec()),
        ("unlogged-ephemeral-prompt", [&unlogged[..], &["--ephemeral"]].concat()),
    ] {
        let home = stage::home(project);
        home.start_buffer().expect("the buffer starts");
        let played = stage::play(&home, &script, Protocol::Binary, &arguments);
        let spans = stage::spans(project);
        let root = spans.iter().find(|span| span.parent_id.is_none()).expect("a root");
        assert_eq!(root.text("input.value"), Some("My secret is 42"));
        check::identity(&spans, &script, &played.exec.thread_id);
        check::totals(project, std::slice::from_ref(&script));
    }
}

#[test]
fn a_review_is_a_turn_around_that_of_the_reviewer() {
    let project = "review";
    let script = Script::new("Look at the readme")
        .step(Step::new(USAGE).call(Call::command("echo one").prints("one\n")))
        .step(Step::new(USAGE).message("Nothing to find."));
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script, Protocol::Binary, &["review"]);
    // Codex notified of the reviewer's turn only.
    stage::trigger(&home, &["--sweep", &played.exec.thread_id]);

    let spans = stage::spans(project);
    let mut expected = expected_tree(&Script::new(&script.prompt), "Turn 1");
    expected.value.output = "Nothing to find.".to_owned();
    let call = spans.iter().find(|span| span.name == "review").expect("a review");
    let mut review = expected.clone();
    review.value.shape.name = "review".to_owned();
    review.value.shape.kind = "TOOL".to_owned();
    // Codex made it up.
    review.value.shape.call_id = call.text("tool.id").map(str::to_owned);
    let target = json!({ "type": "custom", "instructions": script.prompt });
    review.value.input = Some(target.to_string());
    review.children.push(expected_tree(&script, "Turn 1 (sub-agent)"));
    expected.children.push(review);
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
    for span in &spans {
        assert_eq!(span.text("session.id"), Some(played.exec.thread_id.as_str()), "{span:?}");
    }
    check::totals(project, &[script]);
}
