//! By what our hook learns of a turn's end: Codex's lifecycle hooks, with and without notify.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stories::codex::Exec;
use stories::terminal::Key;
use stories::{AppServer, Codex, Home, ModelServer, Protocol, Script, Step, Tui, USAGE, wait};

use crate::complete::script;
use crate::session::NO_DAEMON;
use crate::{check, doctor, stage, turns};

/// There is no person to ask.
const TRUST: &str = "--dangerously-bypass-hook-trust";

/// Without notify.
const SILENT: [&str; 2] = ["-c", "notify=[]"];

/// A turn that is traced in less time was traced by the hooks: no buffer service sweeps.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn exec_without_notify() {
    let turn = exec("hooks-only", &script(), &[SILENT[0], SILENT[1], TRUST]);
    check::turn(&stage::spans("hooks-only"), &turn.script, "Turn 1", &turn.exec);
    stage::hook_runs(&turn.home, 0);
}

#[test]
fn exec_with_both() {
    let turn = exec("hooks-and-notify", &script(), &[TRUST]);
    // `Stop`, notify, `SessionEnd`.
    checks(&turn.home, 3);
    check::turn(&stage::spans("hooks-and-notify"), &turn.script, "Turn 1", &turn.exec);
    check::totals("hooks-and-notify", &[turn.script]);
    assert_eq!(turn.home.log().matches("Turn 1 of thread").count(), 1, "{}", turn.home.log());
}

#[test]
fn exec_of_a_turn_that_fails() {
    let script = turns::refused();
    let turn = exec("hooks-failure", &script, &[TRUST]);
    assert!(turn.traced_after < AT_ONCE, "{:?}", turn.traced_after);
    let mut expected = stories::expected_tree(&turn.script, "Turn 1");
    // The status is in the events only, and no program received them.
    expected.children[1].value.complaint.clear();
    let spans = stage::spans("hooks-failure");
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
    check::identity(&spans, &turn.script, &turn.exec.thread_id);
}

/// Notify, which comes a moment after the hook, knows the prompt of a turn without a transcript.
#[test]
fn exec_without_a_transcript() {
    let turn = exec("hooks-ephemeral", &script(), &["--ephemeral", TRUST]);
    checks(&turn.home, 2);
    let spans = stage::spans("hooks-ephemeral");
    let roots: Vec<_> = spans.iter().filter(|span| span.parent_id.is_none()).collect();
    let prompts: Vec<_> = roots.iter().map(|root| root.text("input.value")).collect();
    assert_eq!(prompts, [Some("List the files")]);
}

/// In a terminal Codex asks whether to trust the hooks; from then on `codex exec` runs them, too.
#[test]
fn a_person_trusts_the_hooks_and_stops_a_turn() {
    let home = a_turn_is_stopped("hooks-terminal", &[&NO_DAEMON[..], &SILENT].concat());
    assert_eq!(doctor::finding(&home, "codex.daemon")["level"], "ok", "there is none");
}

#[test]
fn a_turn_is_stopped_in_the_daemon() {
    drop(a_turn_is_stopped("hooks-daemon", &SILENT));
}

#[test]
fn a_turn_is_stopped_and_notify_tells_of_the_others() {
    let home = a_turn_is_stopped("hooks-and-notify-daemon", &[]);
    let daemon = doctor::finding(&home, "codex.daemon");
    assert!(daemon["message"].as_str().is_some_and(|text| text.contains("(pid ")), "{daemon}");
}

fn a_turn_is_stopped(project: &'static str, arguments: &[&str]) -> Home {
    let turns = [
        turns::endless("aborted by user").fails("interrupted"),
        Script::new("Are you there?").step(Step::new(USAGE).message("I am.")),
        Script::new("Do it yourself").step(Step::new(USAGE).message("I did.")),
    ];
    let home = stage::home(project);
    let model = ModelServer::start(&turns).expect("a model");
    let codex = Codex::configure(&stage::codex(), &home, &model, Protocol::Binary);
    let codex = codex.expect("config.toml");
    codex.add_lifecycle_hooks().expect("hooks");
    assert_eq!(
        doctor::finding(&home, "codex.hooks")["level"],
        "warning",
        "they are not trusted yet"
    );
    let tui = Tui::start_and_trust_hooks(&codex, arguments).expect("a session");
    assert_eq!(doctor::finding(&home, "codex.hooks")["level"], "ok");

    tui.enter(&turns[0].prompt).expect("a prompt is entered");
    turns::tool_begins(&home).expect("a tool");
    tui.terminal().press(Key::Escape).expect("a key");
    let stopped = Instant::now();
    traced(&home, "Turn 1 of thread");
    assert!(stopped.elapsed() < AT_ONCE, "{:?}", stopped.elapsed());

    tui.enter(&turns[1].prompt).expect("a prompt is entered");
    traced(&home, "Turn 2 of thread");
    tui.quit().expect("codex ends");
    let exec = codex.exec(&SILENT, &turns[2].prompt).expect("a turn");
    traced(&home, &format!("Turn 1 of thread {}", exec.thread_id));

    let traces = stage::traces(project);
    let names: Vec<_> = turns.iter().zip(["Turn 1", "Turn 2", "Turn 1"]).collect();
    assert_eq!(traces.len(), names.len(), "{traces:?}");
    for (spans, (turn, name)) in traces.iter().zip(names) {
        let expected = stories::expected_tree(turn, name);
        check::tree(spans, &expected);
        check::contents(spans, &expected);
    }
    home
}

/// Codex lists its hooks, from both of its files; the doctor says the same of ours.
#[test]
fn the_doctor_knows_which_hooks_codex_would_run() {
    let home = stage::home("hooks-trust");
    let model = ModelServer::start(&[script()]).expect("a model");
    let codex = Codex::configure(&stage::codex(), &home, &model, Protocol::Binary);
    let codex = codex.expect("config.toml");
    codex.add_lifecycle_hooks().expect("hooks");
    let config = home.codex_home().join("config.toml");
    let read = || fs::read_to_string(&config).expect("config.toml");
    let agree = |status: &str, level: &str, part: &str| {
        let mut server = AppServer::start(&codex, &[], "a story").expect("a server");
        let folders = json!({ "cwds": [home.project_folder()] });
        let list = server.request("hooks/list", &folders).expect("hooks");
        let hooks = list["data"][0]["hooks"].as_array().expect("a list").clone();
        assert!(
            hooks.len() >= 2 && hooks.iter().all(|hook| hook["trustStatus"] == status),
            "{list}"
        );
        let finding = doctor::finding(&home, "codex.hooks");
        assert_eq!(finding["level"], level, "{finding}");
        assert!(finding["message"].as_str().is_some_and(|text| text.contains(part)), "{finding}");
        hooks
    };
    // As Codex does when a person trusts them.
    let trust = |hooks: &[Value]| {
        let states = hooks.iter().map(|hook| {
            let (key, hash) = (&hook["key"], &hook["currentHash"]);
            format!("\n[hooks.state.{key}]\ntrusted_hash = {hash}\n")
        });
        fs::write(&config, read() + &states.collect::<String>()).expect("config.toml");
    };
    trust(&agree("untrusted", "warning", "the lifecycle hooks are not trusted yet"));
    agree("trusted", "ok", "Stop, SubagentStop");
    fs::write(&config, read().replace("\ntimeout = 3\n", "\ntimeout = 2\n")).expect("config.toml");
    agree("modified", "warning", "changed since they were trusted");

    // The same hooks in the other file.
    let (text, command) = (read(), json!(format!("{} --lifecycle", home.hook().display())));
    let end = text.find("\n[[hooks.").expect("hooks");
    fs::write(&config, &text[..end]).expect("config.toml");
    let group = json!([{ "hooks": [{ "type": "command", "command": command, "timeout": 3 }] }]);
    let groups = json!({
        "Interrupt": group, "SessionEnd": group, "Stop": group, "SubagentStop": group,
    });
    let json = json!({ "hooks": groups }).to_string();
    fs::write(home.codex_home().join("hooks.json"), json).expect("hooks.json");
    trust(&agree("untrusted", "warning", "the lifecycle hooks are not trusted yet"));
    agree("trusted", "ok", "Stop, SubagentStop");
}

/// A turn of `codex exec` with lifecycle hooks, in a home without a buffer service.
struct Traced {
    home: Home,
    exec: Exec,
    script: Script,
    /// From the end of Codex until the turn was sent.
    traced_after: Duration,
}

fn exec(project: &str, script: &Script, arguments: &[&str]) -> Traced {
    let mut home = stage::home(project);
    home.set_variable("ARIZE_VERBOSE", "true");
    let model = ModelServer::start(std::slice::from_ref(script)).expect("a model");
    let codex = Codex::configure(&stage::codex(), &home, &model, Protocol::Binary);
    let codex = codex.expect("config.toml");
    codex.add_lifecycle_hooks().expect("hooks");
    let exec = codex.exec(arguments, &script.prompt).expect("a turn");
    let ended = Instant::now();
    assert_eq!(exec.finished.status.success(), script.fails.is_none(), "{exec:?}");
    traced(&home, &format!("of thread {}: ", exec.thread_id));
    let traced_after = ended.elapsed();
    let script = script.clone().for_shell(model.shell().unwrap_or_default());
    Traced { home, exec, script, traced_after }
}

fn traced(home: &Home, words: &str) {
    let found =
        wait::until(words, Duration::from_secs(10), || home.log().contains(words).then_some(()));
    found.expect("the turn is sent");
}

/// Waits until so many checks of threads have ended.
fn checks(home: &Home, count: usize) {
    let ended = || (home.log().matches(" turns traced, ").count() >= count).then_some(());
    wait::until("the runs to end", Duration::from_secs(15), ended).expect("runs");
}
