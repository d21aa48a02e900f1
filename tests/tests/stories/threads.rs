//! Threads that are taken up again: each run of Codex adds a turn to the same runs.

use stories::{Protocol, Script, Step, Usage};

use crate::stage::Runs;
use crate::{check, stage};

const USAGE: Usage = Usage { input: 1000, cached: 512, output: 20, reasoning: 5 };

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
