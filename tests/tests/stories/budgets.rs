//! Budgets: a hard limit stops the real Codex, whatever it is doing, and lets it work where it should.

use std::fs;
use std::time::Duration;

use serde_json::json;
use stories::codex::Exec;
use stories::{Call, Codex, Home, ModelServer, Protocol, Script, Step, Tui, USAGE, process, wait};

use crate::stage;

/// There is no person to ask.
const TRUST: &str = "--dangerously-bypass-hook-trust";

const EVENTS: [&str; 4] = ["UserPromptSubmit", "PreToolUse", "Interrupt", "SessionEnd"];

/// More steps than any turn here gets to.
const STEPS: usize = 200;

/// A turn that goes on and on.
fn runaway(prompt: &str, step: impl Fn() -> Step) -> Script {
    let begun = Script::new(prompt);
    (0..STEPS).fold(begun, |script, _| script.step(step().after(Duration::from_millis(300))))
}

fn command() -> Step {
    Step::new(USAGE).call(Call::command("echo more").prints("more"))
}

fn answer(prompt: &str) -> Script {
    Script::new(prompt).step(command()).step(Step::new(USAGE).message("Done."))
}

/// A home with budgets, given as settings and their values.
fn home(project: &str, budgets: &[(&str, &str)]) -> Home {
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    for (key, value) in budgets {
        arize_codex(&home, &["config", "set", &format!("harnesses.codex.budgets.{key}"), value]);
    }
    home
}

fn arize_codex(home: &Home, arguments: &[&str]) -> String {
    let (code, text) = arize_codex_ends(home, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {text}");
    text
}

fn arize_codex_ends(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let command = &mut stage::arize_codex(home);
    let finished = process::run(command.args(arguments), Duration::from_secs(60)).expect("a run");
    (finished.status.code(), finished.stdout + &finished.stderr)
}

fn codex<'a>(home: &'a Home, model: &ModelServer) -> Codex<'a> {
    let codex = Codex::configure(&stage::codex(), home, model, Protocol::Binary);
    let codex = codex.expect("config.toml");
    codex.add_hooks(&EVENTS).expect("hooks");
    codex
}

fn exec(home: &Home, turns: &[Script]) -> (Exec, usize) {
    let model = ModelServer::start(turns).expect("a model");
    let exec = codex(home, &model).exec(&[TRUST], &turns[0].prompt).expect("a run of codex");
    (exec, model.received().len())
}

/// The run ends as after Ctrl-C, and Codex's transcripts say so.
fn is_interrupted(home: &Home, exec: &Exec) {
    assert_eq!(exec.finished.status.code(), Some(1), "{exec:?}");
    let transcript = home.transcript(&exec.thread_id).expect("a transcript");
    let text = fs::read_to_string(transcript).expect("a text");
    assert!(text.contains("\"turn_aborted\""), "{text}");
    let log = home.log();
    assert!(log.contains("the turn was interrupted: the budget is used up"), "{log}");
}

#[test]
fn a_runaway_turn_learns_of_the_limit_and_is_interrupted() {
    let home = home(
        "budget-runaway",
        &[("session.tokens", "3000"), ("hard_limit", "true"), ("grace_seconds", "2")],
    );
    let (exec, requests) = exec(&home, &[runaway("Go on", command)]);
    is_interrupted(&home, &exec);
    assert!(requests < STEPS / 2, "{requests}");
    // The model got a warning first, and could save its work.
    let transcript = home.transcript(&exec.thread_id).expect("a transcript");
    let text = fs::read_to_string(transcript).expect("a text");
    let warning = text.find("save your work now").expect("a reason");
    assert!(text[warning..].contains("more\\n"), "calls go on for a while: {text}");
    assert!(exec.finished.stderr.contains("The budget is used up"), "{exec:?}");
    let log = home.log();
    assert!(log.matches(" of a budget used").count() <= 2, "each notice once: {log}");
    assert_eq!(log.matches("] budget used up: ").count(), 1, "{log}");
    home.stop_buffer().expect("the buffer stops");
}

/// Codex runs no hooks for calls that it does not know: only the watch sees such a turn.
#[test]
fn a_turn_without_tools_is_interrupted() {
    let home = home(
        "budget-no-tools",
        &[("turn.tokens", "3000"), ("hard_limit", "true"), ("grace_seconds", "0")],
    );
    let unknown =
        || Step::new(USAGE).call(Call::function("update_plan", &json!({})).fails("unsupported"));
    let (exec, requests) = exec(&home, &[runaway("Go on", unknown)]);
    is_interrupted(&home, &exec);
    assert!(requests < STEPS / 2, "{requests}");
    home.stop_buffer().expect("the buffer stops");
}

#[test]
fn a_running_sub_agent_counts_and_is_stopped() {
    let home = home(
        "budget-agent",
        &[("session.tokens", "6000"), ("hard_limit", "true"), ("grace_seconds", "1")],
    );
    let child = runaway("COUNT FOR EVER", command);
    let spawn = Call::function("spawn_agent", &json!({ "message": child.prompt }));
    let parent = Script::new("ASK THE OTHER")
        .step(Step::new(USAGE).call(spawn.within("multi_agent_v1").prints("agent_id")))
        .step(Step::new(USAGE).call(Call::command("sleep 60").fails("aborted")));
    let model = ModelServer::start_agents(&[parent.clone(), child]).expect("a model");
    let exec = codex(&home, &model).exec(&[TRUST], &parent.prompt).expect("a run of codex");
    is_interrupted(&home, &exec);
    let requests = model.received().len();
    // The parent has used a third of it at most.
    assert!((6..STEPS / 2).contains(&requests), "{requests}");
    let children = home.transcripts().len();
    assert_eq!(children, 2, "a transcript of each");
    home.stop_buffer().expect("the buffer stops");
}

#[test]
fn a_new_prompt_is_refused_until_it_is_allowed() {
    let home = home("budget-prompt", &[("day.tokens", "2000"), ("hard_limit", "true")]);
    let turns = [answer("The first one"), answer("The second one"), answer("The third one")];
    let (first, requests) = exec(&home, &turns[..1]);
    assert!(first.finished.status.success(), "{first:?}");
    assert_eq!(requests, 2);
    assert_eq!(arize_codex_ends(&home, &["report", "--check"]).0, Some(1));

    let (refused, requests) = exec(&home, &turns[1..2]);
    assert_eq!(requests, 0, "{refused:?}");
    // Codex calls this a success; what it prints says why nothing was done.
    assert_eq!(refused.finished.status.code(), Some(0), "{refused:?}");
    assert!(home.log().contains("The budget is used up: 2040 tokens of 2000 tokens per day"));

    arize_codex(&home, &["budget", "allow", "--until", "1h"]);
    let (allowed, requests) = exec(&home, &turns[2..]);
    assert!(allowed.finished.status.success(), "{allowed:?}");
    assert_eq!(requests, 2);
    let text = arize_codex(&home, &["budget"]);
    assert!(text.contains("204 %") && text.contains("allowed: all sessions"), "{text}");
    home.stop_buffer().expect("the buffer stops");
}

/// A budget that is far, one whose spending has no price, and one that cannot be checked.
#[test]
fn codex_works_where_it_should() {
    let turn = answer("Go on");
    let far = home("budget-far", &[("session.usd", "1000"), ("hard_limit", "true")]);
    let (done, requests) = exec(&far, std::slice::from_ref(&turn));
    assert!(done.finished.status.success() && requests == 2, "{done:?}");
    assert!(!far.log().contains("budget"), "{}", far.log());
    assert_eq!(arize_codex_ends(&far, &["report", "--check"]).0, Some(64), "none of a day");

    let unknown = home("budget-unpriced", &[("day.usd", "0.001"), ("hard_limit", "true")]);
    let unpriced = turn.clone().with_model("a-model-without-a-price");
    let model = ModelServer::start(std::slice::from_ref(&unpriced)).expect("a model");
    let arguments = [TRUST, "-m", unpriced.model.as_str()];
    let done = codex(&unknown, &model).exec(&arguments, &unpriced.prompt).expect("a run of codex");
    assert!(done.finished.status.success() && model.received().len() == 2, "{done:?}");
    let said = || unknown.log().contains("a budget cannot be checked").then_some(());
    wait::until("the notice", Duration::from_secs(60), said).expect("a line");
    assert_eq!(arize_codex_ends(&unknown, &["report", "--check"]).0, Some(69));

    let broken = home("budget-broken", &[("session.tokens", "1"), ("hard_limit", "true")]);
    let store = broken.root().join("home/.arize/harness/traces.db");
    fs::write(store, "this is no database, whatever its name says\n".repeat(100)).expect("a file");
    let (done, requests) = exec(&broken, &[turn]);
    assert!(done.finished.status.success() && requests == 2, "{done:?}");
    assert!(broken.log().contains("budgets are not checked, Codex goes on"), "{}", broken.log());
    for home in [far, unknown, broken] {
        home.stop_buffer().expect("the buffer stops");
    }
}

/// In a terminal the turns are the daemon's, and it is asked to interrupt them as by Esc.
#[test]
fn a_turn_in_a_terminal_is_interrupted_and_the_next_prompt_refused() {
    let home = home(
        "budget-terminal",
        &[("session.tokens", "3000"), ("hard_limit", "true"), ("grace_seconds", "1")],
    );
    let turns = [runaway("Go on", command), answer("And now")];
    let model = ModelServer::start_agents(&turns).expect("a model");
    let codex = codex(&home, &model);
    let tui = Tui::start_and_trust_hooks(&codex, &[]).expect("a session");
    tui.enter(&turns[0].prompt).expect("a prompt is entered");
    tui.terminal().shows("Conversation interrupted").expect("the end of the turn");
    let requests = model.received().len();
    assert!(requests < STEPS / 2, "{requests}");

    tui.enter("Something else").expect("a prompt is entered");
    let refused = || home.log().contains("lifts it for this session").then_some(());
    wait::until("the prompt to be refused", Duration::from_secs(60), refused).expect("a line");
    assert_eq!(model.received().len(), requests, "no request is made");
    tui.quit().expect("codex ends");
    home.stop_buffer().expect("the buffer stops");
}
