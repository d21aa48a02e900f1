//! From a turn to its spans.

use std::collections::HashMap;

use serde_json::Value as Json;

use crate::attributes::{
    own, push_cost, push_messages, push_model, push_turn_cost, push_turn_time, push_turn_usage,
    push_usage,
};
use crate::content::{ContentKind, ContentPolicy, without_nul};
use crate::events::turn_events;
use crate::hide::Hide;
use crate::ids::{SpanId, TraceId};
use crate::messages::clear_messages;
use crate::names::*;
use crate::outcome::{push_end, status_and_events, status_word, tool_word};
use crate::span::{Attribute, Span, SpanEvent, SpanKind, UnixNanos, Value};
use crate::turn::{Compaction, LlmCall, Outcome, ROOT_SPAN, Step, ToolCall, Turn};

/// How the spans of a turn hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Root `AGENT` without token counts, an `LLM` child per model call with its own tokens, a tool
    /// under the call that asked for it. The only layout that every backend sums up right.
    #[default]
    Agent,
    /// Root `LLM` with the turn's tokens, model calls without tokens and tools directly below it:
    /// the layout of the Python system.
    Turn,
}

/// What a span tree depends on beside the turn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TreeOptions {
    /// The shape of the tree.
    pub layout: Layout,
    /// What contents may leave.
    pub content: ContentPolicy,
    /// What is hidden beyond that.
    pub hide: Hide,
    /// Whether a command that failed by nothing but its exit code counts as one that ended well.
    pub ignore_exit_codes: bool,
    /// The user, on every span.
    pub user_id: Option<String>,
    /// What a person calls the turn, on its root.
    pub tags: Vec<String>,
    /// The user's own attributes, on every span; they never replace ours.
    pub attributes: Vec<Attribute>,
}

/// The spans of a turn, root first, each parent before its children.
///
/// Their ids derive from the turn's identity and each step's place in it: the same turn gives the
/// same spans, however often it is read.
pub fn span_tree(turn: &Turn, options: &TreeOptions) -> Vec<Span> {
    let mut spans = Vec::new();
    each_span(turn, options, &mut |span| spans.push(span));
    spans
}

/// Hands out the same spans one by one: those of a large turn take more memory than the turn.
pub fn each_span(turn: &Turn, options: &TreeOptions, take: &mut dyn FnMut(Span)) {
    let mut tree = Tree::new(turn, options, take);
    let root = tree.root();
    let mut calls = 0;
    for step in &turn.steps {
        match step {
            Step::Llm(call) => {
                let llm = tree.llm(root, call, calls);
                calls += 1;
                let parent = match options.layout {
                    Layout::Agent => llm,
                    Layout::Turn => root,
                };
                for tool in &call.tools {
                    tree.tool(parent, tool);
                }
            }
            Step::Tool(tool) => tree.tool(root, tool),
            Step::Compaction(compaction) => tree.compaction(root, compaction),
        }
    }
}

struct Tree<'a> {
    turn: &'a Turn,
    options: &'a TreeOptions,
    trace_id: TraceId,
    /// How often each name was used for an id: call ids may repeat within a turn.
    used: HashMap<String, u32>,
    take: &'a mut dyn FnMut(Span),
}

impl<'a> Tree<'a> {
    fn new(turn: &'a Turn, options: &'a TreeOptions, take: &'a mut dyn FnMut(Span)) -> Self {
        let trace_id = turn.trace_id();
        Self { turn, options, trace_id, used: HashMap::new(), take }
    }

    fn root(&mut self) -> SpanId {
        let turn = self.turn;
        let mut attributes = Vec::new();
        let kind = match self.options.layout {
            Layout::Agent => SpanKind::Agent,
            Layout::Turn => SpanKind::Llm,
        };
        attributes.push(Attribute::new(AGENT_NAME, turn.agent.name.clone()));
        attributes.push(Attribute::new(GEN_AI_OPERATION_NAME, "invoke_agent"));
        attributes.push(Attribute::new(GEN_AI_AGENT_NAME, turn.agent.name.clone()));
        if let Some(version) = &turn.agent.version {
            attributes.push(Attribute::new(GEN_AI_AGENT_VERSION, version.clone()));
        }
        self.push_input(&mut attributes, ContentKind::Prompt, turn.prompt.as_deref());
        self.push_output(&mut attributes, ContentKind::Prompt, turn.answer.as_deref());
        push_end(&mut attributes, &turn.outcome);
        attributes.push(Attribute::new(self.own("thread_id"), turn.thread_id.clone()));
        attributes.push(Attribute::new(self.own("turn_id"), turn.turn_id.clone()));
        attributes.push(Attribute::new(self.own("turn.status"), status_word(&turn.outcome)));
        if let Some(number) = turn.number {
            attributes.push(Attribute::new(TRACE_NUMBER, number));
        }
        if !self.options.tags.is_empty() {
            attributes.push(Attribute::new(TAGS, Value::Strings(self.options.tags.clone())));
        }
        if self.options.layout == Layout::Turn {
            push_model(&mut attributes, &turn.agent, turn.model.as_deref(), None);
            push_usage(&mut attributes, turn.usage());
        }
        push_turn_usage(&mut attributes, turn);
        push_turn_time(&mut attributes, turn);
        push_turn_cost(&mut attributes, turn);
        let events = turn_events(turn, self.options);
        let left_out = turn.events.len() - events.len();
        if left_out > 0 {
            attributes.push(Attribute::new(self.own("turn.cut.events"), left_out as u64));
        }
        attributes.extend(turn.attributes.iter().cloned());
        if !turn.metadata.is_empty() {
            let metadata = Json::Object(turn.metadata.clone()).to_string();
            attributes.push(Attribute::new(METADATA, metadata));
        }
        let mut name =
            turn.number.map_or_else(|| "Turn".to_owned(), |number| format!("Turn {number}"));
        let parent = turn.parent.as_ref().map(|parent| {
            name.push_str(" (sub-agent)");
            let call = sub_agent_call(&turn.thread_id);
            let nth = parent.nth_call.to_string();
            SpanId::derive(&[&turn.agent.name, &parent.thread_id, &parent.key, &call, &nth])
        });
        let parent = parent.or(turn.caller.map(|caller| caller.span_id));
        self.push(
            SpanSeed {
                id: ROOT_SPAN,
                parent,
                name,
                kind,
                start: turn.start,
                end: turn.end,
                events,
            },
            attributes,
            &turn.outcome,
        )
    }

    fn llm(&mut self, parent: SpanId, call: &LlmCall, index: usize) -> SpanId {
        let policy = &self.options.content;
        let mut attributes = vec![Attribute::new(GEN_AI_OPERATION_NAME, "chat")];
        push_model(
            &mut attributes,
            &self.turn.agent,
            call.model.as_deref(),
            call.provider.as_deref(),
        );
        if let Some(id) = &call.response_id {
            attributes.push(Attribute::new(GEN_AI_RESPONSE_ID, id.clone()));
        }
        if !call.parameters.is_empty() {
            let parameters = Json::Object(call.parameters.clone()).to_string();
            attributes.push(Attribute::new(LLM_INVOCATION_PARAMETERS, parameters));
        }
        if let (Some(usage), Layout::Agent) = (call.usage, self.options.layout) {
            push_usage(&mut attributes, usage);
        }
        if let Some(cost) = &call.cost {
            push_cost(&mut attributes, &self.turn.agent, cost);
        }
        if let Some(nanos) = call.time_to_first_token {
            let seconds = nanos as f64 / 1e9;
            attributes.push(Attribute::new(GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, seconds));
        }
        let sides = [
            (&call.input, INPUT_VALUE, INPUT_MIME_TYPE, LLM_INPUT_MESSAGES),
            (&call.output, OUTPUT_VALUE, OUTPUT_MIME_TYPE, LLM_OUTPUT_MESSAGES),
        ];
        for (messages, value, mime_type, list) in sides {
            push_messages(
                &mut attributes,
                &clear_messages(messages, policy),
                value,
                mime_type,
                list,
            );
        }
        attributes.extend(call.attributes.iter().cloned());
        let name = call.model.clone().unwrap_or_else(|| "model".to_owned());
        let seed = SpanSeed {
            id: &format!("llm {index}"),
            parent: Some(parent),
            name,
            kind: SpanKind::Llm,
            start: call.start,
            end: call.end,
            events: Vec::new(),
        };
        self.push(seed, attributes, &call.outcome)
    }

    fn tool(&mut self, parent: SpanId, call: &ToolCall) {
        let mut attributes = vec![
            Attribute::new(TOOL_NAME, call.name.clone()),
            Attribute::new(GEN_AI_OPERATION_NAME, "execute_tool"),
            Attribute::new(GEN_AI_TOOL_NAME, call.name.clone()),
            Attribute::new(GEN_AI_TOOL_TYPE, "function"),
        ];
        if !call.call_id.is_empty() {
            attributes.push(Attribute::new(TOOL_ID, call.call_id.clone()));
            attributes.push(Attribute::new(GEN_AI_TOOL_CALL_ID, call.call_id.clone()));
            attributes.push(Attribute::new(self.own("tool.call_id"), call.call_id.clone()));
        }
        if let Some(arguments) = &call.arguments {
            let cleared = self.options.content.clear(ContentKind::ToolDetails, arguments);
            if is_json_object(&cleared.text) {
                attributes.push(Attribute::new(TOOL_PARAMETERS, cleared.text.into_owned()));
            }
        }
        self.push_input(&mut attributes, ContentKind::ToolDetails, call.arguments.as_deref());
        self.push_output(&mut attributes, ContentKind::ToolContent, call.output.as_deref());
        let outcome = self.tool_outcome(call);
        attributes.push(Attribute::new(self.own("tool.outcome"), tool_word(&outcome)));
        if let Some(nanos) = call.approval_wait {
            attributes.push(Attribute::new(self.own("tool.approval_wait_ms"), nanos / 1_000_000));
        }
        attributes.extend(call.attributes.iter().cloned());
        // A sub-agent's turns find the call above them by this name.
        let id = call
            .sub_agent
            .as_deref()
            .map_or_else(|| format!("tool {}", call.call_id), sub_agent_call);
        let seed = SpanSeed {
            id: &id,
            parent: Some(parent),
            name: call.name.clone(),
            kind: SpanKind::Tool,
            start: call.start,
            end: call.end,
            events: Vec::new(),
        };
        let id = self.push(seed, attributes, &outcome);
        for nested in &call.nested {
            self.tool(id, nested);
        }
    }

    /// How a call ended, as its span tells it. The reason of a failure may be a line of the output: it is
    /// hidden with it.
    fn tool_outcome(&self, call: &ToolCall) -> Outcome {
        if call.failed_by_exit_code && self.options.ignore_exit_codes {
            return Outcome::Ok;
        }
        let said =
            |reason: &String| call.output.as_ref().is_some_and(|output| output.contains(reason));
        let hides_output = !self.options.content.tool_content || self.options.hide.outputs;
        match &call.outcome {
            Outcome::Failed(reason) if hides_output && said(reason) => {
                Outcome::Failed("failed".to_owned())
            }
            Outcome::Denied(reason) if hides_output && said(reason) => {
                Outcome::Denied("denied".to_owned())
            }
            outcome => outcome.clone(),
        }
    }

    fn compaction(&mut self, parent: SpanId, compaction: &Compaction) {
        let mut attributes = Vec::new();
        self.push_output(&mut attributes, ContentKind::Prompt, compaction.summary.as_deref());
        attributes.extend(compaction.attributes.iter().cloned());
        let seed = SpanSeed {
            id: "compaction",
            parent: Some(parent),
            name: "compaction".to_owned(),
            kind: SpanKind::Chain,
            start: compaction.start,
            end: compaction.end,
            events: Vec::new(),
        };
        self.push(seed, attributes, &Outcome::Ok);
    }

    /// Completes a span with what every span has, and keeps it.
    fn push(
        &mut self,
        seed: SpanSeed<'_>,
        mut attributes: Vec<Attribute>,
        outcome: &Outcome,
    ) -> SpanId {
        let span_id = self.span_id(seed.id);
        let mut all = vec![
            Attribute::new(OPENINFERENCE_SPAN_KIND, seed.kind.as_str()),
            Attribute::new(SESSION_ID, self.turn.session_id.clone()),
            Attribute::new(GEN_AI_CONVERSATION_ID, self.turn.session_id.clone()),
        ];
        if let Some(user) = &self.options.user_id {
            all.push(Attribute::new(USER_ID, user.clone()));
        }
        all.append(&mut attributes);
        for attribute in &self.options.attributes {
            if all.iter().all(|ours| ours.key != attribute.key) {
                all.push(attribute.clone());
            }
        }
        all.iter_mut().for_each(strip_nul);
        let end = seed.end.max(seed.start);
        let (status, ends) = status_and_events(outcome, end);
        let mut events = seed.events;
        events.extend(ends);
        let mut span = Span {
            trace_id: self.trace_id,
            span_id,
            parent_id: seed.parent,
            name: without_nul(&seed.name).into_owned(),
            kind: seed.kind,
            start: seed.start,
            end,
            attributes: all,
            events,
            status,
        };
        self.options.hide.apply(&mut span);
        if self.options.content.numbers_only {
            // The user's own attributes, such as a team's name, are no content of a turn. A name alone
            // keeps nothing: it may be that of a prompt.
            span.drop_content(&|attribute| self.options.attributes.contains(attribute));
        }
        (self.take)(span);
        span_id
    }

    fn span_id(&mut self, name: &str) -> SpanId {
        let used = self.used.entry(name.to_owned()).or_default();
        *used += 1;
        let turn = self.turn;
        SpanId::derive(&[&turn.agent.name, &turn.thread_id, &turn.key, name, &used.to_string()])
    }

    fn push_input(&self, to: &mut Vec<Attribute>, kind: ContentKind, text: Option<&str>) {
        if let Some(text) = text {
            self.push_content(to, kind, text, [INPUT_VALUE, INPUT_MIME_TYPE], "input.bytes");
        }
    }

    fn push_output(&self, to: &mut Vec<Attribute>, kind: ContentKind, text: Option<&str>) {
        if let Some(text) = text {
            self.push_content(to, kind, text, [OUTPUT_VALUE, OUTPUT_MIME_TYPE], "output.bytes");
        }
    }

    fn push_content(
        &self,
        to: &mut Vec<Attribute>,
        kind: ContentKind,
        text: &str,
        [value, mime_type]: [&'static str; 2],
        size: &str,
    ) {
        let cleared = self.options.content.clear(kind, text);
        // A prompt is what a person wrote, even if it happens to be JSON.
        let json = kind != ContentKind::Prompt && is_json_object(&cleared.text);
        let mime = if json { "application/json" } else { "text/plain" };
        to.push(Attribute::new(value, cleared.text.into_owned()));
        to.push(Attribute::new(mime_type, mime));
        if let Some(bytes) = cleared.original_bytes {
            to.push(Attribute::new(self.own(size), bytes as u64));
        }
    }

    /// A name under the harness's own prefix.
    fn own(&self, name: &str) -> String {
        own(&self.turn.agent, name)
    }
}

/// The name of the calls of a turn that set a sub-agent to work.
fn sub_agent_call(thread_id: &str) -> String {
    format!("sub-agent {thread_id}")
}

/// What makes one span different from the next, beside its attributes.
struct SpanSeed<'a> {
    id: &'a str,
    parent: Option<SpanId>,
    name: String,
    kind: SpanKind,
    start: UnixNanos,
    end: UnixNanos,
    events: Vec<SpanEvent>,
}

fn is_json_object(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn strip_nul(attribute: &mut Attribute) {
    match &mut attribute.value {
        Value::String(text) if text.contains('\0') => *text = without_nul(text).into_owned().into(),
        Value::Strings(texts) => {
            texts.iter_mut().for_each(|text| *text = without_nul(text).into_owned());
        }
        Value::String(_) | Value::Int(_) | Value::Double(_) | Value::Bool(_) => {}
    }
}
