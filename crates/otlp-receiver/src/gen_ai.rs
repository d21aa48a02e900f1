//! OpenTelemetry's GenAI attributes in the words of OpenInference, which everything else reads.

use otlp_model::names::*;
use otlp_model::{Attribute, Span, SpanKind, Value};
use serde_json::Value as Json;

use crate::spans::text_of;

/// GenAI's name and OpenInference's for the same value.
const SAME: [(&str, &str); 15] = [
    (GEN_AI_RESPONSE_MODEL, LLM_MODEL_NAME),
    (GEN_AI_REQUEST_MODEL, LLM_MODEL_NAME),
    (GEN_AI_PROVIDER_NAME, LLM_PROVIDER),
    ("gen_ai.system", LLM_PROVIDER),
    (GEN_AI_USAGE_INPUT, LLM_TOKEN_COUNT_PROMPT),
    (GEN_AI_USAGE_OUTPUT, LLM_TOKEN_COUNT_COMPLETION),
    // Their names until 2024.
    ("gen_ai.usage.prompt_tokens", LLM_TOKEN_COUNT_PROMPT),
    ("gen_ai.usage.completion_tokens", LLM_TOKEN_COUNT_COMPLETION),
    (GEN_AI_USAGE_CACHE_READ, LLM_TOKEN_COUNT_CACHE_READ),
    (GEN_AI_USAGE_CACHE_WRITE, LLM_TOKEN_COUNT_CACHE_WRITE),
    (GEN_AI_USAGE_REASONING, LLM_TOKEN_COUNT_REASONING),
    (GEN_AI_CONVERSATION_ID, SESSION_ID),
    (GEN_AI_AGENT_NAME, AGENT_NAME),
    (GEN_AI_TOOL_NAME, TOOL_NAME),
    (GEN_AI_TOOL_CALL_ID, TOOL_ID),
];

/// GenAI's attributes with the messages or arguments that go into a step, and that come out of it.
const INPUTS: [&str; 3] = ["gen_ai.input.messages", "gen_ai.tool.call.arguments", "gen_ai.prompt"];
const OUTPUTS: [&str; 3] =
    ["gen_ai.output.messages", "gen_ai.tool.call.result", "gen_ai.completion"];

/// Adds what a span says in GenAI's words only.
pub(crate) fn complete(span: &mut Span) {
    for (theirs, ours) in SAME {
        add(span, ours, span.attribute(theirs).cloned());
    }
    if span.attribute(OPENINFERENCE_SPAN_KIND).is_none()
        && let Some(kind) = span.text(GEN_AI_OPERATION_NAME).and_then(kind_of)
    {
        span.kind = kind;
        add(span, OPENINFERENCE_SPAN_KIND, Some(kind.as_str().into()));
    }
    for (theirs, ours, mime_type) in
        [(INPUTS, INPUT_VALUE, INPUT_MIME_TYPE), (OUTPUTS, OUTPUT_VALUE, OUTPUT_MIME_TYPE)]
    {
        let Some(value) = theirs.iter().find_map(|name| span.attribute(name)).cloned() else {
            continue;
        };
        if span.attribute(ours).is_none() {
            let is_json = text_of(&value).is_some_and(is_json);
            add(span, ours, Some(value));
            let mime = if is_json { "application/json" } else { "text/plain" };
            add(span, mime_type, Some(mime.into()));
        }
    }
}

fn add(span: &mut Span, key: &'static str, value: Option<Value>) {
    if let Some(value) = value.filter(|_| span.attribute(key).is_none()) {
        span.attributes.push(Attribute { key: key.into(), value });
    }
}

fn kind_of(operation: &str) -> Option<SpanKind> {
    Some(match operation {
        "chat" | "generate_content" | "text_completion" => SpanKind::Llm,
        "execute_tool" => SpanKind::Tool,
        "invoke_agent" | "create_agent" => SpanKind::Agent,
        _ => return None,
    })
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Json>(text).is_ok_and(|json| json.is_object() || json.is_array())
}
