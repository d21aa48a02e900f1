//! Each example is run as its reader runs it, and says what it should.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use examples::Backend;
use serde_json::Value;

const EXAMPLES: [&str; 6] =
    ["ci_job", "codex_exec_live", "custom_exporter", "memory_exporter", "other_harness", "outage"];

/// The most lines of an example, without comments and blank ones.
const MOST_LINES: usize = 60;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs an example, which Cargo builds with the tests, in a folder of its own.
fn run(name: &str, variables: &[(&str, &str)], arguments: &[&str]) -> (String, tempfile::TempDir) {
    let built: PathBuf = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().into();
    let program = built.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(&program);
    command.args(arguments).current_dir(folder.path());
    for name in ["CODEX", "PHOENIX_ENDPOINT", "TRACEPARENT", "TRACES"] {
        command.env_remove(name);
    }
    let output = command.envs(variables.iter().copied()).output();
    let Output { status, stdout, stderr } =
        output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(status.success(), "{name}: {status}\n{}", String::from_utf8_lossy(&stderr));
    (String::from_utf8(stdout).unwrap(), folder)
}

/// The spans in a file of OTLP JSON.
fn spans(json: &str) -> Vec<Value> {
    let request: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    request["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
}

fn names(spans: &[Value]) -> Vec<&str> {
    spans.iter().map(|span| span["name"].as_str().unwrap()).collect()
}

#[test]
fn other_harness() {
    let phoenix = Backend::start(0).unwrap();
    let (output, folder) = run("other_harness", &[("PHOENIX_ENDPOINT", &phoenix.endpoint())], &[]);
    assert_eq!(phoenix.paths(), ["/v1/traces"]);
    assert!(output.contains(&format!("4 spans to phoenix {}", phoenix.endpoint())), "{output}");
    assert!(output.contains("4 spans to file other-traces.jsonl"), "{output}");
    let file = fs::read_to_string(folder.path().join("other-traces.jsonl")).unwrap();
    assert_eq!(names(&spans(&file)), ["Turn", "gpt-5.4", "bash", "gpt-5.4"]);
    assert!(file.contains("[scrubbed:") && !file.contains("sk-proj"), "{file}");
}

/// The script that stands for Codex needs a shell.
#[cfg(unix)]
#[test]
fn codex_exec_live() {
    let codex = root().join("data/codex.sh");
    let variables = [("CODEX", codex.to_str().unwrap())];
    let (output, folder) = run("codex_exec_live", &variables, &["Add a file hello.txt"]);
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), 12, "{output}");
    assert!(lines[5].contains("turn=1 tool failed id=item_2 name=command_execution"), "{output}");
    assert!(lines[8].contains("files changed count=1"), "{output}");
    assert!(lines[11].ends_with("is in file codex-traces.jsonl"), "{output}");
    let spans = spans(&fs::read_to_string(folder.path().join("codex-traces.jsonl")).unwrap());
    assert_eq!(spans.len(), 5);
    assert!(lines[11].contains(spans[0]["traceId"].as_str().unwrap()), "{output}");
}

#[test]
fn custom_exporter() {
    let (output, _) = run("custom_exporter", &[], &[]);
    assert_eq!(output, "session-1: 1280 tokens, 0.0042 USD\n");
}

#[test]
fn memory_exporter() {
    let (output, _) = run("memory_exporter", &[], &[]);
    assert!(output.starts_with("3 spans and "), "{output}");
}

#[test]
fn ci_job() {
    let job = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let (output, _) = run("ci_job", &[("TRACEPARENT", job)], &[]);
    let joined = spans(&output);
    assert_eq!(joined[0]["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(joined[0]["parentSpanId"], "b7ad6b7169203331");
    let (output, _) = run("ci_job", &[], &[]);
    let alone = spans(&output);
    assert_ne!(alone[0]["traceId"], joined[0]["traceId"]);
    assert_eq!(alone[0]["parentSpanId"], "");
}

#[test]
fn outage() {
    let (output, _) = run("outage", &[], &[]);
    let expected = "away: 0 delivered, 1 queued\nback: 1 delivered, 0 queued\nthen: 0 delivered, 1 requests in all\n";
    assert_eq!(output, expected);
}

#[test]
fn each_example_is_short_and_in_the_table_and_in_the_tests() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let files = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
            let lines = text.lines().filter(is_code).count();
            assert!(lines < MOST_LINES, "{name} has {lines} lines");
            let command = format!("cargo run -p examples --example {name}");
            assert!(readme.contains(&command), "the table does not have `{command}`");
            name
        })
        .collect();
    found.sort();
    assert_eq!(found, EXAMPLES);
}
