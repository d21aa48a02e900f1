//! Calls of tools that go round in circles: the same one again and again, nearly the same one, or a few
//! in turn.
//!
//! What is found is a hint with its evidence, and no verdict: a reader sees the calls.

use std::collections::{BTreeMap, HashMap};

pub use alerts::loops::Repeats as Kind;
use alerts::loops::{self as rule, Sizes};
use otlp_model::{Span, SpanId, SpanKind, names};
use trace_store::SpanOutline;

/// What is shown on the page of a turn. Alerts may have other sizes.
const SIZES: Sizes = Sizes { same: 4, alike: 6, rounds: 3 };

/// Spans are not nested deeper.
const DEPTH: usize = 64;

/// Calls that repeat one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop {
    /// How they do.
    pub kind: Kind,
    /// How often.
    pub times: usize,
    /// The tool of the first one.
    pub tool: String,
    /// What that was called with.
    pub arguments: String,
    /// The spans of all of them, in order.
    pub spans: Vec<SpanId>,
}

/// A call with its span.
struct Call<'s> {
    span: &'s Span,
    arguments: &'s str,
    compared: rule::Call<'s>,
}

/// The loops among the tool calls of a trace, of each agent by itself in the order of time.
pub fn loops(spans: &[Span]) -> Vec<Loop> {
    let outline: Vec<_> = spans.iter().map(SpanOutline::from).collect();
    loops_among(&outline, spans)
}

/// The loops among some spans of a trace, which may be a part of it.
pub fn loops_among<'s>(
    outline: &[SpanOutline],
    spans: impl IntoIterator<Item = &'s Span>,
) -> Vec<Loop> {
    let mut found = Vec::new();
    for calls in calls_by_agent(outline, spans).into_values() {
        let compared: Vec<_> = calls.iter().map(|call| call.compared.clone()).collect();
        for it in rule::find(&compared, SIZES) {
            let calls = &calls[it.calls];
            let Some(first) = calls.first() else { continue };
            found.push(Loop {
                kind: it.kind,
                times: it.times,
                tool: first.span.name.clone(),
                arguments: first.arguments.to_owned(),
                spans: calls.iter().map(|call| call.span.span_id).collect(),
            });
        }
    }
    found
}

/// The calls of each agent: those below it that are not below another one.
fn calls_by_agent<'s>(
    outline: &[SpanOutline],
    spans: impl IntoIterator<Item = &'s Span>,
) -> BTreeMap<[u8; 8], Vec<Call<'s>>> {
    let known: HashMap<SpanId, &SpanOutline> =
        outline.iter().map(|span| (span.span_id, span)).collect();
    let agent_of = |span: &Span| {
        // A trace that goes round in circles has no agent.
        let above = std::iter::successors(span.parent_id.and_then(|id| known.get(&id)), |span| {
            span.parent_id.and_then(|id| known.get(&id))
        });
        let mut above = above.take(DEPTH);
        above.find(|span| span.kind == SpanKind::Agent || span.parent_id.is_none())
    };
    let mut calls: BTreeMap<[u8; 8], Vec<Call<'s>>> = BTreeMap::new();
    for span in spans.into_iter().filter(|span| span.kind == SpanKind::Tool) {
        let arguments = span.text(names::INPUT_VALUE).unwrap_or_default();
        let output = span.text(names::OUTPUT_VALUE);
        let Some(compared) = rule::Call::new(&span.name, arguments, output) else { continue };
        let Some(agent) = agent_of(span) else { continue };
        calls.entry(agent.span_id.0).or_default().push(Call { span, arguments, compared });
    }
    calls.values_mut().for_each(|calls| calls.sort_by_key(|call| call.span.start));
    calls
}

#[cfg(test)]
mod tests {
    use otlp_model::{Attribute, SpanStatus, TraceId, UnixNanos};

    use super::*;

    fn trace(calls: &str) -> Vec<Span> {
        let span = |name: &str, kind, parent: Option<&str>, at: u64, input: &str| Span {
            trace_id: TraceId::derive(&["t"]),
            span_id: SpanId::derive(&[name]),
            parent_id: parent.map(|parent| SpanId::derive(&[parent])),
            name: "shell".to_owned(),
            kind,
            start: UnixNanos(at),
            end: UnixNanos(at + 1),
            attributes: vec![Attribute::new(names::INPUT_VALUE, input.to_owned())],
            events: vec![],
            status: SpanStatus::Ok,
        };
        let mut spans = vec![span("root", SpanKind::Agent, None, 0, "")];
        for (nth, input) in calls.split_whitespace().enumerate() {
            let (id, at) = (nth.to_string(), nth as u64);
            spans.push(span(&format!("call {id}"), SpanKind::Llm, Some("root"), at, ""));
            spans.push(span(&id, SpanKind::Tool, Some(&format!("call {id}")), at, input));
        }
        spans
    }

    fn found(calls: &str) -> Vec<(Kind, usize, usize)> {
        let loops = loops(&trace(calls));
        loops.into_iter().map(|it| (it.kind, it.times, it.spans.len())).collect()
    }

    #[test]
    fn what_repeats_itself_is_found_with_its_calls() {
        assert_eq!(found("b a a a a a c"), [(Kind::Same, 5, 5)]);
        assert_eq!(found("a b a b a b c"), [(Kind::Round(2), 3, 6)]);
        assert_eq!(found(""), []);
    }

    #[test]
    fn waiting_is_no_loop_and_agents_are_apart() {
        let mut waits = trace("a a a a a");
        waits.iter_mut().for_each(|span| span.name = "wait".to_owned());
        assert_eq!(loops(&waits), []);
        // Two of the calls are those of a sub-agent.
        let mut two = trace("a a a a");
        let below = Span {
            span_id: SpanId::derive(&["sub"]),
            parent_id: Some(SpanId::derive(&["call 0"])),
            ..two[0].clone()
        };
        two.push(below);
        for place in [2, 4] {
            two[place].parent_id = Some(SpanId::derive(&["sub"]));
        }
        assert_eq!(loops(&two), []);
    }
}
