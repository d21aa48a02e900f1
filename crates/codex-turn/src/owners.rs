//! Which log events belong to which turn.

use std::collections::HashSet;

use otlp_model::UnixNanos;

use crate::events::{Fact, LogEvent};
use crate::telemetry::same;
use crate::transcript::TranscriptTurn;

/// Events carry no turn id. They belong to the turn whose trace id they have (since Codex 0.145 the
/// transcript has it) or whose call they name. Others belong to a turn by their time: from its first
/// prompt or request, or shortly before it (or half way to the turn before), to shortly after it (or half
/// way to the next one, or until something new begins: the next turn may have begun since its transcript
/// was read). A turn that was lost goes on after its last record, with requests that got no answer, until
/// the next prompt or session. What an earlier turn left behind, and comes late, is before the first
/// prompt or request.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transcript::{Checkpoint, ThreadMeta, Transcript};

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
        let late = LogEvent::at(5_002, "codex.sse_event", json!({ "input_token_count": 1 }));
        let check = |next: LogEvent| {
            let events = [late.clone(), next, LogEvent::at(5_900, "codex.tool_result", json!({}))];
            assert_eq!(events_of(&turns[0], None, None, &events), [&late]);
        };
        check(LogEvent::at(5_003, "codex.user_prompt", json!({})));
        // `/compact` has no prompt.
        check(LogEvent::at(5_013, "codex.api_request", json!({ "duration_ms": "10" })));
        // A request from within the turn is its own, whenever it was answered.
        let ours = [LogEvent::at(5_013, "codex.api_request", json!({ "duration_ms": "20" }))];
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
        // The first turn ended at 9.99 s, and was sent; the second one began at 10 s.
        let late = |trace: Option<&str>, id: &str| {
            let mut late = vec![
                LogEvent::at(9_900, "codex.user_prompt", json!({})),
                LogEvent::at(9_950, "codex.api_request", json!({ "duration_ms": "30" })),
                LogEvent::at(9_985, "codex.tool_result", json!({ "call_id": id })),
                LogEvent::at(9_992, "codex.sse_event", json!({ "input_token_count": 1 })),
                LogEvent::at(10_001, "codex.sse_event", json!({ "input_token_count": 2 })),
            ];
            late.iter_mut().for_each(|event| event.trace_id = trace.map(str::to_owned));
            late[3].trace_id = None;
            late[4].trace_id = None;
            late
        };
        let ours = |trace: Option<&str>| {
            let mut ours = vec![
                LogEvent::at(10_009, "codex.user_prompt", json!({})),
                LogEvent::at(10_030, "codex.api_request", json!({ "duration_ms": "10" })),
                LogEvent::at(10_040, "codex.sse_event", json!({ "input_token_count": 3 })),
                LogEvent::at(10_050, "codex.tool_result", json!({ "call_id": "call 10" })),
                LogEvent::at(10_060, "codex.tool_result", json!({ "call_id": "exec-1" })),
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
        let events = [LogEvent::at(5_900, "codex.tool_result", json!({ "call_id": "call 1" }))];
        assert_eq!(events_of(&this, None, Some(&next), &events), [&events[0]]);
        assert_eq!(events_of(&next, Some(&this), None, &events), Vec::<&LogEvent>::new());
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
        let completed = LogEvent::at(0, "codex.sse_event", attributes);
        assert!(!covers(&turns[0], &[&completed]));
        assert!(covers(&turns[0], &[&completed, &completed]));
    }
}
