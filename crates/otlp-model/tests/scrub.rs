//! Where a turn can hold a secret.

use otlp_model::turn::{Agent, Compaction, LlmCall, Message, Outcome, Part, Step, ToolCall, Turn};
use otlp_model::{Attribute, TreeOptions, Value, scrub_turn, span_tree};
use serde_json::{Map, json};

const SECRET: &str = "hunter2";

fn said(place: &str) -> String {
    format!("{place} {SECRET}")
}

fn failed() -> Outcome {
    Outcome::Failed(said("error"))
}

fn attribute() -> Attribute {
    Attribute::new("codex.note", said("attribute"))
}

fn object() -> Map<String, serde_json::Value> {
    Map::from_iter([("a".to_owned(), json!({ "b": [said("json")] }))])
}

fn message(role: &str) -> Message {
    let parts = vec![
        Part::Text(said("text")),
        Part::Reasoning(said("reasoning")),
        Part::ToolCall {
            id: "call".to_owned(),
            name: "exec".to_owned(),
            arguments: said("arguments"),
        },
    ];
    Message { role: role.to_owned(), parts, tool_call_id: None }
}

fn tool(nested: Vec<ToolCall>) -> ToolCall {
    ToolCall {
        name: "exec".to_owned(),
        arguments: Some(format!(r#"{{"cmd": "{SECRET}"}}"#)),
        output: Some(said("output")),
        outcome: failed(),
        attributes: vec![Attribute::new("codex.list", Value::Strings(vec![said("list")]))],
        nested,
        ..ToolCall::default()
    }
}

/// A secret in every text.
fn turn() -> Turn {
    let call = LlmCall {
        input: vec![message("user"), message("tool")],
        output: vec![message("assistant")],
        parameters: object(),
        outcome: failed(),
        attributes: vec![attribute()],
        tools: vec![tool(vec![tool(Vec::new())])],
        ..LlmCall::default()
    };
    let summary = Some(said("summary"));
    Turn {
        agent: Agent { llm_system: Some("openai".into()), ..Agent::named("codex") },
        prompt: Some(said("prompt")),
        answer: Some(said("answer")),
        outcome: Outcome::Cancelled(said("reason")),
        steps: vec![
            Step::Llm(call),
            Step::Tool(tool(Vec::new())),
            Step::Compaction(Compaction { summary, ..Compaction::default() }),
        ],
        attributes: vec![attribute()],
        metadata: object(),
        ..Turn::default()
    }
}

fn without_secrets(text: &str) -> Option<(String, u64)> {
    let secrets = text.matches(SECRET).count() as u64;
    (secrets > 0).then(|| (text.replace(SECRET, "[gone]"), secrets))
}

#[test]
fn every_text_is_scrubbed_and_every_span_counts_its_own() {
    let mut turn = turn();
    assert!(format!("{turn:?}").contains(SECRET));
    scrub_turn(&mut turn, &without_secrets);
    assert!(!format!("{turn:?}").contains(SECRET), "{turn:#?}");
    let spans = span_tree(&turn, &TreeOptions::default());
    let counts: Vec<_> =
        spans.iter().map(|span| (span.kind.as_str(), span.int("codex.scrubbed"))).collect();
    let expected = [
        ("AGENT", Some(5)),
        ("LLM", Some(12)),
        ("TOOL", Some(4)),
        ("TOOL", Some(4)),
        ("TOOL", Some(4)),
        ("CHAIN", Some(1)),
    ];
    assert_eq!(counts, expected);
}

/// Such is the output of a command that shows a file in UTF-16.
#[test]
fn a_secret_between_whose_letters_nul_stands_does_not_appear_without_them() {
    let spread: String = SECRET.chars().flat_map(|letter| [letter, '\0']).collect();
    let mut turn = Turn {
        prompt: Some(spread.clone()),
        attributes: vec![Attribute::new("codex.note", spread)],
        ..Turn::default()
    };
    scrub_turn(&mut turn, &without_secrets);
    let spans = span_tree(&turn, &TreeOptions::default());
    assert!(!format!("{spans:?}").contains(SECRET), "{spans:#?}");
    assert_eq!(spans[0].int(".scrubbed"), Some(2));
}

#[test]
fn a_turn_without_secrets_stays_as_it_is() {
    let mut scrubbed = turn();
    scrub_turn(&mut scrubbed, &|_| None);
    assert_eq!(scrubbed, turn());
}
