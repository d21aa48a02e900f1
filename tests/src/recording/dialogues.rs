//! The scenarios that need an editor or a person at a terminal.

use serde_json::json;

use super::runs::two_tasks;
use super::scenario::Scenario;
use crate::script::SPAWNED;
use crate::{Call, Script, Step, USAGE};

/// An editor's user who is asked before each command: allows one, and declines one.
pub(super) fn approvals() -> Scenario {
    let turn = Script::new("Try everything")
        .step(Step::new(USAGE).call(Call::escalated("echo once")))
        .step(Step::new(USAGE).call(Call::escalated("echo never")))
        .step(Step::new(USAGE).message("Then not."));
    Scenario::exec([turn]).played(|session| {
        let settings = json!({ "approvalPolicy": "on-request", "sandbox": "read-only" });
        let mut editor = session.editor(&settings)?;
        editor.begin(&session.scenario.turns()[0], &json!({}))?;
        for decision in ["accept", "decline"] {
            editor.server.decide(decision)?;
        }
        editor.completed()?;
        editor.close()
    })
}

/// A thread that is forked after its second turn, and a turn in the fork.
pub(super) fn fork() -> Scenario {
    let turn =
        |prompt: &str, answer: &str| Script::new(prompt).step(Step::new(USAGE).message(answer));
    let turns = [turn("Say one", "One."), turn("Say two", "Two."), turn("Say three", "Three.")];
    Scenario::exec(turns).played(|session| {
        let mut editor = session.editor(&json!({}))?;
        let turns = session.scenario.turns();
        editor.turn(&turns[0])?;
        editor.turn(&turns[1])?;
        let fork = editor.request("thread/fork", &json!({}))?;
        editor.thread = fork["thread"]["id"].as_str().unwrap_or_default().to_owned();
        editor.turn(&turns[2])?;
        editor.close()
    })
}

/// A turn that the user stops while its tool runs, and the next one.
pub(super) fn interrupted() -> Scenario {
    let endless = "touch begun; while test -e begun; do sleep 0.1; done";
    let turns = [
        Script::new("Wait for ever").step(Step::new(USAGE).call(Call::command(endless))),
        Script::new("Are you there?").step(Step::new(USAGE).message("I am.")),
    ];
    Scenario::exec(turns).notifying(1).played(|session| {
        let mut editor = session.editor(&json!({}))?;
        let turns = session.scenario.turns();
        let turn = editor.begin(&turns[0], &json!({}))?;
        session.file("begun")?;
        editor.request("turn/interrupt", &json!({ "turnId": turn }))?;
        editor.completed()?;
        editor.turn(&turns[1])?;
        editor.close()
    })
}

/// A second turn that is taken back; the thread goes on from the first, with a turn that uses a tool,
/// one that fails and one that is stopped.
pub(super) fn revert() -> Scenario {
    let turns = [
        Script::new("Say one").step(Step::new(USAGE).message("One.")),
        Script::new("Say two").step(Step::new(USAGE).message("Two.")),
        Script::new("Say three")
            .step(Step::new(USAGE).call(Call::command("echo three; exit 2")))
            .step(Step::new(USAGE).message("Three.")),
        Script::new("Say four").step(Step::status(400)).fails("scripted failure"),
        Script::new("Say five").step(Step::new(USAGE).stalls_after(1)).fails("interrupted"),
    ];
    Scenario::exec(turns).played(|session| {
        let mut editor = session.editor(&json!({}))?;
        let turns = session.scenario.turns();
        editor.turn(&turns[0])?;
        let second = editor.turn(&turns[1])?;
        editor.request("thread/revert", &json!({ "beforeTurnId": second }))?;
        editor.turn(&turns[2])?;
        editor.turn(&turns[3])?;
        let last = editor.begin(&turns[4], &json!({}))?;
        session.asked(session.scenario.requests())?;
        editor.request("turn/interrupt", &json!({ "turnId": last }))?;
        editor.completed()?;
        editor.close()
    })
}

/// A sub-agent of the first generation, which gets a second task when it has done the first.
pub(super) fn send_input() -> Scenario {
    let ask = |tool: &str, arguments| Call::function(tool, &arguments).within("multi_agent_v1");
    let wait = || {
        let wait = json!({ "targets": [SPAWNED], "ids": [SPAWNED], "timeout_ms": 20_000 });
        Step::new(USAGE).call(ask("wait_agent", wait))
    };
    let more = json!({ "target": SPAWNED, "id": SPAWNED, "message": "COUNT LINES" });
    let first = json!({ "message": "COUNT FILES" });
    let calls = [ask("spawn_agent", first), ask("send_input", more)];
    two_tasks(Script::new("ASK THE OTHER"), calls, wait)
}

/// A message of the user's in the middle of a turn.
pub(super) fn steered() -> Scenario {
    let turn = Script::new("Count to three")
        .step(
            Step::new(USAGE)
                .call(Call::command("touch begun; until test -e go; do sleep 0.1; done")),
        )
        .step(Step::new(USAGE).message("Four."));
    Scenario::exec([turn]).played(|session| {
        let mut editor = session.editor(&json!({}))?;
        let turn = editor.begin(&session.scenario.turns()[0], &json!({}))?;
        let begun = session.file("begun")?;
        let input = json!([{ "type": "text", "text": "and to four" }]);
        editor.request("turn/steer", &json!({ "expectedTurnId": turn, "input": input }))?;
        std::fs::write(begun.with_file_name("go"), "")?;
        editor.completed()?;
        editor.close()
    })
}

/// A session on a terminal: two turns and a compaction that the user asked for.
pub(super) fn terminal() -> Scenario {
    let turns = [
        Script::new("Say one")
            .step(Step::new(USAGE).call(Call::command("echo one")))
            .step(Step::new(USAGE).message("One.")),
        Script::new("/compact").step(Step::new(USAGE).message("We are at one.").compacts()),
        Script::new("Say two").step(Step::new(USAGE).message("Two.")),
    ];
    Scenario::exec(turns).notifying(2).played(|session| {
        let tui = session.tui()?;
        let turns = session.scenario.turns();
        session.ask(&tui, &turns[0])?;
        tui.enter(&turns[1].prompt)?;
        tui.terminal().shows("ontext compacted")?;
        session.ask(&tui, &turns[2])?;
        tui.quit()
    })
}

/// A command that the user runs on the terminal, between two turns.
pub(super) fn user_shell() -> Scenario {
    let turns = [
        Script::new("Say one").step(Step::new(USAGE).message("One.")),
        Script::new("What did it print?").step(Step::new(USAGE).message("Hi.")),
    ];
    Scenario::exec(turns).played(|session| {
        let tui = session.tui()?;
        let turns = session.scenario.turns();
        session.ask(&tui, &turns[0])?;
        tui.run("echo hi; exit 3")?;
        tui.terminal().shows("└ hi")?;
        session.ask(&tui, &turns[1])?;
        tui.quit()
    })
}

/// A command that the user runs on the terminal while the agent's own goes on.
pub(super) fn user_shell_in_turn() -> Scenario {
    let wait = "touch begun; until test -e go; do sleep 0.1; done; echo waited";
    let turn = Script::new("Wait for me")
        .step(Step::new(USAGE).call(Call::command(wait)))
        .step(Step::new(USAGE).message("I waited."));
    Scenario::exec([turn]).played(|session| {
        let tui = session.tui()?;
        let turn = &session.scenario.turns()[0];
        tui.enter(&turn.prompt)?;
        session.file("begun")?;
        tui.run("echo hi; touch go; exit 5")?;
        session.answered(&tui, turn)?;
        tui.quit()
    })
}
