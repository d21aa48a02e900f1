//! What a new user sees first: the demo, and the stored turn of a first run without any settings.

use stories::process::run;
use stories::{Call, Codex, Home, ModelServer, Protocol, Script, Step, USAGE};

use std::time::Duration;

use crate::stage;

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn the_demo_shows_a_turn_and_leaves_nothing_behind() {
    let home = Home::new(&stage::programs(), "demo").expect("a home");
    let mut demo = stage::arize_codex(&home);
    let shown = run(demo.arg("demo"), LIMIT).expect("the demo ends");
    assert!(shown.status.success(), "{shown:?}");
    let readme = include_str!("../../../README.md");
    let lines =
        ["> List the files", "3003 in (1536 cached), 63 out (15 reasoning)", "! exit code 3"];
    for line in lines {
        assert!(shown.stdout.contains(line), "{}", shown.stdout);
    }
    assert!(readme.contains(&format!("```\n{}```", shown.stdout)), "{}", shown.stdout);
    assert_eq!(shown.stdout.matches(" LLM ").count(), 3, "{}", shown.stdout);
    assert_eq!(shown.stdout.matches(" TOOL ").count(), 3, "{}", shown.stdout);
    assert_eq!(home.log(), "", "the demo has a home of its own");
}

#[test]
fn without_settings_turns_are_stored_and_shown() {
    let script = Script::new("Say one")
        .step(Step::new(USAGE).call(Call::command("echo one").prints("one")))
        .step(Step::new(USAGE).message("One."));
    let home = Home::new(&stage::programs(), "first-run").expect("a home");
    home.start_buffer().expect("the buffer starts");
    let model = ModelServer::start(std::slice::from_ref(&script)).expect("a model");
    let codex = Codex::configure(&stage::codex(), &home, &model, Protocol::Binary);
    let exec = codex.and_then(|codex| codex.exec(&[], &script.prompt)).expect("a turn");
    stage::hook_runs(&home, 1);
    let mut show = stage::arize_codex(&home);
    let shown = run(show.args(["show", "--last"]), LIMIT).expect("show ends");
    for line in ["Turn 1  AGENT", "> Say one", "< One.", exec.thread_id.as_str()] {
        assert!(shown.stdout.contains(line), "{shown:?}");
    }
    home.stop_buffer().expect("the buffer stops");
}
