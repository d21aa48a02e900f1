//! The doctor finds nothing wrong where all is well, sends a turn through the whole chain, and says
//! which link is broken.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use stories::process::run;
use stories::{Codex, Guard, Home, ModelServer, Protocol, wait};

use crate::complete::script;
use crate::guarded::{self, PHOENIX};
use crate::stage;

const LIMIT: Duration = Duration::from_secs(60);

/// A home in which all is set up, as a user has it who followed the README.
struct Patient {
    home: Home,
    _model: ModelServer,
}

impl Patient {
    fn new(project: &str) -> Self {
        let home = stage::home(project);
        let model = ModelServer::start(&[script()]).expect("a model");
        Codex::configure(&stage::codex(), &home, &model, Protocol::Binary).expect("config.toml");
        // Codex runs the recorder of the stories, which runs the hook: the doctor reads that in it.
        Self { home, _model: model }
    }

    /// What the doctor says, and its exit code.
    fn examined(&self, arguments: &[&str]) -> (Value, Option<i32>) {
        let mut command = self.command();
        let done = run(command.args(["doctor", "--json"]).args(arguments), LIMIT).expect("it ends");
        assert_eq!(done.stderr, "", "{done:?}");
        (serde_json::from_str(&done.stdout).expect("JSON"), done.status.code())
    }

    fn command(&self) -> Command {
        arize_codex(&self.home)
    }
}

/// `arize-codex` in a shell that finds Codex.
fn arize_codex(home: &Home) -> Command {
    let mut command = stage::arize_codex(home);
    let codex = stage::codex();
    let folder = codex.parent().expect("a folder");
    command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display()));
    command
}

/// What the doctor finds of this home in a check.
pub(crate) fn finding(home: &Home, check: &str) -> Value {
    let mut command = arize_codex(home);
    let done = run(command.args(["doctor", "--json"]), LIMIT).expect("it ends");
    let report: Value = serde_json::from_str(&done.stdout).expect("JSON");
    let [finding] = of(&report, check)[..] else { panic!("{report:#}") };
    finding.clone()
}

/// The findings of a check.
fn of<'r>(report: &'r Value, check: &str) -> Vec<&'r Value> {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().filter(|finding| finding["check"] == check).collect()
}

fn troubles(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("findings");
    let bad = findings.iter().filter(|finding| finding["level"] != "ok");
    bad.map(|finding| finding["check"].as_str().expect("a name")).collect()
}

/// All files below a folder but those of the store, with their contents.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if !path.to_string_lossy().contains("/traces.db") {
            // The service counts what arrives in files of its own.
            let is_service = path.to_string_lossy().contains("/buffer.db");
            let content = if is_service { Vec::new() } else { fs::read(&path).expect("a file") };
            all.push((path, content));
        }
    }
    all.sort();
    all
}

fn sends(patient: &Patient, target: &str) -> Value {
    let home = &patient.home;
    home.start_buffer().expect("the buffer starts");
    let harness = home.root().join("home/.arize/harness");
    // The service looks around when it starts, and that notes when tracing began.
    let noted = || harness.join("state/codex/since").exists().then_some(());
    wait::until("the first sweep", LIMIT, noted).expect("the service sweeps");
    let before = files(&harness);
    let (report, exit) = patient.examined(&["--send"]);
    assert_eq!(troubles(&report), [""; 0], "{report:#}");
    assert_eq!(exit, Some(0));
    let arrived = of(&report, "send.arrived");
    let [arrived] = &arrived[..] else { panic!("{report:#}") };
    let message = arrived["message"].as_str().expect("a message");
    assert!(message.starts_with(&format!("`{target}` ")), "{message}");
    assert_eq!(files(&harness), before, "the test leaves nothing behind");
    home.stop_buffer().expect("the buffer stops");
    (*arrived).clone()
}

#[test]
fn sends_a_marked_turn_through_to_phoenix() {
    let patient = Patient::new("doctor-phoenix");
    let arrived = sends(&patient, "phoenix");
    assert!(arrived["message"].as_str().is_some_and(|text| text.ends_with("3 spans")), "{arrived}");
    assert!(stage::spans("doctor-phoenix").is_empty(), "the user's project has no test turn");
    let message = arrived["message"].as_str().expect("a message");
    let spans = stage::spans("codex-test");
    let spans: Vec<_> = spans.into_iter().filter(|span| message.contains(&span.trace_id)).collect();
    let kinds: Vec<&str> = spans.iter().map(|span| span.kind.as_str()).collect();
    assert_eq!(kinds, ["AGENT", "LLM", "TOOL"]);
    for span in &spans {
        assert_eq!(span.attributes["codex.test"], true, "{span:?}");
    }
    assert_eq!(spans[1].number("http.response.status_code"), Some(200), "from the log events");
}

#[test]
fn sends_a_marked_turn_through_to_mlflow() {
    let mlflow = stage::mlflow();
    let patient = Patient::new("doctor-mlflow");
    let target = format!("target: mlflow\n    endpoint: {}", mlflow.url());
    patient.home.configure(&target).expect("config.yaml");
    patient.home.start_buffer().expect("the buffer starts");
    // The first trace after its start may take longer than a delivery waits.
    wait::until("mlflow to take a trace in time", LIMIT, || {
        (patient.examined(&["--send"]).1 == Some(0)).then_some(())
    })
    .expect("a target");
    let arrived = sends(&patient, "mlflow");
    assert!(arrived["message"].as_str().is_some_and(|text| text.ends_with("3 spans")), "{arrived}");
    let of_the_user = mlflow.traces("doctor-mlflow").map_or(0, |traces| traces.len());
    assert_eq!(of_the_user, 0, "or no such experiment");
    let traces = mlflow.traces("codex-test").expect("mlflow answers");
    let spans = traces.iter().map(|trace| trace["spans"].as_array().map_or(0, Vec::len));
    assert!(traces.len() > 1 && spans.into_iter().all(|spans| spans == 3), "{traces:#?}");
}

#[test]
fn sends_a_marked_turn_through_to_the_local_store() {
    let patient = Patient::new("doctor-local");
    patient.home.configure("target: local").expect("config.yaml");
    sends(&patient, "local");
    let shown = run(patient.command().args(["show", "--last"]), LIMIT).expect("show ends");
    assert!(!shown.stdout.contains("test turn"), "the user's store does not have it: {shown:?}");
    let mut status = patient.command();
    let status = run(status.args(["status", "--json"]), LIMIT).expect("it ends");
    let status: Value = serde_json::from_str(&status.stdout).expect("JSON");
    assert_eq!(status["today"]["turns"], 0, "{status:#}");
    assert_eq!(status["targets"][0]["sent"], 0, "{status:#}");
}

#[test]
fn tells_a_wrong_key_from_a_right_one() {
    let patient = Patient::new("doctor-key");
    let with_key = |key: &str| {
        let place = format!("target: phoenix\n    endpoint: {}", PHOENIX.url());
        let (authority, client) = (guarded::authority(), guarded::client());
        let target = format!("{place}\n    api_key: {key}\n    {authority}\n    {client}");
        patient.home.configure(&target).expect("config.yaml");
        let (report, exit) = patient.examined(&[]);
        let [target] = of(&report, "target")[..] else { panic!("{report:#}") };
        assert!(!report.to_string().contains(key), "{report:#}");
        (target.clone(), exit)
    };
    let (target, exit) = with_key("not-the-key-of-the-administrator");
    assert_eq!((target["level"].as_str(), exit), (Some("failure"), Some(1)), "{target}");
    let message = target["message"].as_str().expect("a message");
    assert!(message.contains("http status 401"), "{message}");
    let command = target["command"].as_str().expect("a command");
    assert!(command.ends_with("arize-config set harnesses.codex.api_key --stdin"), "{command}");
    // The service is down, which is another finding.
    let (target, _) = with_key(Guard::KEY);
    assert_eq!(target["level"], "ok", "{target}");
    let message = target["message"].as_str().expect("a message");
    assert!(message.contains("Phoenix "), "its version: {message}");
}

/// The hook would start a service of its own where the settings say, which the test does not end.
#[test]
fn sends_nothing_past_a_service_that_listens_elsewhere() {
    let mut patient = Patient::new("doctor-elsewhere");
    patient.home.start_buffer().expect("the buffer starts");
    let elsewhere = stories::port::free_port().expect("a port");
    patient.home.set_buffer_port(elsewhere);
    patient.home.configure("target: local").expect("config.yaml");
    let (report, exit) = patient.examined(&["--send"]);
    assert_eq!(exit, Some(1));
    let expected = ["codex.otel", "service", "send.events"];
    assert_eq!(troubles(&report), expected, "{report:#}");
    std::net::TcpStream::connect(("127.0.0.1", elsewhere)).expect_err("no program is there");
}

#[test]
fn tells_what_is_going_on() {
    let home = stage::home("doctor-status");
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script(), Protocol::Binary, &[]);
    let mut command = stage::arize_codex(&home);
    let done = run(command.args(["status", "--json"]), LIMIT).expect("it ends");
    let status: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!(status["service"]["running"], true, "{status:#}");
    let [target] = &status["targets"].as_array().expect("targets")[..] else {
        panic!("{status:#}")
    };
    assert_eq!((&target["name"], &target["sent"]), (&"phoenix".into(), &1.into()), "{target:#}");
    let [turn] = &status["turns"].as_array().expect("turns")[..] else { panic!("{status:#}") };
    assert_eq!(turn["thread"], played.exec.thread_id, "{turn:#}");
    assert_eq!(turn["status"], "completed");
    assert_eq!(turn["targets"], serde_json::json!(["phoenix"]));
    let usage = script().usage();
    for part in [turn, &status["today"]] {
        assert_eq!(part["input_tokens"], usage.input, "{part:#}");
        assert_eq!(part["output_tokens"], usage.output, "{part:#}");
        assert!(part["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), "{part:#}");
    }

    let mut command = stage::arize_codex(&home);
    let logs = run(command.arg("logs"), LIMIT).expect("it ends").stdout;
    let writers: Vec<&str> =
        logs.lines().filter_map(|line| line.split_whitespace().nth(3)).collect();
    assert!(writers.contains(&"hook") && writers.contains(&"buffer"), "{logs}");
    assert!(logs.lines().is_sorted(), "by time: {logs}");
}

#[test]
fn names_each_broken_link() {
    let patient = Patient::new("doctor-broken");
    let home = &patient.home;
    let config = home.codex_home().join("config.toml");
    let text = fs::read_to_string(&config).expect("config.toml");
    fs::write(&config, format!("[notice]\n{text}")).expect("config.toml");
    home.configure("target: phoenix\n    endpoint: http://127.0.0.1:9").expect("config.yaml");
    let yaml = home.root().join("home/.arize/harness/config.yaml");
    fs::set_permissions(&yaml, fs::Permissions::from_mode(0o644)).expect("permissions");
    let project = home.project_folder().join(".codex");
    fs::DirBuilder::new().mode(0o700).create(&project).expect("a folder");
    fs::write(project.join("config.toml"), "notify = [\"true\"]\n").expect("config.toml");
    let (report, exit) = patient.examined(&["--send"]);
    assert_eq!(exit, Some(1));
    let expected =
        ["codex.notify", "codex.project", "permissions", "service", "target", "send.events"];
    assert_eq!(troubles(&report), expected, "{report:#}");
    for finding in report["findings"].as_array().expect("findings") {
        assert_eq!(finding["command"].is_string(), finding["level"] != "ok", "{finding}");
    }
}
