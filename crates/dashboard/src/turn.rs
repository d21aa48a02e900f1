//! A turn as its pages show it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use otlp_model::{Span, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos, Value, names};
use trace_store::{QueryError, SpanOutline, TraceCost, TraceStore};

/// The spans of a trace, in reading order, each with its depth. Of a large one only some have texts.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) id: TraceId,
    pub(crate) outline: Vec<SpanOutline>,
    /// How many parents each has.
    pub(crate) depths: Vec<usize>,
    pub(crate) start: UnixNanos,
    pub(crate) end: UnixNanos,
    cost: TraceCost,
    /// The place of the turn itself, or of the earliest span where that is missing.
    root: usize,
    /// The spans that were read, by their places. The root is one of them.
    spans: BTreeMap<usize, Span>,
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
    pub(crate) unpriced: u64,
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
        let outline = spans.iter().map(SpanOutline::from).collect();
        let mut cost = TraceCost::default();
        let calls = spans.iter().filter(|span| span.kind == SpanKind::Llm);
        calls.for_each(|call| cost.add(call));
        let id = spans.first()?.trace_id;
        let mut trace = Self::of_outline(id, outline, cost)?;
        trace.spans = spans.into_iter().enumerate().collect();
        Some(trace)
    }

    /// A stored trace, of which no span but the root is read; none where it has no span.
    pub(crate) fn stored(store: &TraceStore, id: TraceId) -> Result<Option<Self>, QueryError> {
        let outline = store.outline(id)?;
        let cost = store.cost(id, &outline)?;
        let Some(mut trace) = Self::of_outline(id, outline, cost) else { return Ok(None) };
        trace.read(store, [trace.root])?;
        Ok(trace.spans.contains_key(&trace.root).then_some(trace))
    }

    fn of_outline(id: TraceId, outline: Vec<SpanOutline>, cost: TraceCost) -> Option<Self> {
        let start = outline.iter().map(|span| span.start).min()?;
        let end = outline.iter().map(|span| span.end).max()?;
        let mut known: HashMap<SpanId, usize> = HashMap::with_capacity(outline.len());
        let mut depths = Vec::with_capacity(outline.len());
        for span in &outline {
            let parent = span.parent_id.and_then(|parent| known.get(&parent));
            let depth = parent.map_or(0, |depth| depth + 1);
            known.insert(span.span_id, depth);
            depths.push(depth);
        }
        let root = outline.iter().position(|span| span.parent_id.is_none()).unwrap_or(0);
        Some(Self { id, outline, depths, start, end, cost, root, spans: BTreeMap::new() })
    }

    /// Reads the spans at these places.
    pub(crate) fn read(
        &mut self,
        store: &TraceStore,
        places: impl IntoIterator<Item = usize>,
    ) -> Result<(), QueryError> {
        self.read_parts(store, places, |_| ())
    }

    /// Reads of each tool what it was called with, and no more.
    pub(crate) fn read_tools(&mut self, store: &TraceStore) -> Result<(), QueryError> {
        let is_tool = |place: &usize| self.outline[*place].kind == SpanKind::Tool;
        let tools: Vec<_> = (0..self.len()).filter(is_tool).collect();
        self.read_parts(store, tools, |span| {
            span.attributes.retain(|attribute| attribute.key == names::INPUT_VALUE);
            span.events.clear();
        })
    }

    /// Reads spans and keeps the part of them that `keep` leaves.
    fn read_parts(
        &mut self,
        store: &TraceStore,
        places: impl IntoIterator<Item = usize>,
        keep: impl Fn(&mut Span),
    ) -> Result<(), QueryError> {
        let missing: Vec<_> =
            places.into_iter().filter(|place| !self.spans.contains_key(place)).collect();
        for places in missing.chunks(100) {
            let ids = places.iter().filter_map(|place| self.outline.get(*place));
            let mut spans = store.spans(ids.map(|span| span.span_id))?.into_iter().peekable();
            for place in places {
                let outline = self.outline.get(*place);
                let is_it = |span: &Span| outline.is_some_and(|it| it.span_id == span.span_id);
                // One that was removed meanwhile is missing.
                if let Some(mut span) = spans.next_if(is_it) {
                    keep(&mut span);
                    self.spans.insert(*place, span);
                }
            }
        }
        Ok(())
    }

    /// The turn itself, or the earliest of its spans where that is missing.
    pub(crate) fn root(&self) -> &Span {
        &self.spans[&self.root]
    }

    /// How many spans it has.
    pub(crate) fn len(&self) -> usize {
        self.outline.len()
    }

    /// The span at a place, if it was read.
    pub(crate) fn span(&self, place: usize) -> Option<&Span> {
        self.spans.get(&place)
    }

    /// The spans at these places that were read.
    pub(crate) fn range(&self, places: Range<usize>) -> impl Iterator<Item = (usize, &Span)> {
        self.spans.range(places).map(|(place, span)| (*place, span))
    }

    /// The place of a span that an address names.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.outline.iter().position(|span| span.span_id.to_string() == id)
    }

    pub(crate) fn totals(&self) -> Totals {
        let calls = self.outline.iter().filter(|span| span.kind == SpanKind::Llm);
        let sum = |of: fn(&SpanOutline) -> Option<u32>| -> i64 {
            calls.clone().filter_map(of).map(i64::from).sum()
        };
        Totals {
            calls: calls.clone().count(),
            input: sum(|call| call.input),
            cached: sum(|call| call.cached),
            output: sum(|call| call.output),
            reasoning: sum(|call| call.reasoning),
            unpriced: self.cost.unpriced,
            dollars: self.cost.cost.usd(),
        }
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
