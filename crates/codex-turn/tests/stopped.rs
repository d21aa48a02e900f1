//! Turns that are stopped while the model answers: one request stays one model call.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fmt::Write as _;

use codex_turn::{Checkpoint, Line, LogEvent, ThreadMeta, Transcript, fuse};
use expect_test::{Expect, expect};
use otlp_model::UnixNanos;
use otlp_model::turn::Step;
use serde_json::{Value as Json, json};

/// Second 5 of the turn's day, in nanoseconds since the Unix epoch.
const FIVE: u64 = 1_000_000_005 * 1_000_000_000;

fn check(items: &[Json], events: &[LogEvent], expected: Expect) {
    let event = |kind: &str, second: u64, payload: Json| {
        json!({ "timestamp": format!("2001-09-09T01:46:{:02}.000Z", 40 + second), "type": kind,
            "payload": payload })
    };
    let mut records =
        vec![event("event_msg", 0, json!({ "type": "task_started", "turn_id": "t" }))];
    records.extend(items.iter().map(|item| event("response_item", 6, item.clone())));
    let end = json!({ "type": "turn_aborted", "turn_id": "t", "reason": "interrupted" });
    records.push(event("event_msg", 9, end));
    let mut transcript = Transcript::resume(ThreadMeta::default(), Checkpoint::START);
    for record in records {
        let mut line = Line::new(transcript.text_limit());
        line.push(record.to_string().as_bytes());
        transcript.read(&line);
    }
    let (turns, problems) = transcript.finish();
    assert_eq!(problems, []);
    let turn = fuse(&turns[0], &events.iter().collect::<Vec<_>>());
    let mut text = String::new();
    for step in &turn.steps {
        let Step::Llm(call) = step else { panic!("not a model call: {step:?}") };
        let second = |time: UnixNanos| time.since(turn.start) / 1_000_000_000;
        let (start, end) = (second(call.start), second(call.end));
        writeln!(text, "{start}..{end} {:?}, {} outputs", call.outcome, call.output.len()).unwrap();
    }
    expected.assert_eq(&text);
}

/// A request that took two seconds to its response's head, or to its error.
fn request(error: Option<&str>) -> LogEvent {
    let mut attributes = json!({ "duration_ms": "2000", "http.response.status_code": 200 });
    if let Some(error) = error {
        attributes["error.message"] = error.into();
    }
    LogEvent {
        time: UnixNanos(FIVE),
        name: "codex.api_request".to_owned(),
        attributes: attributes.as_object().cloned().unwrap(),
        ..LogEvent::default()
    }
}

#[test]
fn before_the_model_said_anything() {
    check(
        &[],
        &[request(None)],
        expect![[r#"
            3..9 Cancelled("interrupted"), 0 outputs
        "#]],
    );
}

#[test]
fn after_the_model_thought() {
    let thought = json!({ "type": "reasoning", "summary": [{ "text": "hm" }] });
    check(
        &[thought],
        &[request(None)],
        expect![[r#"
            3..9 Cancelled("interrupted"), 1 outputs
        "#]],
    );
}

#[test]
fn while_a_request_was_repeated() {
    check(
        &[],
        &[request(Some("http 500")), request(None)],
        expect![[r#"
            3..5 Failed("http 500"), 0 outputs
            3..9 Cancelled("interrupted"), 0 outputs
        "#]],
    );
}
