//! The log events of one turn, sorted into requests, decisions and tool results.

use std::collections::HashMap;

use otlp_model::Attribute;
use otlp_model::UnixNanos;
use otlp_model::turn::{LlmCall, Outcome, TurnEvent, Usage};

use crate::approval::Decision;
use crate::events::{Completed, Fact, LogEvent, Request, ToolResult};

/// The events of one turn, by what they are about.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    pub(crate) calls: Vec<TelemetryCall>,
    /// By the id of the call, in order.
    pub(crate) decisions: HashMap<String, Vec<Decision>>,
    pub(crate) results: Vec<(UnixNanos, ToolResult)>,
    pub(crate) prompt: Option<String>,
    pub(crate) prompted: Option<UnixNanos>,
    pub(crate) time_to_first_token: Option<u64>,
    pub(crate) approval_policy: Option<String>,
    pub(crate) sandbox_policy: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) trace_id: Option<String>,
    pub(crate) version: Option<String>,
    /// When the last of them happened.
    pub(crate) last: Option<UnixNanos>,
    pub(crate) environment: Option<String>,
    /// What the network proxy decided.
    pub(crate) network: Vec<TurnEvent>,
}

/// One model call, with all its attempts.
#[derive(Debug, Default)]
pub(crate) struct TelemetryCall {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) completed: Option<(UnixNanos, Completed)>,
    pub(crate) model: Option<String>,
}

/// What a request failed with of which nothing else is known.
pub(crate) const NO_RESPONSE: &str = "no response";

/// One HTTP or WebSocket request.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) start: UnixNanos,
    pub(crate) end: UnixNanos,
    pub(crate) request: Request,
    pub(crate) error: Option<String>,
}

impl Telemetry {
    pub(crate) fn of(events: &[&LogEvent]) -> Self {
        let mut events = events.to_vec();
        events.sort_by_key(|event| event.time);
        let mut telemetry = Self::default();
        let mut call = TelemetryCall::default();
        for event in events {
            let Some(fact) = event.fact() else { continue };
            telemetry.note_origin(event);
            telemetry.last = Some(event.time);
            match fact {
                Fact::Request(request) => {
                    // The event that the one before was answered got lost: Codex drops events when
                    // it has too many of them.
                    if call.is_open() {
                        telemetry.calls.push(std::mem::take(&mut call));
                    }
                    call.model = event.model().map(str::to_owned);
                    call.attempts.push(Attempt::new(event.time, request));
                }
                Fact::ResponseFailed { message } => {
                    if let Some(attempt) = call.attempts.last_mut() {
                        attempt.end = event.time;
                        attempt.error = Some(message);
                    }
                }
                // Over WebSockets a warm-up comes first; it costs nothing and answers nothing.
                Fact::Completed(completed) if completed.usage == Usage::default() => {
                    call = TelemetryCall::default();
                }
                Fact::Completed(completed) => {
                    call.model = event.model().map(str::to_owned).or(call.model);
                    call.completed = Some((event.time, completed));
                    telemetry.calls.push(std::mem::take(&mut call));
                }
                Fact::UserPrompt { prompt } => {
                    telemetry.prompt = telemetry.prompt.or(prompt);
                    telemetry.prompted = telemetry.prompted.or(Some(event.time));
                }
                Fact::ConversationStarts { approval_policy, sandbox_policy } => {
                    telemetry.approval_policy = approval_policy;
                    telemetry.sandbox_policy = sandbox_policy;
                }
                Fact::TurnTimeToFirstToken { nanos } => telemetry.time_to_first_token = Some(nanos),
                Fact::ToolDecision { call_id, decision, source } => {
                    let decision = Decision { time: event.time, decision, source };
                    telemetry.decisions.entry(call_id).or_default().push(decision);
                }
                Fact::ToolResult(result) => telemetry.results.push((event.time, *result)),
                Fact::NetworkDecision(decision) => telemetry.network.push(decision),
            }
        }
        if !call.attempts.is_empty() {
            telemetry.calls.push(call);
        }
        telemetry
    }

    /// What the last request failed with, if it did.
    pub(crate) fn failure(&self) -> Option<String> {
        let last = self.calls.last().filter(|call| call.completed.is_none())?;
        last.attempts.last()?.error.clone()
    }

    fn note_origin(&mut self, event: &LogEvent) {
        self.model = event.model().map(str::to_owned).or(self.model.take());
        // Nested calls of code mode have trace ids of their own: the first one is the turn's.
        if self.trace_id.is_none() && event.name != "codex.conversation_starts" {
            self.trace_id = event.trace_id.clone().filter(|id| !id.is_empty());
        }
        if self.environment.is_none() {
            self.environment = event.environment().map(str::to_owned);
        }
        if self.version.is_none() {
            let version =
                event.attributes.get("app.version").or(event.resource.get("service.version"));
            self.version = version.and_then(|version| version.as_str()).map(str::to_owned);
        }
    }
}

impl TelemetryCall {
    /// When the request was sent that was answered, or the last one that was not.
    pub(crate) fn start(&self) -> Option<UnixNanos> {
        self.attempts.last().map(|attempt| attempt.start)
    }

    /// Whether its last request was neither answered nor refused as far as the events tell.
    pub(crate) fn is_open(&self) -> bool {
        let last = self.attempts.last();
        self.completed.is_none() && last.is_some_and(|attempt| attempt.error.is_none())
    }

    /// Whether it was answered with this usage.
    pub(crate) fn answers(&self, usage: Usage) -> bool {
        self.completed.as_ref().is_some_and(|(_, completed)| same(completed.usage, usage))
    }

    /// The attempts that came to nothing, each a model call of its own.
    pub(crate) fn failed_attempts(&self) -> impl Iterator<Item = LlmCall> {
        let last_counts = self.completed.is_some() || self.is_open();
        let failed = self.attempts.len().saturating_sub(usize::from(last_counts));
        self.attempts[..failed].iter().map(|attempt| LlmCall {
            outcome: Outcome::Failed(
                attempt.error.clone().unwrap_or_else(|| NO_RESPONSE.to_owned()),
            ),
            ..self.call(attempt)
        })
    }

    /// The request whose result is unknown, a model call of its own.
    pub(crate) fn open_attempt(&self) -> Option<LlmCall> {
        let last = self.attempts.last().filter(|_| self.is_open());
        last.map(|attempt| self.call(attempt))
    }

    fn call(&self, attempt: &Attempt) -> LlmCall {
        LlmCall {
            start: attempt.start,
            end: attempt.end,
            model: self.model.clone(),
            attributes: attempt.attributes(),
            ..LlmCall::default()
        }
    }

    /// Adds what the events know of the call: exact times, time to first token, HTTP status, and the
    /// model, which for a compaction before a change of models is not that of the turn.
    pub(crate) fn complete(&self, call: &mut LlmCall) {
        call.model = self.model.clone().or(call.model.take());
        if let Some(start) = self.start() {
            call.start = start;
            // The transcript's time of the answer may be a millisecond before it.
            call.end = call.end.max(start);
        }
        if let Some(attempt) = self.attempts.last() {
            call.attributes.extend(attempt.attributes());
        }
        let Some((time, completed)) = &self.completed else { return };
        call.end = *time;
        // Where the event of the request was lost.
        call.start = call.start.min(call.end);
        if let (Some(ttft), Some(attempt)) = (completed.ttft, self.attempts.last()) {
            call.time_to_first_token = Some(attempt.request.duration.saturating_add(ttft));
        }
        let settings = [
            ("reasoning_effort", &completed.reasoning_effort),
            ("service_tier", &completed.service_tier),
        ];
        for (name, value) in settings {
            if let Some(value) = value {
                call.parameters.insert(name.to_owned(), value.clone().into());
            }
        }
    }
}

impl Attempt {
    fn new(end: UnixNanos, request: Request) -> Self {
        let refused = request.status.filter(|status| *status >= 400);
        let error = request.error.clone().or_else(|| Some(format!("http {}", refused?)));
        Self { start: end.minus(request.duration), end, request, error }
    }

    fn attributes(&self) -> Vec<Attribute> {
        let mut attributes = vec![Attribute::new("codex.llm.attempt", self.request.attempt)];
        if let Some(status) = self.request.status {
            attributes.push(Attribute::new("http.response.status_code", status));
        }
        attributes
    }
}

/// Whether they are the same as far as all versions tell: events of older ones leave the cache writes out.
pub(crate) fn same(one: Usage, other: Usage) -> bool {
    (one.input, one.output, one.cached_input) == (other.input, other.output, other.cached_input)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_names_the_model_that_was_asked() {
        let asked = json!({ "model": "old", "input_token_count": 1 });
        let telemetry = Telemetry::of(&[&LogEvent::at(1_000, "codex.sse_event", asked)]);
        let mut call = LlmCall { model: Some("new".to_owned()), ..LlmCall::default() };
        telemetry.calls[0].complete(&mut call);
        assert_eq!(call.model.as_deref(), Some("old"));
    }
}
