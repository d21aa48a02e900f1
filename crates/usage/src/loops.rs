//! Calls of tools that go round in circles: the same one again and again, nearly the same one, or a few
//! in turn.
//!
//! What is found is a hint with its evidence, and no verdict: a reader sees the calls.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use otlp_model::{Span, SpanId, SpanKind, names};
use trace_store::SpanOutline;

/// Tools that are called again to wait for what goes on.
const WAITING: [&str; 4] = ["wait", "wait_agent", "write_stdin", "sleep"];

/// So many calls in a row are a loop: the same, and nearly the same.
const SAME: usize = 4;
const ALIKE: usize = 6;

/// So many rounds of several calls are one, of up to so many calls.
const ROUNDS: usize = 3;
const LONGEST_ROUND: usize = 4;

/// Spans are not nested deeper.
const DEPTH: usize = 64;

/// How calls repeat one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The same tool with the same arguments.
    Same,
    /// The same tool with arguments that differ in numbers only.
    Alike,
    /// So many calls in turn.
    Round(usize),
}

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

/// A call as it is compared.
struct Call<'s> {
    span: &'s Span,
    arguments: &'s str,
    /// The arguments without their numbers.
    shape: String,
}

impl Call<'_> {
    fn is_same(&self, other: &Self) -> bool {
        self.span.name == other.span.name && self.arguments == other.arguments
    }

    fn is_alike(&self, other: &Self) -> bool {
        self.span.name == other.span.name && self.shape == other.shape
    }
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
        let mut at = 0;
        while at < calls.len() {
            match loop_at(&calls, at) {
                Some((kind, times, range)) => {
                    at = range.end;
                    found.push(Loop {
                        kind,
                        times,
                        tool: calls[range.start].span.name.clone(),
                        arguments: calls[range.start].arguments.to_owned(),
                        spans: calls[range].iter().map(|call| call.span.span_id).collect(),
                    });
                }
                None => at += 1,
            }
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
        if arguments.is_empty() || WAITING.contains(&span.name.as_str()) {
            continue;
        }
        let Some(agent) = agent_of(span) else { continue };
        let shape = arguments.split(|sign: char| sign.is_ascii_digit());
        let shape = shape.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("0");
        calls.entry(agent.span_id.0).or_default().push(Call { span, arguments, shape });
    }
    calls.values_mut().for_each(|calls| calls.sort_by_key(|call| call.span.start));
    calls
}

fn loop_at(calls: &[Call<'_>], at: usize) -> Option<(Kind, usize, Range<usize>)> {
    let first = calls.get(at)?;
    let run = |is_one: &dyn Fn(&Call<'_>) -> bool| {
        calls[at..].iter().take_while(|call| is_one(call)).count()
    };
    let same = run(&|call| call.is_same(first));
    if same >= SAME {
        return Some((Kind::Same, same, at..at + same));
    }
    let alike = run(&|call| call.is_alike(first));
    if alike >= ALIKE {
        return Some((Kind::Alike, alike, at..at + alike));
    }
    (2..=LONGEST_ROUND).find_map(|length| {
        let repeats = calls[at..]
            .iter()
            .enumerate()
            .take_while(|(nth, call)| *nth < length || call.is_same(&calls[at + nth - length]));
        let times = repeats.count() / length;
        let range = at..at + times * length;
        (times >= ROUNDS).then_some((Kind::Round(length), times, range))
    })
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
        assert_eq!(found("a a a b a"), []);
        assert_eq!(found("b a a a a a c"), [(Kind::Same, 5, 5)]);
        assert_eq!(found("f1 f2 f3 f14 f5 f6"), [(Kind::Alike, 6, 6)]);
        assert_eq!(found("f1 f2 f3 f4 f5"), []);
        assert_eq!(found("a b a b a b c"), [(Kind::Round(2), 3, 6)]);
        assert_eq!(found("a b c a b c a b c a"), [(Kind::Round(3), 3, 9)]);
        assert_eq!(found("a b c a b c d"), []);
        assert_eq!(found("a a a a b b b b"), [(Kind::Same, 4, 4), (Kind::Same, 4, 4)]);
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
