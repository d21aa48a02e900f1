//! One turn goes to three targets at once: Phoenix, MLflow and the local store. One of them is dead
//! for a while, and only its queue notices.

use std::time::Duration;

use serde_json::Value;
use stories::port::free_port;
use stories::process::run;
use stories::{Home, Mlflow, Protocol, expected_tree, wait};

use crate::complete::script;
use crate::{check, stage};

const LIMIT: Duration = Duration::from_secs(20);

/// The buffer service tries again after at most half a minute by then.
const RECOVERY: Duration = Duration::from_secs(90);

#[test]
fn all_targets_have_all_turns_once_whichever_was_dead_meanwhile() {
    let project = "fan-out";
    let port = free_port().expect("a free port");
    let home = Home::new(&stage::programs(), project).expect("a home");
    let targets = [
        format!("{{target: phoenix, endpoint: '{}'}}", stage::phoenix().url()),
        format!("{{target: mlflow, endpoint: 'http://127.0.0.1:{port}', experiment: {project}}}"),
        "{target: local, name: here, logging: {prompts: false}}".to_owned(),
    ];
    let list = targets.map(|target| format!("\n      - {target}")).concat();
    home.configure(&format!("targets:{list}")).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    let script = script();
    let runs = stage::Runs::new(&home, &[script.clone(), script.clone()], Protocol::Binary);

    runs.turn(&[], &script);
    runs.hook_runs(1);
    let expected = expected_tree(&script, "Turn 1");
    check::tree(&stage::spans(project), &expected);
    check::contents(&stage::spans(project), &expected);
    assert_eq!(stored(&home), 1);
    let queued = flushed(&home);
    assert_eq!(queued, [("phoenix", 0), ("mlflow", 1), ("here", 0)].map(of));

    // It comes back, and what waited arrives though no turn comes after it.
    let mlflow = Mlflow::start_at(&stage::path("STORIES_MLFLOW"), port).expect("mlflow starts");
    let arrived = wait::until("the turn to be in mlflow", RECOVERY, || {
        mlflow.traces(project).ok().filter(|traces| !traces.is_empty())
    });
    arrived.unwrap_or_else(|error| panic!("{error}: {}", home.log()));

    runs.turn(&[], &script);
    runs.hook_runs(2);
    assert_eq!(flushed(&home), [("phoenix", 0), ("mlflow", 0), ("here", 0)].map(of));
    let spans = expected.flatten().len();
    assert_eq!(stage::spans(project).len(), 2 * spans);
    let traces = mlflow.traces(project).expect("mlflow answers");
    let count = |trace: &Value| trace["spans"].as_array().map_or(0, Vec::len);
    assert_eq!(traces.iter().map(count).collect::<Vec<_>>(), [spans; 2]);
    assert_eq!(stored(&home), 2);
    home.stop_buffer().expect("the buffer stops");
}

fn of((name, queued): (&str, u64)) -> (String, u64) {
    (name.to_owned(), queued)
}

/// How many turns the local store has; none of them tells its prompt.
fn stored(home: &Home) -> usize {
    let mut show = stage::arize_codex(home);
    let shown = run(show.args(["show", "--json"]), LIMIT).expect("show ends");
    assert!(!shown.stdout.contains(&script().prompt), "{}", shown.stdout);
    let turns: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    turns.as_array().expect("a list").len()
}

/// The batches that are still queued for each target after a flush.
fn flushed(home: &Home) -> Vec<(String, u64)> {
    let mut flush = stage::arize_codex(home);
    let report = run(flush.args(["flush", "--json"]), LIMIT).expect("flush ends");
    let report: Value = serde_json::from_str(&report.stdout).expect("JSON");
    let targets = report["targets"].as_array().expect("targets").iter();
    let queued = |target: &Value| target["queued"].as_u64().expect("a number");
    targets
        .map(|target| (target["name"].as_str().expect("a name").to_owned(), queued(target)))
        .collect()
}
