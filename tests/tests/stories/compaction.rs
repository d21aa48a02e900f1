//! A conversation that grows too long for the model: Codex has it summed up and goes on.

use stories::{Call, Protocol, Script, Step, Usage};

use crate::session::{NO_DAEMON, Session, thread_id};
use crate::{check, stage};

#[test]
fn a_turn_that_is_compacted_in_the_middle() {
    let project = "compaction";
    let long = Usage { input: 50_000, cached: 1024, output: 20, reasoning: 5 };
    let summed_up = Usage { input: 50_100, cached: 50_000, output: 90, reasoning: 0 };
    let short = Usage { input: 600, cached: 0, output: 12, reasoning: 3 };
    let script = Script::new("Go on for long")
        .step(Step::new(long).call(Call::command("echo one").prints("one\n")))
        .step(Step::new(summed_up).message("We had counted to one.").compacts())
        .step(Step::new(short).message("Two."));
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let limit = ["-c", "model_auto_compact_token_limit=20000"];
    let played = stage::play(&home, &script, Protocol::Binary, &limit);
    check::turn(&stage::spans(project), &script, "Turn 1", &played.exec);
    check::totals(project, &[script]);
}

#[test]
fn a_turn_that_is_nothing_but_a_compaction() {
    let long = Usage { input: 50_000, cached: 1024, output: 20, reasoning: 5 };
    let summed_up = Usage { input: 50_100, cached: 50_000, output: 90, reasoning: 0 };
    let short = Usage { input: 600, cached: 0, output: 12, reasoning: 3 };
    let turns = [
        Script::new("Go on for long").step(Step::new(long).message("One.")),
        Script::new("/compact").step(Step::new(summed_up).message("We are at one.").compacts()),
        Script::new("Go on").step(Step::new(short).message("Two.")),
    ];
    let session = Session::start("compaction-command", &turns, &[&NO_DAEMON]);
    session.turn(&turns[0]);
    session.ask(&turns[1]);
    session.tui.terminal().shows("Context compacted").expect("the end of the turn");
    let run = session.turn(&turns[2]);
    session.end(&thread_id(&run));
}
