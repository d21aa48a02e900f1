//! A conversation that grows too long for the model: Codex has it summed up and goes on.

use stories::{Call, Protocol, Script, Step, Usage};

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
