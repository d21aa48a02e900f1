//! Traces of other programs: each is a turn, and nothing in it counts twice.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use otlp_model::turn::{Agent, LlmCall, Outcome, Step, Usage};
use otlp_model::{
    Attribute, Span, SpanBatch, SpanId, SpanKind, SpanStatus, TraceId, TreeOptions, Turn,
    UnixNanos, names,
};
use tempfile::TempDir;
use trace_store::TraceStore;
use trace_store::usage::{TurnFilter, TurnRow};

const SECOND: u64 = 1_000_000_000;

fn span(kind: SpanKind, name: &str, parent: Option<&str>) -> Span {
    Span {
        trace_id: TraceId::derive(&["foreign"]),
        span_id: SpanId::derive(&[name]),
        parent_id: parent.map(|parent| SpanId::derive(&[parent])),
        name: name.to_owned(),
        kind,
        start: UnixNanos(SECOND),
        end: UnixNanos(2 * SECOND),
        attributes: Vec::new(),
        events: Vec::new(),
        status: SpanStatus::Ok,
    }
}

fn call(name: &str, parent: &str, tokens: u64) -> Span {
    let mut span = span(SpanKind::Llm, name, Some(parent));
    span.attributes.push(Attribute::new(names::LLM_MODEL_NAME, "m"));
    span.attributes.push(Attribute::new(names::LLM_TOKEN_COUNT_PROMPT, tokens));
    span
}

fn agent(name: &str, parent: Option<&str>) -> Span {
    let mut span = span(SpanKind::Agent, name, parent);
    span.attributes.push(Attribute::new(names::AGENT_NAME, "researcher"));
    span
}

fn store() -> (TempDir, TraceStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = TraceStore::open(folder.path().join("traces.db")).unwrap();
    (folder, store)
}

/// Stores spans as they come, and gives the turns that there are then.
fn take(store: &mut TraceStore, spans: &[Span]) -> Vec<TurnRow> {
    store.insert(&SpanBatch { resource: Vec::new(), spans: spans.to_vec() }).unwrap();
    store.record_spans(&|_| ()).unwrap();
    store.turns(&TurnFilter::default(), None, 10).unwrap()
}

#[test]
fn a_trace_that_comes_in_pieces_is_one_turn_with_all_its_calls() {
    let (_folder, mut store) = store();
    let inner = [
        call("a call", "a helper", 100),
        span(SpanKind::Tool, "search", Some("a helper")),
        span(SpanKind::Tool, "part of search", Some("search")),
    ];
    assert!(take(&mut store, &inner).is_empty(), "what is above has not ended");
    assert!(take(&mut store, &[agent("a helper", Some("a chain"))]).is_empty());
    let top = [span(SpanKind::Chain, "a chain", Some("top")), span(SpanKind::Chain, "top", None)];
    let turns = take(&mut store, &top);
    assert_eq!(turns.len(), 1);
    assert_eq!((turns[0].sums.tokens(), turns[0].tools.as_ref().unwrap().calls), (100, 1));

    let late = [call("another call", "a chain", 30), span(SpanKind::Tool, "fetch", Some("top"))];
    let turns = take(&mut store, &late);
    assert_eq!(turns.len(), 1);
    assert_eq!((turns[0].sums.tokens(), turns[0].tools.as_ref().unwrap().calls), (130, 2));
}

#[test]
fn a_call_within_a_call_is_part_of_it() {
    let (_folder, mut store) = store();
    let turns = take(
        &mut store,
        &[
            span(SpanKind::Chain, "top", None),
            call("framework", "top", 100),
            span(SpanKind::Chain, "transport", Some("framework")),
            call("client", "transport", 100),
            // Only what is in it says how many tokens there were.
            span(SpanKind::Llm, "router", Some("top")),
            call("routed", "router", 7),
        ],
    );
    assert_eq!((turns.len(), turns[0].sums.tokens()), (1, 107));
}

#[test]
fn a_trace_that_is_one_call_is_a_turn() {
    let (_folder, mut store) = store();
    let alone = Span { parent_id: None, ..call("alone", "", 40) };
    let turns = take(&mut store, &[alone, call("within", "alone", 40)]);
    assert_eq!((turns.len(), turns[0].sums.tokens()), (1, 40));
}

#[test]
fn the_turn_of_an_agent_in_a_trace_of_another_program_counts_once() {
    let (_folder, mut store) = store();
    let turn = Turn {
        agent: Agent::named("codex"),
        session_id: "t".to_owned(),
        thread_id: "t".to_owned(),
        key: "1".to_owned(),
        outcome: Outcome::Ok,
        steps: vec![Step::Llm(LlmCall {
            usage: Some(Usage { input: 10, output: 1, ..Usage::default() }),
            outcome: Outcome::Ok,
            ..LlmCall::default()
        })],
        ..Turn::default()
    };
    let mut spans = SpanBatch::of(&turn, "p", &TreeOptions::default()).spans;
    for span in &mut spans {
        span.trace_id = TraceId::derive(&["foreign"]);
    }
    spans[0].parent_id = Some(SpanId::derive(&["top"]));
    spans.extend([span(SpanKind::Chain, "top", None), call("its own", "top", 100)]);
    let mut tokens: Vec<_> =
        take(&mut store, &spans).iter().map(|turn| turn.sums.tokens()).collect();
    tokens.sort();
    assert_eq!(tokens, [11, 100]);
}

#[test]
fn spans_in_a_circle_are_no_turn_and_no_hang() {
    let (_folder, mut store) = store();
    let circle = [
        span(SpanKind::Chain, "a", Some("b")),
        span(SpanKind::Chain, "b", Some("a")),
        call("a call", "a", 5),
    ];
    assert!(take(&mut store, &circle).is_empty());
}
