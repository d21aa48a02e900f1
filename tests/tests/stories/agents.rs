//! Sub-agents: their turns hang below the calls that set them to work, in whatever order they end.

use std::time::Duration;

use serde_json::json;
use stories::tree::Expected;
use stories::tree::Node;
use stories::{Call, Codex, ModelServer, Protocol, Script, Step, USAGE, expected_tree, wait};

use crate::{check, stage};

#[test]
fn two_sub_agents_and_the_turn_that_they_work_for() {
    two_sub_agents("agents", &[]);
}

/// `SubagentStop` names the thread of the sub-agent beside that of the session.
#[test]
fn sub_agents_that_only_lifecycle_hooks_tell_of() {
    two_sub_agents("agents-hooks", &["-c", "notify=[]", "--dangerously-bypass-hook-trust"]);
}

/// One sub-agent ends long before the turn that it works for, one shortly before.
fn two_sub_agents(project: &str, arguments: &[&str]) {
    let quick = Script::new("COUNT THE FILES")
        .step(Step::new(USAGE).call(Call::command("echo 3").prints("3")))
        .step(Step::new(USAGE).message("Three."));
    let slow = Script::new("COUNT THE LINES")
        .step(Step::new(USAGE).call(Call::command("sleep 1; echo 7").prints("7")))
        .step(Step::new(USAGE).message("Seven."));
    let spawn = |script: &Script| {
        Call::function("spawn_agent", &json!({ "message": script.prompt }))
            .within("multi_agent_v1")
            .prints("agent_id")
    };
    let parent = Script::new("ASK THE OTHERS")
        .step(Step::new(USAGE).call(spawn(&quick)).call(spawn(&slow)))
        .step(Step::new(USAGE).call(Call::command("sleep 3; echo waited").prints("waited")))
        .step(Step::new(USAGE).message("Three files, seven lines."));

    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    let agents = [parent.clone(), quick.clone(), slow.clone()];
    let model = ModelServer::start_agents(&agents).expect("a model");
    let codex = Codex::configure(&stage::codex(), &home, &model, Protocol::Binary);
    let codex = codex.expect("config.toml");
    if !arguments.is_empty() {
        codex.add_lifecycle_hooks().expect("hooks");
    }
    let exec = codex.exec(arguments, &parent.prompt).expect("a turn");
    assert!(exec.finished.status.success(), "{exec:?}");
    let sent = || (home.log().matches(" spans to ").count() == 3).then_some(());
    wait::until("three turns to be sent", Duration::from_secs(15), sent).expect("turns");
    stage::hook_runs(&home, if arguments.is_empty() { 3 } else { 0 });

    let spans = stage::spans(project);
    let mut expected = expected_tree(&parent, "Turn 1");
    let spawns = &mut expected.children[0].children;
    spawns[0].children.push(sub_agent(&quick));
    spawns[1].children.push(sub_agent(&slow));
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
    check::totals_of(project, &agents, 1);
    // One trace, one session: that of the thread at the root.
    assert!(spans.iter().all(|span| span.trace_id == spans[0].trace_id));
    assert!(spans.iter().all(|span| span.text("session.id") == Some(exec.thread_id.as_str())));
    home.stop_buffer().expect("the buffer stops");
}

fn sub_agent(script: &Script) -> Node<Expected> {
    expected_tree(script, "Turn 1 (sub-agent)")
}
