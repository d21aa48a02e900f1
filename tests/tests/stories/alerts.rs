//! Alerts about turns of the real Codex, and what an agent learns of its own run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;
use stories::http::Server;
use stories::{Call, Codex, Home, ModelServer, Protocol, Script, Step, USAGE, process, wait};

use crate::stage;

/// There is no person to ask.
const TRUST: &str = "--dangerously-bypass-hook-trust";

const EVENTS: [&str; 4] = ["UserPromptSubmit", "PreToolUse", "Interrupt", "SessionEnd"];

const PATIENCE: Duration = Duration::from_secs(60);

fn set(home: &Home, key: &str, value: &str) {
    let command = &mut stage::arize_codex(home);
    let arguments = ["config", "set", &format!("harnesses.codex.{key}"), value];
    let finished = process::run(command.args(arguments), PATIENCE).expect("a run");
    assert!(finished.status.success(), "{finished:?}");
}

#[test]
fn a_loop_reaches_a_command_and_a_webhook_while_the_turn_runs() {
    let home = stage::home("alert-loop");
    home.start_buffer().expect("the buffer starts");
    let (webhook, received) = Server::keeping().expect("a webhook");
    let (said, program) = (home.root().join("said"), home.root().join("say"));
    fs::write(&program, format!("#!/bin/sh\necho \"$1\" >> {}\n", said.display())).expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("a mode");
    set(&home, "notices.command", &program.display().to_string());
    set(&home, "notices.webhook", &webhook.url());

    let again = || Step::new(USAGE).call(Call::command("echo more").prints("more"));
    let script = (0..5).fold(Script::new("Go on"), |script, _| script.step(again()));
    let script = script.step(Step::new(USAGE).message("Done.").after(Duration::from_secs(20)));
    let model = ModelServer::start(std::slice::from_ref(&script)).expect("a model");
    let codex = Codex::configure(&stage::codex(), &home, &model, Protocol::Binary);
    let codex = codex.expect("config.toml");
    codex.add_hooks(&EVENTS).expect("hooks");

    std::thread::scope(|scope| {
        let run = scope.spawn(|| codex.exec(&[TRUST], &script.prompt).expect("a run of codex"));
        let body = || {
            let received = received.lock().expect("no panic");
            received.first().map(|request| request.body.clone())
        };
        let body = wait::until("the webhook", PATIENCE, body).expect("a request");
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["kind"], "loop");
        assert!(body["count"].as_u64() >= Some(4), "{body}");
        assert!(!body.to_string().contains("echo more"), "{body}");
        let transcripts = home.transcripts();
        let text = fs::read_to_string(&transcripts[0]).expect("a text");
        assert!(!text.contains("task_complete"), "the turn goes on");
        assert!(text.contains(body["turn"].as_str().expect("a turn")), "{body}");
        let call = body["calls"][0]["id"].as_str().expect("a call");
        assert!(text.contains(&format!("\"{call}\"")), "{body}");
        let exec = run.join().expect("no panic");
        assert!(exec.finished.status.success(), "{exec:?}");
        assert_eq!(body["session"], exec.thread_id.as_str());
    });
    let line = || fs::read_to_string(&said).ok().filter(|text| !text.is_empty());
    let text = wait::until("the command", PATIENCE, line).expect("a line");
    assert!(text.starts_with("loop: `"), "{text}");
    home.hook_runs(1).expect("the hook at the end of the turn");
    assert_eq!(home.log().matches(": alert: loop").count(), 1, "{}", home.log());
    home.stop_buffer().expect("the buffer stops");
}

/// In a sandbox that lets nothing be written, and without one.
#[test]
fn an_agent_asks_about_its_own_run() {
    for sandbox in ["danger-full-access", "read-only"] {
        let home = stage::home(&format!("own-run-{sandbox}"));
        home.start_buffer().expect("the buffer starts");
        set(&home, "budgets.session.tokens", "100000");
        let ask = format!("{} self --json", stage::programs().join("arize-codex").display());
        let command = |text: &str| Step::new(USAGE).call(Call::command(text).prints(""));
        let script = Script::new("How far are you?")
            .step(command("echo one"))
            .step(command(&ask))
            .step(Step::new(USAGE).message("Far."));
        let model = ModelServer::start(std::slice::from_ref(&script)).expect("a model");
        let codex = Codex::configure(&stage::codex(), &home, &model, Protocol::Binary);
        let codex = codex.expect("config.toml");
        let exec = codex.exec(&[TRUST, "-s", sandbox], &script.prompt).expect("a run of codex");
        assert!(exec.finished.status.success(), "{exec:?}");
        let transcript = home.transcript(&exec.thread_id).expect("a transcript");
        let text = fs::read_to_string(transcript).expect("a text");
        let outputs = text.lines().filter_map(|line| {
            let record: Value = serde_json::from_str(line).ok()?;
            Some(record["payload"]["output"].as_str()?.to_owned())
        });
        let outputs: Vec<String> = outputs.collect();
        let answer = outputs.iter().find(|output| output.contains("found_by"));
        let answer = answer.unwrap_or_else(|| panic!("{sandbox}: {outputs:?}"));
        let json = &answer[answer.find('{').expect("JSON")..];
        let found: Value = serde_json::from_str(json).unwrap_or_else(|_| panic!("{answer}"));
        assert_eq!(found["session"], exec.thread_id.as_str(), "{found}");
        assert_eq!(found["found_by"], "environment", "{found}");
        assert_eq!(found["problems"], Value::Array(Vec::new()), "{sandbox}: {found}");
        let tokens = found["used"]["session"]["tokens"].as_u64().expect("tokens");
        assert!(tokens >= USAGE.total(), "{found}");
        assert_eq!(found["budgets"][0]["left"], 100_000 - tokens, "{found}");
        home.stop_buffer().expect("the buffer stops");
    }
}
