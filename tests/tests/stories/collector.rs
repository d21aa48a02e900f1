//! A collector between us and the backend: any receiver of OTLP will do.

use std::time::Duration;

use stories::{Protocol, expected_tree, wait};

use crate::complete::script;
use crate::stage::Played;
use crate::{check, stage};

#[test]
fn hands_on_what_it_got_as_protobuf() {
    hands_on("collector-protobuf", "compression: gzip");
}

#[test]
fn hands_on_what_it_got_as_json() {
    hands_on("collector-json", "protocol: http/json\n    compression: none");
}

#[test]
fn that_is_configured_wrong_gets_the_turn_once_that_is_corrected() {
    let (project, rotel) = ("collector-wrong", stage::rotel());
    let home = stage::home(project);
    home.start_buffer().expect("the buffer starts");
    home.configure("target: otlp").expect("config.yaml");
    let played = stage::play(&home, &script(), Protocol::Binary, &[]);
    let expected = "the target `otlp` has no endpoint (hint: run `arize-config set ";
    waits(&home.log(), expected);

    let target = format!("target: otlp\n    endpoint: {}", rotel.url());
    for (wrong, expected) in [
        ("protocol: thrift", "`harnesses.codex.protocol` is `thrift`, not `http/protobuf`, "),
        (
            "headers: { x-key: '${NOT_SET}' }",
            "`harnesses.codex.headers.x-key`: the environment variable `NOT_SET` is not set (hint: ",
        ),
        ("ca_file: /nowhere/ca.pem", "`ca_file`: `/nowhere/ca.pem`: No such file or directory"),
    ] {
        home.configure(&format!("{target}\n    {wrong}")).expect("config.yaml");
        // What is queued is not sent again, and so not logged again.
        home.forget_what_was_sent().expect("no memory");
        stage::trigger(&home, &[&played.hook.payload]);
        waits(&home.log(), expected);
    }

    home.configure(&target).expect("config.yaml");
    stage::trigger(&home, &[&played.hook.payload]);
    arrives(project, &played);
}

fn waits(log: &str, expected: &str) {
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(expected)).collect();
    assert!(!lines.is_empty(), "{expected}\n{log}");
    assert!(
        lines.iter().all(|line| line.contains(" error ") && line.contains(" for otlp")),
        "{log}"
    );
}

fn hands_on(project: &str, form: &str) {
    let rotel = stage::rotel();
    let home = stage::home(project);
    let settings = format!("target: otlp\n    endpoint: {}\n    {form}", rotel.url());
    home.configure(&settings).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script(), Protocol::Binary, &[]);
    arrives(project, &played);
    check::totals(project, &[played.script]);
}

pub(crate) fn arrives(project: &str, played: &Played) {
    let expected = expected_tree(&played.script, "Turn 1").flatten().len();
    let spans = wait::until("the collector to hand on", Duration::from_secs(20), || {
        Some(stage::spans(project)).filter(|spans| spans.len() >= expected)
    });
    check::turn(&spans.expect("all spans"), &played.script, "Turn 1", &played.exec);
}
