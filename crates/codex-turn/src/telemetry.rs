//! The log events of one turn, sorted into requests, decisions and tool results.

use std::collections::{HashMap, HashSet};

use otlp_model::Attribute;
use otlp_model::UnixNanos;
use otlp_model::turn::{LlmCall, Outcome, TurnEvent, Usage};

use crate::approval::Decision;
use crate::events::{Completed, Fact, LogEvent, Request, ToolResult};
use crate::transcript::TranscriptTurn;

/// Events carry no turn id. They belong to the turn whose trace id they have (since Codex 0.145 the
/// transcript has it) or whose call they name. Others belong to a turn by their time: from its first
/// prompt or request, or shortly before it (or half way to the turn before), to shortly after it (or half
/// way to the next one, or until something new begins: the next turn may have begun since its transcript
/// was read). A turn that was lost goes on after its last record, with requests that got no answer, until
/// the next prompt or session. What an earlier turn left behind, and comes late, is before the first prompt or request.
pub fn events_of<'e>(
    turn: &TranscriptTurn,
    previous: Option<&TranscriptTurn>,
    next: Option<&TranscriptTurn>,
    events: &'e [LogEvent],
) -> Vec<&'e LogEvent> {
    let before = previous.map_or(SLACK, |previous| (turn.start.since(previous.end) / 2).min(SLACK));
    let from = turn.start.minus(before);
    let owners = Owners::new(turn, [previous, next]);
    let owned: Vec<_> = events.iter().map(|event| (event, owners.of(event))).collect();
    let not_others = owned.iter().filter(|(_, owner)| *owner != Owner::Other);
    let begin = first_begin(turn, not_others.map(|(event, _)| *event));
    let until = goes_on_until(turn, next, begin.is_some(), events);
    let is_ours = |(event, owner): &(&LogEvent, Owner)| {
        // Sessions begin before their first turn.
        let is_early = begin.is_some_and(|begin| event.time < begin) && !event.begins_session();
        match owner {
            _ if is_early => false,
            Owner::This => true,
            Owner::Other => false,
            Owner::Unknown => from <= event.time && event.time < until,
        }
    };
    owned.into_iter().filter(is_ours).map(|(event, _)| event).collect()
}

/// How far from a turn its events may be, by two clocks and what Codex does around it.
const SLACK: u64 = 1_000_000_000;

/// From when on events that name no turn are no more this one's.
fn goes_on_until(
    turn: &TranscriptTurn,
    next: Option<&TranscriptTurn>,
    has_begun: bool,
    events: &[LogEvent],
) -> UnixNanos {
    if !turn.is_lost() {
        let slack = next.map_or(SLACK, |next| (next.start.since(turn.end) / 2).min(SLACK));
        let new = events.iter().filter(|event| event.begun() > Some(turn.end));
        let new = new.filter(|_| turn.has_ended()).map(|event| event.time).min();
        return turn.end.plus(slack + 1).min(new.unwrap_or(UnixNanos(u64::MAX)));
    }
    // Its own prompt may come after its last record.
    let ended = if has_begun { turn.end } else { turn.end.plus(SLACK) };
    let begins_other =
        |event: &&LogEvent| (event.is_prompt() || event.begins_session()) && event.time > ended;
    let new = events.iter().filter(begins_other).map(|event| event.time).min();
    let gone = turn.gone.map(|gone| gone.plus(SLACK));
    let bounds = [new, gone, next.map(|next| next.start)];
    bounds.into_iter().flatten().min().unwrap_or(UnixNanos(u64::MAX))
}

/// When a turn's first prompt came or its first request was sent, as far as its events tell.
fn first_begin<'e>(
    turn: &TranscriptTurn,
    events: impl Iterator<Item = &'e LogEvent> + Clone,
) -> Option<UnixNanos> {
    /// Times are those of two clocks, in milliseconds.
    const ROUNDING: u64 = 5_000_000;
    let is_prompt = |event: &&LogEvent| event.is_prompt();
    // Up to 0.98 the turn's first record is written when its first response is there.
    let prompted = || {
        let prompts = events.clone().filter(is_prompt).map(|event| event.time);
        prompts.filter(|time| *time <= turn.start).max()
    };
    let earliest = turn.meta.has_no_turn_markers().then(prompted).flatten();
    let earliest = earliest.unwrap_or(turn.start.minus(ROUNDING));
    let begun = events.clone().filter_map(LogEvent::begun);
    begun.filter(|begun| (earliest..=turn.end).contains(begun)).min()
}

/// Whose an event is, among a turn and its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    This,
    Other,
    Unknown,
}

/// What tells the events of a turn from those of its neighbours.
struct Owners<'t> {
    this: Marks<'t>,
    others: Vec<Marks<'t>>,
}

/// What events of a turn may have.
struct Marks<'t> {
    trace_id: Option<&'t str>,
    calls: HashSet<&'t str>,
}

impl<'t> Owners<'t> {
    fn new(turn: &'t TranscriptTurn, others: [Option<&'t TranscriptTurn>; 2]) -> Self {
        let others = others.into_iter().flatten().map(Marks::of).collect();
        Self { this: Marks::of(turn), others }
    }

    fn of(&self, event: &LogEvent) -> Owner {
        // One of zeros is none.
        let trace = event.trace_id.as_deref().filter(|id| id.bytes().any(|digit| digit != b'0'));
        let call = event.attributes.get("call_id").and_then(|id| id.as_str());
        let by = |is: &dyn Fn(&Marks<'t>) -> bool| (is(&self.this), self.others.iter().any(is));
        let by_trace = by(&|marks| trace.is_some() && marks.trace_id == trace);
        let by_call = by(&|marks| call.is_some_and(|call| marks.calls.contains(call)));
        // Turns of one caller share its trace, and ids of calls may come again.
        match (by_trace, by_call) {
            ((true, false), _) => Owner::This,
            ((false, true), _) => Owner::Other,
            (_, (true, false)) => Owner::This,
            (_, (false, true)) => Owner::Other,
            // Scripts of code mode make calls in traces of their own, but no requests.
            ((false, false), _)
                if trace.is_some() && self.this.trace_id.is_some() && event.begun().is_some() =>
            {
                Owner::Other
            }
            _ => Owner::Unknown,
        }
    }
}

impl<'t> Marks<'t> {
    fn of(turn: &'t TranscriptTurn) -> Self {
        let trace_id = turn.settings.trace_id.as_deref().filter(|id| !id.is_empty());
        Self { trace_id, calls: turn.call_ids().collect() }
    }
}

/// Whether the events reach the turn's end: the tokens of its last model response are among them.
/// Codex sends events in order, so that the earlier ones are there as well.
pub fn covers(turn: &TranscriptTurn, events: &[&LogEvent]) -> bool {
    let usages = turn.responses().filter_map(|response| response.usage);
    let Some(last) = usages.clone().next_back() else { return false };
    // Another response may have cost the same.
    let responses = usages.filter(|usage| same(*usage, last)).count();
    let completed = events.iter().filter(|event| {
        matches!(event.fact(), Some(Fact::Completed(completed)) if same(completed.usage, last))
    });
    completed.count() >= responses
}

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

    /// The request of which nobody knows what came of it, a model call of its own.
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

/// Events of older versions leave the cache writes out.
fn same(one: Usage, other: Usage) -> bool {
    (one.input, one.output, one.cached_input) == (other.input, other.output, other.cached_input)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transcript::{Checkpoint, ThreadMeta, Transcript};

    fn event(name: &str, millis: u64, attributes: serde_json::Value) -> LogEvent {
        LogEvent {
            time: UnixNanos::from_millis(millis),
            name: name.to_owned(),
            attributes: attributes.as_object().cloned().unwrap(),
            ..LogEvent::default()
        }
    }

    #[test]
    fn a_turn_that_follows_at_once_keeps_its_events() {
        let record = |second: u64, kind: &str| {
            json!({ "timestamp": format!("1970-01-01T00:00:{second:02}.000Z"), "type": "event_msg",
                "payload": { "type": kind, "turn_id": "t" } })
        };
        let mut transcript = Transcript::resume(ThreadMeta::default(), Checkpoint::START);
        let lines = [record(1, "task_started"), record(5, "task_complete")];
        transcript.read_all(lines.map(|line| line.to_string()));
        let (turns, problems) = transcript.finish();
        assert_eq!(problems, []);
        let late = event("codex.sse_event", 5_002, json!({ "input_token_count": 1 }));
        let check = |next: LogEvent| {
            let events = [late.clone(), next, event("codex.tool_result", 5_900, json!({}))];
            assert_eq!(events_of(&turns[0], None, None, &events), [&late]);
        };
        check(event("codex.user_prompt", 5_003, json!({})));
        // `/compact` has no prompt.
        check(event("codex.api_request", 5_013, json!({ "duration_ms": "10" })));
        // A request from within the turn is its own, whenever it was answered.
        let ours = [event("codex.api_request", 5_013, json!({ "duration_ms": "20" }))];
        assert_eq!(events_of(&turns[0], None, None, &ours), [&ours[0]]);
    }

    /// A turn from one second to another, of a Codex of this version, which notes this trace id.
    fn turn(seconds: [u64; 2], version: &str, trace: Option<&str>) -> TranscriptTurn {
        let record = |second: u64, kind: &str| {
            json!({ "timestamp": format!("1970-01-01T00:00:{second:02}.000Z"), "type": "event_msg",
                "payload": { "type": kind, "turn_id": "t", "trace_id": trace } })
        };
        let meta = ThreadMeta { cli_version: Some(version.to_owned()), ..ThreadMeta::default() };
        let mut transcript = Transcript::resume(meta, Checkpoint::START);
        let call = json!({ "type": "response_item", "payload":
            { "type": "function_call", "name": "look", "call_id": format!("call {}", seconds[0]) } });
        let lines = [record(seconds[0], "task_started"), call, record(seconds[1], "task_complete")];
        transcript.read_all(lines.map(|line| line.to_string()));
        transcript.finish().0.remove(0)
    }

    #[test]
    fn what_comes_late_of_a_turn_is_not_the_next_ones() {
        // The first turn ended at 9.99 s, and is told; the second one began at 10 s.
        let late = |trace: Option<&str>, id: &str| {
            let mut late = vec![
                event("codex.user_prompt", 9_900, json!({})),
                event("codex.api_request", 9_950, json!({ "duration_ms": "30" })),
                event("codex.tool_result", 9_985, json!({ "call_id": id })),
                event("codex.sse_event", 9_992, json!({ "input_token_count": 1 })),
                event("codex.sse_event", 10_001, json!({ "input_token_count": 2 })),
            ];
            late.iter_mut().for_each(|event| event.trace_id = trace.map(str::to_owned));
            late[3].trace_id = None;
            late[4].trace_id = None;
            late
        };
        let ours = |trace: Option<&str>| {
            let mut ours = vec![
                event("codex.user_prompt", 10_009, json!({})),
                event("codex.api_request", 10_030, json!({ "duration_ms": "10" })),
                event("codex.sse_event", 10_040, json!({ "input_token_count": 3 })),
                event("codex.tool_result", 10_050, json!({ "call_id": "call 10" })),
                event("codex.tool_result", 10_060, json!({ "call_id": "exec-1" })),
            ];
            ours.iter_mut().for_each(|event| event.trace_id = trace.map(str::to_owned));
            ours[2].trace_id = None;
            ours[4].trace_id = trace.map(|_| "of the script".to_owned());
            ours
        };
        for (version, theirs, trace) in
            [("0.169.0", Some("a"), Some("b")), ("0.169.0", None, None), ("0.130.0", None, None)]
        {
            let turn = turn([10, 12], version, trace);
            let events = [late(theirs, "call 9"), ours(trace)].concat();
            let found = events_of(&turn, None, None, &events);
            assert_eq!(found, ours(trace).iter().collect::<Vec<_>>(), "{version} {trace:?}");
        }
    }

    #[test]
    fn what_names_a_turn_is_its_own_however_late_it_happened() {
        let (this, next) = (turn([1, 5], "0.169.0", Some("a")), turn([5, 9], "0.169.0", Some("b")));
        let events = [event("codex.tool_result", 5_900, json!({ "call_id": "call 1" }))];
        assert_eq!(events_of(&this, None, Some(&next), &events), [&events[0]]);
        assert_eq!(events_of(&next, Some(&this), None, &events), Vec::<&LogEvent>::new());
    }

    #[test]
    fn a_call_names_the_model_that_was_asked() {
        let asked = json!({ "model": "old", "input_token_count": 1 });
        let telemetry = Telemetry::of(&[&event("codex.sse_event", 1_000, asked)]);
        let mut call = LlmCall { model: Some("new".to_owned()), ..LlmCall::default() };
        telemetry.calls[0].complete(&mut call);
        assert_eq!(call.model.as_deref(), Some("old"));
    }

    #[test]
    fn responses_of_the_same_cost_are_all_waited_for() {
        let usage = json!({ "input_tokens": 10, "output_tokens": 2 });
        let record = |kind: &str, payload: serde_json::Value| {
            json!({ "type": kind, "payload": payload }).to_string()
        };
        let cost = record("token_usage_record", json!({ "usage": usage }));
        let started = record("event_msg", json!({ "type": "task_started", "turn_id": "t" }));
        let ended = record("event_msg", json!({ "type": "task_complete", "turn_id": "t" }));
        let mut transcript = Transcript::resume(ThreadMeta::default(), Checkpoint::START);
        transcript.read_all([&started, &cost, &cost, &ended]);
        let (turns, problems) = transcript.finish();
        assert_eq!(problems, []);
        let attributes = json!({ "input_token_count": "10", "output_token_count": "2" });
        let completed = LogEvent {
            name: "codex.sse_event".to_owned(),
            attributes: attributes.as_object().cloned().unwrap(),
            ..LogEvent::default()
        };
        assert!(!covers(&turns[0], &[&completed]));
        assert!(covers(&turns[0], &[&completed, &completed]));
    }
}
