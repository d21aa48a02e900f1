//! A file of OTLP JSON lines, for users without a server who read traces with `jq`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use stories::{Home, Protocol, expected_tree};

use crate::complete::script;
use crate::stage;

#[test]
fn gets_a_line_for_each_turn() {
    let home = Home::new(&stage::programs(), "file").expect("a home");
    let path = home.root().join("traces.jsonl");
    home.configure(&format!("target: file\n    path: {}", path.display())).expect("config.yaml");
    home.start_buffer().expect("the buffer starts");
    let played = stage::play(&home, &script(), Protocol::Binary, &[]);

    let text = fs::read_to_string(&path).expect("a file");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let spans = lines[0]["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans");
    assert_eq!(spans.len(), expected_tree(&played.script, "Turn 1").flatten().len());
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
}
