//! A turn as its pages show it.

use std::collections::HashMap;

use otlp_model::{Span, SpanId, SpanKind, SpanStatus, UnixNanos, Value, names};

/// The spans of a trace, in reading order, each with its depth.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) spans: Vec<Span>,
    /// How many parents each has.
    pub(crate) depths: Vec<usize>,
    pub(crate) start: UnixNanos,
    pub(crate) end: UnixNanos,
}

/// Sums over the model calls of a trace, sub-agents included.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Totals {
    pub(crate) calls: usize,
    pub(crate) input: i64,
    pub(crate) cached: i64,
    pub(crate) output: i64,
    pub(crate) reasoning: i64,
    /// Calls with tokens and without a price.
    pub(crate) unpriced: usize,
    pub(crate) dollars: f64,
}

/// The parts of a turn's time, which add up to it: their names in attributes, and for people.
pub(crate) const TIMES: [(&str, &str); 6] = [
    ("model", "model"),
    ("tool", "tools"),
    ("human", "waiting for you"),
    ("retry", "retries"),
    ("unknown", "unknown"),
    ("overhead", "overhead"),
];

impl Trace {
    /// Of spans of which parents come before their children; none where there are none.
    pub(crate) fn new(spans: Vec<Span>) -> Option<Self> {
        let start = spans.iter().map(|span| span.start).min()?;
        let end = spans.iter().map(|span| span.end).max()?;
        let mut known: HashMap<SpanId, usize> = HashMap::new();
        let mut depths = Vec::with_capacity(spans.len());
        for span in &spans {
            let parent = span.parent_id.and_then(|parent| known.get(&parent));
            let depth = parent.map_or(0, |depth| depth + 1);
            known.insert(span.span_id, depth);
            depths.push(depth);
        }
        Some(Self { spans, depths, start, end })
    }

    /// The turn itself, or the earliest of its spans where that is missing.
    pub(crate) fn root(&self) -> &Span {
        let is_root = |span: &&Span| span.parent_id.is_none();
        self.spans.iter().find(is_root).unwrap_or(&self.spans[0])
    }

    /// The place of a span that an address names.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.spans.iter().position(|span| span.span_id.to_string() == id)
    }

    pub(crate) fn totals(&self) -> Totals {
        let calls = self.spans.iter().filter(|span| span.kind == SpanKind::Llm);
        calls.fold(Totals::default(), |all, call| {
            let int = |key: &str| call.int(key).unwrap_or(0);
            let dollars = double(call, names::LLM_COST_TOTAL);
            let has_tokens = call.int(names::LLM_TOKEN_COUNT_PROMPT).is_some();
            Totals {
                calls: all.calls + 1,
                input: all.input + int(names::LLM_TOKEN_COUNT_PROMPT),
                cached: all.cached + int(names::LLM_TOKEN_COUNT_CACHE_READ),
                output: all.output + int(names::LLM_TOKEN_COUNT_COMPLETION),
                reasoning: all.reasoning + int(names::LLM_TOKEN_COUNT_REASONING),
                unpriced: all.unpriced + usize::from(has_tokens && dollars.is_none()),
                dollars: all.dollars + dollars.unwrap_or(0.0),
            }
        })
    }

    /// Milliseconds of each part of the turn's time that is not zero, with the name for people.
    pub(crate) fn times(&self) -> Vec<(&'static str, &'static str, i64)> {
        let root = self.root();
        let part = |(key, name): (&'static str, &'static str)| {
            let millis = own(root, &format!("turn.time.{key}_ms"))?;
            Some((key, name, millis)).filter(|(.., millis)| *millis > 0)
        };
        TIMES.into_iter().filter_map(part).collect()
    }
}

/// A whole number under the prefix of the harness, such as `codex.`.
pub(crate) fn own(span: &Span, name: &str) -> Option<i64> {
    match own_value(span, name)? {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

/// A text under the prefix of the harness.
pub(crate) fn own_text<'s>(span: &'s Span, name: &str) -> Option<&'s str> {
    match own_value(span, name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn own_value<'s>(span: &'s Span, name: &str) -> Option<&'s Value> {
    let is_own = |key: &str| key.split_once('.').is_some_and(|(_, rest)| rest == name);
    span.attributes
        .iter()
        .find(|attribute| is_own(&attribute.key))
        .map(|attribute| &attribute.value)
}

pub(crate) fn double(span: &Span, key: &str) -> Option<f64> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value {
        Value::Double(number) => Some(number),
        Value::Int(number) => Some(number as f64),
        _ => None,
    }
}

/// How a span ended, for people; the reason where it failed.
pub(crate) fn status(span: &Span) -> (&'static str, Option<&str>) {
    match &span.status {
        SpanStatus::Ok => ("ok", None),
        SpanStatus::Unset => ("unknown", None),
        SpanStatus::Error(reason) => ("failed", Some(reason)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use otlp_model::{Attribute, TraceId};

    use super::*;

    /// A span `name` below `parent`, from one millisecond to another.
    pub(crate) fn span(name: &str, parent: Option<&str>, kind: SpanKind, at: (u64, u64)) -> Span {
        Span {
            trace_id: TraceId::derive(&["t"]),
            span_id: SpanId::derive(&[name]),
            parent_id: parent.map(|parent| SpanId::derive(&[parent])),
            name: name.to_owned(),
            kind,
            start: UnixNanos::from_millis(at.0),
            end: UnixNanos::from_millis(at.1),
            attributes: vec![],
            events: vec![],
            status: SpanStatus::Ok,
        }
    }

    #[test]
    fn totals_are_those_of_model_calls_and_name_what_has_no_price() {
        let mut priced = span("a", Some("root"), SpanKind::Llm, (1, 2));
        priced.attributes = vec![
            Attribute::new(names::LLM_TOKEN_COUNT_PROMPT, 10_i64),
            Attribute::new(names::LLM_TOKEN_COUNT_CACHE_READ, 4_i64),
            Attribute::new(names::LLM_TOKEN_COUNT_COMPLETION, 2_i64),
            Attribute::new(names::LLM_COST_TOTAL, 0.5),
        ];
        let mut unpriced = priced.clone();
        unpriced.span_id = SpanId::derive(&["b"]);
        unpriced.attributes.pop();
        let root = span("root", None, SpanKind::Agent, (0, 3));
        let deep = span("c", Some("a"), SpanKind::Tool, (1, 2));
        let trace = Trace::new(vec![root, priced, deep, unpriced]).unwrap();
        let expected = Totals {
            calls: 2,
            input: 20,
            cached: 8,
            output: 4,
            reasoning: 0,
            unpriced: 1,
            dollars: 0.5,
        };
        assert_eq!(trace.totals(), expected);
        assert_eq!(trace.depths, [0, 1, 2, 1]);
        assert!(Trace::new(vec![]).is_none());
    }
}
