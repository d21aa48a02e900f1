//! A copy of a batch with the attributes that only MLflow reads.

use std::collections::BTreeMap;

use otlp_model::{Attribute, Span, SpanBatch, SpanKind, Value, names};
use serde_json::json;

/// What a span is. MLflow shows the right icon without it, but counts tools, and finds spans by their
/// type, only by a value that comes with the span. Its own name for each kind is OpenInference's.
const SPAN_TYPE: &str = "mlflow.spanType";

/// What a call cost in dollars, as JSON. Without it MLflow looks into prices of its own.
const COST: &str = "mlflow.llm.cost";

/// The tag of the trace with the folder that Codex worked in.
const WORKING_DIRECTORY: &str = "mlflow.traceTag.process.working_directory";

/// Adds them.
pub(super) fn for_mlflow(batch: &SpanBatch) -> SpanBatch {
    let mut batch = batch.clone();
    for span in &mut batch.spans {
        let cost = cost(span);
        let directory = working_directory(span);
        show_reasoning(span);
        span.attributes.push(Attribute::new(SPAN_TYPE, span.kind.as_str()));
        span.attributes.extend(cost.map(|cost| Attribute::new(COST, cost)));
        span.attributes.extend(directory.map(|path| Attribute::new(WORKING_DIRECTORY, path)));
    }
    batch
}

fn cost(span: &Span) -> Option<String> {
    let dollars = |name| match span.attribute(name) {
        Some(Value::Double(dollars)) => Some(*dollars),
        _ => None,
    };
    let input = dollars(names::LLM_COST_PROMPT)?;
    let output = dollars(names::LLM_COST_COMPLETION)?;
    let total = dollars(names::LLM_COST_TOTAL)?;
    let cost = json!({ "input_cost": input, "output_cost": output, "total_cost": total });
    Some(cost.to_string())
}

/// The folder that the metadata of a root span names.
fn working_directory(span: &Span) -> Option<String> {
    if span.parent_id.is_some() {
        return None;
    }
    let metadata: serde_json::Value = serde_json::from_str(text(span, names::METADATA)?).ok()?;
    metadata["cwd"].as_str().map(str::to_owned)
}

/// Puts the reasoning into the chat that MLflow shows: into `reasoning` of the message that it belongs
/// to. What is hidden of either stays hidden.
fn show_reasoning(span: &mut Span) {
    let reasoning = match span.kind {
        SpanKind::Llm => reasoning(span),
        SpanKind::Agent | SpanKind::Tool | SpanKind::Chain => return,
    };
    if reasoning.is_empty() {
        return;
    }
    let output = text(span, names::OUTPUT_VALUE).map(serde_json::from_str::<serde_json::Value>);
    let Some(Ok(mut chat)) = output else { return };
    for (message, texts) in reasoning {
        let message = chat.get_mut("messages").and_then(|messages| messages.get_mut(message));
        if let Some(serde_json::Value::Object(message)) = message {
            message.insert("reasoning".to_owned(), texts.join("\n\n").into());
        }
    }
    let output = span.attributes.iter_mut().find(|found| found.key == names::OUTPUT_VALUE);
    if let Some(output) = output {
        output.value = chat.to_string().into();
    }
}

/// The texts of reasoning, by the place of their message.
fn reasoning(span: &Span) -> BTreeMap<usize, Vec<String>> {
    let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for attribute in &span.attributes {
        let place = attribute.key.strip_prefix(names::LLM_OUTPUT_MESSAGES);
        let Some(content) = place.and_then(|place| place.strip_suffix(".message_content.type"))
        else {
            continue;
        };
        let is_reasoning = matches!(&attribute.value, Value::String(kind) if kind == "reasoning");
        let message = content.strip_prefix('.').and_then(|place| place.split('.').next());
        let Some(message) = message.and_then(|message| message.parse().ok()) else { continue };
        let key = format!("{}{content}.message_content.text", names::LLM_OUTPUT_MESSAGES);
        if let (true, Some(text)) = (is_reasoning, text(span, &key)) {
            found.entry(message).or_default().push(text.to_owned());
        }
    }
    found
}

fn text<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    match span.attribute(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use otlp_model::{SpanId, SpanStatus, TraceId, UnixNanos};

    use super::*;

    #[test]
    fn an_output_that_is_no_chat_stays_as_it_is() {
        for output in ["7", "[]", r#""text""#, "null", "{}", r#"{"messages":7}"#, "no json"] {
            let part = "llm.output_messages.0.message.contents.0.message_content";
            let mut span = Span {
                trace_id: TraceId::derive(&["t"]),
                span_id: SpanId::derive(&["s"]),
                parent_id: None,
                name: "model".to_owned(),
                kind: SpanKind::Llm,
                start: UnixNanos(1),
                end: UnixNanos(2),
                attributes: vec![
                    Attribute::new(names::OUTPUT_VALUE, output),
                    Attribute::new(format!("{part}.type"), "reasoning"),
                    Attribute::new(format!("{part}.text"), "thought"),
                ],
                events: vec![],
                status: SpanStatus::Ok,
            };
            assert_eq!(reasoning(&span).len(), 1);
            show_reasoning(&mut span);
            assert_eq!(text(&span, names::OUTPUT_VALUE), Some(output));
        }
    }
}
