//! Spans and lists of turns as JSON, with all that is known.

use otlp_model::{Attribute, Span, SpanStatus, Value};
use serde_json::{Map, Value as Json, json};
use trace_store::usage::TurnRow;

use super::{rfc3339, status};

/// The spans of a trace as a JSON array.
pub fn spans_json(spans: &[Span]) -> String {
    let spans: Vec<Json> = spans.iter().map(span_json).collect();
    format!("{:#}\n", Json::Array(spans))
}

/// The turns as a JSON array.
pub fn turns_json(turns: &[TurnRow]) -> String {
    let turns: Vec<Json> = turns.iter().map(turn_json).collect();
    format!("{:#}\n", Json::Array(turns))
}

fn turn_json(turn: &TurnRow) -> Json {
    let place = &turn.place;
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let calls = turn.sums.calls > 0;
    json!({
        "trace_id": turn.trace_id.to_string(),
        "session_id": turn.thread.session_id,
        "thread_id": turn.thread.thread_id,
        "number": turn.number,
        "start": rfc3339(turn.start()),
        "end": rfc3339(turn.end),
        "duration_ms": turn.end.since(turn.start()) as f64 / 1e6,
        "status": turn.status.word(),
        "prompt": turn.prompt,
        "project": said(&place.project),
        "cwd": said(&place.folder),
        "repository": said(&place.repository),
        "branch": said(&place.branch),
        "tags": place.tags.iter().collect::<Vec<_>>(),
        "model": turn.models.first(),
        "models": turn.models,
        "input_tokens": calls.then_some(turn.sums.input),
        "output_tokens": calls.then_some(turn.sums.output),
        "cost_usd": turn.cost().map(|cost| ::doctor::rounded_usd(cost.usd())),
        "unpriced_calls": turn.unpriced,
        "tool_calls": turn.tools.as_ref().map(|tools| tools.calls),
        "failed_tool_calls": turn.tools.as_ref().map(|tools| tools.failed),
        "tools": turn.tools.as_ref().map(|tools| &tools.names),
        "sub_agent_turns": turn.sub_agents,
        "human_wait_ms": turn.human_ms,
        "has_spans": turn.has_spans,
    })
}

fn span_json(span: &Span) -> Json {
    json!({
        "trace_id": span.trace_id.to_string(),
        "span_id": span.span_id.to_string(),
        "parent_id": span.parent_id.map(|id| id.to_string()),
        "name": span.name,
        "kind": span.kind.as_str(),
        "start": rfc3339(span.start),
        "end": rfc3339(span.end),
        "duration_ms": span.end.since(span.start) as f64 / 1e6,
        "status": status(&span.status),
        "status_message": match &span.status {
            SpanStatus::Error(message) => Some(message),
            SpanStatus::Ok | SpanStatus::Unset => None,
        },
        "attributes": attributes_json(&span.attributes),
        "events": span.events.iter().map(|event| json!({
            "name": event.name,
            "time": rfc3339(event.time),
            "attributes": attributes_json(&event.attributes),
        })).collect::<Vec<_>>(),
    })
}

fn attributes_json(attributes: &[Attribute]) -> Map<String, Json> {
    let pairs = attributes.iter().map(|attribute| {
        let value = match &attribute.value {
            Value::String(text) => Json::from(text.as_ref()),
            Value::Int(number) => Json::from(*number),
            Value::Double(number) => Json::from(*number),
            Value::Bool(truth) => Json::from(*truth),
            Value::Strings(texts) => Json::from(texts.clone()),
        };
        (attribute.key.clone().into_owned(), value)
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::tree::tests::turn;

    #[test]
    fn json_has_every_attribute_with_its_type() {
        let spans: Json = serde_json::from_str(&spans_json(&turn())).unwrap();
        assert_eq!(spans[1]["attributes"]["llm.token_count.prompt"], 1000);
        assert_eq!(spans[1]["parent_id"], "0101010101010101");
        assert_eq!(spans[2]["status"], "ERROR");
        assert_eq!(spans[2]["status_message"], "exit code 3");
    }
}
