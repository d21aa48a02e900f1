//! `codex` is the shim: the proxy becomes the real Codex, and every turn is traced soon after its end,
//! however it ends: the buffer service notices those that Codex does not announce.

use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use stories::codex::Exec;
use stories::phoenix::Span;
use stories::process;
use stories::terminal::{Key, Terminal};
use stories::{Call, Codex, Home, ModelServer, Protocol, Script, Step, USAGE, expected_tree, wait};

use crate::{check, stage, turns};

const LIMIT: Duration = Duration::from_secs(60);

/// A home in which `codex` is a shim, before the real one.
fn home(project: &str) -> Home {
    let mut home = stage::home(project);
    for folder in ["shim", "another-shim", "real"] {
        std::fs::create_dir(home.root().join(folder)).expect("a folder");
    }
    for (folder, program) in [
        ("shim", stage::programs().join("arize-codex-proxy")),
        ("another-shim", stage::programs().join("arize-codex-proxy")),
        ("real", stage::codex()),
    ] {
        symlink(program, home.root().join(folder).join("codex")).expect("a link");
    }
    let folders = ["shim", "another-shim", "real"].map(|folder| home.root().join(folder));
    let path = std::env::join_paths(folders.into_iter().chain(SYSTEM.map(PathBuf::from)));
    home.set_variable("PATH", path.expect("a PATH").to_str().expect("text"));
    home
}

const SYSTEM: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

fn shim(home: &Home) -> PathBuf {
    home.root().join("shim/codex")
}

fn configured<'a>(home: &'a Home, model: &ModelServer) -> Codex<'a> {
    Codex::configure(&shim(home), home, model, Protocol::Binary).expect("config.toml")
}

/// Waits until a turn of this thread was sent, and returns what Phoenix has.
fn traced(home: &Home, project: &str, exec: &Exec) -> Vec<Span> {
    let sent = format!("of thread {}: ", exec.thread_id);
    wait::until("the turn to be sent", LIMIT, || home.log().contains(&sent).then_some(()))
        .expect("a trace");
    stage::spans(project)
}

#[test]
fn a_turn_that_succeeds() {
    let project = "proxy";
    let script = Script::new("List the files")
        .step(Step::new(USAGE).call(Call::command("echo one").prints("one\n")))
        .step(Step::new(USAGE).message("Done."));
    let home = home(project);
    let model = ModelServer::start(std::slice::from_ref(&script)).expect("a model");
    // Only the proxy starts the buffer service.
    let exec = configured(&home, &model).exec(&[], &script.prompt).expect("a turn");
    assert!(exec.finished.status.success(), "{exec:?}");
    let script = script.for_shell(model.shell().unwrap_or_default());
    let spans = traced(&home, project, &exec);
    check::turn(&spans, &script, "Turn 1", &exec);
    check::telemetry(&spans);
    check::totals(project, &[script]);
}

#[test]
fn a_turn_that_fails() {
    let project = "proxy-failure";
    let script = turns::refused();
    let home = home(project);
    let model = ModelServer::start(std::slice::from_ref(&script)).expect("a model");
    let exec = configured(&home, &model).exec(&[], &script.prompt).expect("a turn");
    assert_eq!(exec.finished.status.code(), Some(1));
    let script = script.for_shell(model.shell().unwrap_or_default());
    let spans = traced(&home, project, &exec);
    let mut expected = expected_tree(&script, "Turn 1");
    // By status or by reason: Codex may end before it sends the event with the status.
    expected.children[1].value.complaint.clear();
    check::tree(&spans, &expected);
    check::contents(&spans, &expected);
    check::identity(&spans, &script, &exec.thread_id);
}

#[test]
fn a_codex_that_is_asked_to_end() {
    let project = "proxy-termination";
    let script = turns::endless("interrupted").fails("codex ended before the turn did");
    let home = home(project);
    let model = ModelServer::start(std::slice::from_ref(&script)).expect("a model");
    let terminate = |pid: u32| {
        turns::tool_begins(&home)?;
        process::run(Command::new("kill").arg(pid.to_string()), LIMIT).map(drop)
    };
    let exec = configured(&home, &model).exec_beside(&[], &script.prompt, terminate);
    let exec = exec.expect("a turn");
    assert_eq!(exec.finished.status.signal(), Some(15));
    let script = script.for_shell(model.shell().unwrap_or_default());
    let spans = traced(&home, project, &exec);
    check::turn(&spans, &script, "Turn 1", &exec);
}

/// A person at a shell, who does not see whether `codex` is the shim or the real one.
#[test]
fn ctrl_c_at_a_terminal() {
    let project = "proxy-interrupt";
    let script = turns::endless("aborted by user").fails("interrupted");
    let printed = ["real", "shim"].map(|folder| {
        let home = home(project);
        let model = ModelServer::start(std::slice::from_ref(&script)).expect("a model");
        let _codex = configured(&home, &model);
        let mut shell = home.command("/bin/bash".as_ref());
        shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "ready> ");
        let terminal = Terminal::start(&shell).expect("a terminal");
        let program = home.root().join(folder).join("codex");
        let line = format!("clear; {} exec --skip-git-repo-check Wait", program.display());
        type_in(&terminal, &line);
        turns::tool_begins(&home).expect("a tool");
        terminal.press(Key::Character('\x03')).expect("a key");
        type_in(&terminal, "echo status=$?");
        terminal.shows("status=").expect("the end of codex");
        let ended = |screen: &str| screen.lines().any(|line| line.starts_with("status="));
        terminal.wait("the status of codex", ended).expect("a status");
        let screen = terminal.screen();
        let status = screen.lines().find(|line| line.starts_with("status=")).map(str::to_owned);
        if folder == "shim" {
            let sent = || home.log().contains(" spans to ").then_some(());
            wait::until("the turn to be sent", LIMIT, sent).expect("a trace");
            let spans = stage::spans(project);
            let root = spans.iter().find(|span| span.parent_id.is_none()).expect("a root");
            assert_eq!(root.text("codex.turn.status"), Some("interrupted"), "{root:#?}");
        }
        status.expect("a status")
    });
    assert_eq!(printed[0], printed[1]);
}

fn type_in(terminal: &Terminal, line: &str) {
    for character in line.chars() {
        terminal.press(Key::Character(character)).expect("a key");
    }
    terminal.press(Key::Enter).expect("a key");
}

#[test]
fn two_runs_at_once_in_the_same_folder() {
    let project = "proxy-two";
    let good = Script::new("SUCCEED")
        .step(Step::new(USAGE).call(Call::command("sleep 1; echo one").prints("one\n")))
        .step(Step::new(USAGE).message("Done."));
    let bad = Script::new("FAIL").step(Step::status(400)).fails("scripted failure");
    let scripts = [good, bad];
    let home = home(project);
    let model = ModelServer::start_agents(&scripts).expect("a model");
    let codex = configured(&home, &model);
    let runs: Vec<Exec> = thread::scope(|scope| {
        let runs = scripts.each_ref().map(|script| {
            let codex = &codex;
            scope.spawn(move || codex.exec(&[], &script.prompt).expect("a turn"))
        });
        runs.into_iter().map(|run| run.join().expect("a run")).collect()
    });
    let codes: Vec<_> = runs.iter().map(|exec| exec.finished.status.code()).collect();
    assert_eq!(codes, [Some(0), Some(1)]);
    let shell = model.shell().unwrap_or_default();
    for exec in &runs {
        traced(&home, project, exec);
    }
    let traces = stage::traces(project);
    assert_eq!(traces.len(), 2, "{traces:#?}");
    for (script, exec) in scripts.into_iter().zip(&runs) {
        let script = script.for_shell(shell);
        let of_thread = |spans: &&Vec<Span>| spans[0].text("session.id") == Some(&exec.thread_id);
        let spans = traces.iter().find(of_thread).expect("a trace of the thread");
        check::tree(spans, &expected_tree(&script, "Turn 1"));
        check::identity(spans, &script, &exec.thread_id);
    }
}

#[test]
fn a_prompt_from_a_pipe_and_a_question_about_the_version() {
    let project = "proxy-pipe";
    let script = Script::new("Say hello").step(Step::new(USAGE).message("Hello."));
    let home = home(project);
    let model = ModelServer::start(std::slice::from_ref(&script)).expect("a model");
    let codex = configured(&home, &model);
    let mut exec = codex.command();
    exec.args(["exec", "--skip-git-repo-check", "-"]);
    let finished = process::run_with_input(&mut exec, &script.prompt, LIMIT).expect("a turn");
    assert!(finished.status.success() && finished.stdout.contains("Hello."), "{finished:?}");
    let sent = || home.log().contains(" spans to ").then_some(());
    wait::until("the turn to be sent", LIMIT, sent).expect("a trace");
    check::tree(&stage::spans(project), &expected_tree(&script, "Turn 1"));

    let version = |program: PathBuf| {
        let finished = process::run(home.command(&program).arg("--version"), LIMIT);
        let finished = finished.expect("a version");
        (finished.status.code(), finished.stdout, finished.stderr)
    };
    assert_eq!(version(shim(&home)), version(stage::codex()));
}
