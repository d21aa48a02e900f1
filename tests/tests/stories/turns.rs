//! Turns of which several stories tell.

use std::time::Duration;

use stories::{Call, Home, Script, Step, USAGE, Usage, wait};

/// A turn with a tool, and one that only talks.
pub(crate) fn two_turns() -> [Script; 2] {
    let first = Usage { input: 1000, cached: 512, output: 20, reasoning: 5 };
    let second = Usage { input: 1203, cached: 1000, output: 31, reasoning: 0 };
    let third = Usage { input: 1307, cached: 1152, output: 12, reasoning: 7 };
    [
        Script::new("Count the pieces")
            .step(Step::new(first).call(Call::command("echo 32").prints("32")))
            .step(Step::new(second).message("There are 32 pieces.")),
        Script::new("Who begins?").step(Step::new(third).message("White begins.")),
    ]
}

/// A turn that fails: the provider refuses its second request.
pub(crate) fn refused() -> Script {
    Script::new("Do what you must not")
        .step(Step::new(USAGE).call(Call::command("echo one").prints("one\n")))
        .step(Step::status(400))
        .fails("scripted failure")
}

/// A turn whose tool goes on until the turn is stopped, and then fails in these words. The tool ends
/// by itself once the home of the story is gone.
pub(crate) fn endless(failure: &str) -> Script {
    let tool = "touch begun; while test -e begun; do sleep 0.1; done";
    Script::new("Wait for ever").step(Step::new(USAGE).call(Call::command(tool).fails(failure)))
}

/// Waits until the tool of an [`endless`] turn runs.
pub(crate) fn tool_begins(home: &Home) -> anyhow::Result<()> {
    let begun = home.project_folder().join("begun");
    wait::until("the tool to begin", Duration::from_secs(30), || begun.exists().then_some(()))
}
