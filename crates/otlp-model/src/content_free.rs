//! Spans without contents, by a list of what may stay: what nobody thought of is left out.

use crate::names::*;
use crate::span::{Attribute, Span, SpanStatus, Value};

/// Texts that are names, ids or words of a fixed list, whoever wrote the span.
const NAMES: [&str; 29] = [
    AGENT_NAME,
    DEPLOYMENT_ENVIRONMENT_NAME,
    ERROR_TYPE,
    EXCEPTION_TYPE,
    GEN_AI_AGENT_NAME,
    GEN_AI_AGENT_VERSION,
    GEN_AI_CONVERSATION_ID,
    GEN_AI_OPERATION_NAME,
    GEN_AI_PROVIDER_NAME,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_RESPONSE_ID,
    GEN_AI_RESPONSE_MODEL,
    GEN_AI_TOKEN_MODALITY,
    GEN_AI_TOKEN_TYPE,
    GEN_AI_TOOL_CALL_ID,
    GEN_AI_TOOL_NAME,
    GEN_AI_TOOL_TYPE,
    LLM_MODEL_NAME,
    LLM_PROVIDER,
    LLM_SYSTEM,
    OPENINFERENCE_PROJECT_NAME,
    OPENINFERENCE_SPAN_KIND,
    SERVICE_NAME,
    SERVICE_VERSION,
    SESSION_ID,
    TAGS,
    TOOL_ID,
    TOOL_NAME,
    USER_ID,
];

/// The same behind the name of the agent (`codex.thread_id`).
const OWN_NAMES: [&str; 18] = [
    "approval_mode",
    "cost.price_table",
    "cost.service_tier",
    "forked_from_thread_id",
    "git.repository",
    "originator",
    "parent_thread_id",
    "sandbox_mode",
    "thread_id",
    "tool.approval_source",
    "tool.approval_status",
    "tool.call_id",
    "tool.mcp_server",
    "tool.namespace",
    "tool.outcome",
    "trace_id",
    "turn.status",
    "turn_id",
];

impl Span {
    /// Leaves numbers, times, ids, statuses, and the names of models, tools and repositories. Attributes
    /// that `is_kept` takes stay, too.
    pub fn drop_content(&mut self, is_kept: &dyn Fn(&Attribute) -> bool) {
        let agent = self.text(AGENT_NAME).or_else(|| self.text(GEN_AI_AGENT_NAME));
        let agent = agent.map(|agent| format!("{agent}."));
        let keep = |attribute: &Attribute| {
            let key = &*attribute.key;
            // The spans of an agent's calls do not name it.
            let own = agent.as_deref().and_then(|agent| key.strip_prefix(agent));
            let own = own.or_else(|| key.split_once('.').map(|(_, rest)| rest));
            match attribute.value {
                Value::Int(_) | Value::Double(_) | Value::Bool(_) => true,
                Value::String(_) | Value::Strings(_) => {
                    NAMES.contains(&key)
                        || own.is_some_and(|own| OWN_NAMES.contains(&own))
                        || is_kept(attribute)
                }
            }
        };
        self.attributes.retain(keep);
        for event in &mut self.events {
            event.attributes.retain(keep);
        }
        if let SpanStatus::Error(reason) = &mut self.status {
            reason.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::SpanEvent;
    use crate::{SpanId, SpanKind, TraceId, UnixNanos};

    #[test]
    fn what_is_not_on_the_list_is_left_out() {
        let mut span = Span {
            trace_id: TraceId([1; 16]),
            span_id: SpanId([1; 8]),
            parent_id: None,
            name: "exec_command".to_owned(),
            kind: SpanKind::Tool,
            start: UnixNanos(1),
            end: UnixNanos(2),
            attributes: vec![
                Attribute::new("tool.name", "exec_command"),
                Attribute::new("input.value", "a prompt"),
                Attribute::new("codex.thread_id", "t"),
                Attribute::new("codex.agent.path", "/root/secret"),
                Attribute::new("codex.git.branch", "fix-the-secret"),
                Attribute::new("metadata", "{\"cwd\":\"/home/me\"}"),
                Attribute::new("an attribute of tomorrow", "a prompt"),
                Attribute::new("codex.tool.exit_code", 1_i64),
                Attribute::new("texts", Value::Strings(vec!["a prompt".to_owned()])),
                Attribute::new("team", "payments"),
            ],
            events: vec![SpanEvent {
                name: "exception".into(),
                time: UnixNanos(1),
                attributes: vec![
                    Attribute::new("exception.type", "failed"),
                    Attribute::new("exception.message", "a prompt"),
                ],
            }],
            status: SpanStatus::Error("a prompt".to_owned()),
        };
        span.drop_content(&|attribute| attribute.key == "team");
        let keys: Vec<_> = span.attributes.iter().map(|attribute| &*attribute.key).collect();
        assert_eq!(keys, ["tool.name", "codex.thread_id", "codex.tool.exit_code", "team"]);
        assert_eq!(span.events[0].attributes, [Attribute::new("exception.type", "failed")]);
        assert_eq!(span.status, SpanStatus::Error(String::new()));
    }
}
