//! CI jobs and containers, whose processes are killed as soon as `codex exec` has ended.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use stories::codex::Exec;
use stories::{Call, Codex, Home, ModelServer, Protocol, Script, Step, USAGE};

use crate::{check, stage, turns};

/// What gives a job processes of its own, which end with its first one.
const JOB: [&str; 6] =
    ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"];

/// Whether this system lets its users do that. Where it does not, the story is left out and says so,
/// but fails where `CI` is set.
fn can_make_jobs() -> bool {
    let why = match Command::new("unshare").args(JOB).arg("true").output() {
        Ok(done) if done.status.success() => return true,
        Ok(done) => String::from_utf8_lossy(&done.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var_os("CI").is_none(), "`CI` is set, and `unshare` is refused: {why}");
    let note = format!("left out: the story of jobs: `unshare` is refused: {why}\n");
    std::io::stderr().write_all(note.as_bytes()).expect("stderr");
    false
}

/// The shapes of a job: its first process is a shell that runs `codex`, or `codex` itself.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Shell,
    Container,
}

/// A home in which `codex` is the shim, and a program that runs it as a job.
fn job(project: &str, shape: Shape) -> (Home, PathBuf) {
    let mut home = stage::home(project);
    let real = stage::codex();
    let path =
        format!("{}:/usr/local/bin:/usr/bin:/bin", real.parent().expect("a folder").display());
    home.set_variable("PATH", &path);
    if let Shape::Shell = shape {
        home.set_variable("CI", "true");
        let summary = home.root().join("summary.md");
        home.set_variable("GITHUB_STEP_SUMMARY", summary.to_str().expect("text"));
    }
    let proxy = stage::programs().join("arize-codex-proxy");
    let run = match shape {
        Shape::Shell => format!("/bin/sh -c '\"{}\" \"$@\"; exit $?' job", proxy.display()),
        Shape::Container => format!("\"{}\"", proxy.display()),
    };
    let program = home.root().join("job");
    let text = format!("#!/bin/sh\nexec unshare {} {run} \"$@\"\n", JOB.join(" "));
    std::fs::write(&program, text).expect("a program");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("its mode");
    (home, program)
}

fn run(home: &Home, program: &std::path::Path, script: &Script) -> (Exec, Script) {
    let model = ModelServer::start(std::slice::from_ref(script)).expect("a model");
    let codex = Codex::configure(program, home, &model, Protocol::Binary).expect("config.toml");
    let exec = codex.exec(&[], &script.prompt).expect("a turn");
    (exec, script.clone().for_shell(model.shell().unwrap_or_default()))
}

#[test]
fn a_job_has_its_trace_before_its_processes_end() {
    if !can_make_jobs() {
        return;
    }
    for shape in [Shape::Shell, Shape::Container] {
        let project = format!("job-{shape:?}");
        let (home, program) = job(&project, shape);
        let script = Script::new("List the files")
            .step(Step::new(USAGE).call(Call::command("echo one").prints("one\n")))
            .step(Step::new(USAGE).message("Done."));
        let (exec, script) = run(&home, &program, &script);
        assert!(exec.finished.status.success(), "{exec:?}");
        let spans = stage::spans(&project);
        check::turn(&spans, &script, "Turn 1", &exec);
        check::telemetry(&spans);
        let page = format!("/redirects/traces/{}", spans[0].trace_id);
        let line = exec.finished.stderr.lines().find(|line| line.starts_with("arize-codex: "));
        let line = line.unwrap_or_else(|| panic!("{exec:?}"));
        assert!(line.contains("traced 1 turn") && line.ends_with(&page), "{line}");
        let summary = std::fs::read_to_string(home.root().join("summary.md"));
        if let Shape::Shell = shape {
            let summary = summary.expect("a summary");
            assert!(summary.contains("- completed, ") && summary.contains(&page), "{summary}");
        }
    }
}

#[test]
fn a_job_that_fails_has_its_trace_too() {
    if !can_make_jobs() {
        return;
    }
    for shape in [Shape::Shell, Shape::Container] {
        let project = format!("job-failure-{shape:?}");
        let (home, program) = job(&project, shape);
        let (exec, _) = run(&home, &program, &turns::refused());
        assert_eq!(exec.finished.status.code(), Some(1), "{exec:?}");
        let spans = stage::spans(&project);
        let root = spans.iter().find(|span| span.parent_id.is_none()).expect("a root");
        assert_eq!(root.text("codex.turn.status"), Some("failed"), "{root:#?}");
        assert!(exec.finished.stderr.contains("(1 not completed)"), "{exec:?}");
    }
}

#[test]
fn a_backend_that_is_away_does_not_fail_the_job() {
    if !can_make_jobs() {
        return;
    }
    let (mut home, program) = job("job-away", Shape::Shell);
    home.trace_to("http://127.0.0.1:1").expect("config.yaml");
    home.set_variable("ARIZE_CODEX_WAIT", "2");
    let script = Script::new("Say one").step(Step::new(USAGE).message("One."));
    let (exec, _) = run(&home, &program, &script);
    assert!(exec.finished.status.success(), "{exec:?}");
    assert!(exec.finished.stderr.contains("; 1 queued for phoenix"), "{exec:?}");
}
