//! The reading order of a trace: each span right after its parent's earlier children.

use std::collections::HashMap;

use otlp_model::{Span, SpanId, UnixNanos};

use crate::SpanOutline;

/// What a tree is made of.
pub(crate) trait Node {
    fn id(&self) -> SpanId;
    fn parent(&self) -> Option<SpanId>;
    fn start(&self) -> UnixNanos;
}

impl Node for Span {
    fn id(&self) -> SpanId {
        self.span_id
    }

    fn parent(&self) -> Option<SpanId> {
        self.parent_id
    }

    fn start(&self) -> UnixNanos {
        self.start
    }
}

impl Node for SpanOutline {
    fn id(&self) -> SpanId {
        self.span_id
    }

    fn parent(&self) -> Option<SpanId> {
        self.parent_id
    }

    fn start(&self) -> UnixNanos {
        self.start
    }
}

/// Puts parents before their children and siblings in order of start, as a tree is printed.
///
/// A span whose parent is missing counts as a root. Spans that are each other's parents are kept,
/// beginning with the earliest.
pub(crate) fn in_reading_order<N: Node>(mut spans: Vec<N>) -> Vec<N> {
    spans.sort_by_key(N::start);
    let places: HashMap<SpanId, usize> =
        spans.iter().enumerate().map(|(place, span)| (span.id(), place)).collect();
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut roots = Vec::new();
    for (place, span) in spans.iter().enumerate() {
        match span.parent().and_then(|id| places.get(&id)) {
            Some(parent) => children.entry(*parent).or_default().push(place),
            None => roots.push(place),
        }
    }

    let mut order = Vec::with_capacity(spans.len());
    let mut seen = vec![false; spans.len()];
    // Every place follows the roots, so that spans no root leads to are not lost.
    for start in roots.into_iter().chain(0..spans.len()) {
        let mut next = vec![start];
        while let Some(place) = next.pop() {
            if !std::mem::replace(&mut seen[place], true) {
                order.push(place);
                next.extend(children.get(&place).into_iter().flatten().rev());
            }
        }
    }
    pick(spans, &order)
}

fn pick<N>(spans: Vec<N>, order: &[usize]) -> Vec<N> {
    let mut spans: Vec<Option<N>> = spans.into_iter().map(Some).collect();
    order.iter().filter_map(|place| spans[*place].take()).collect()
}

#[cfg(test)]
mod tests {
    use otlp_model::{SpanKind, SpanStatus, TraceId, UnixNanos};

    use super::*;

    /// Spans as `name parent start`, `-` for no parent.
    fn check(spans: &str, expected: &str) {
        let id = |name: &str| SpanId::derive(&[name]);
        let spans = spans
            .split(", ")
            .map(|line| {
                let [name, parent, start] = line.split(' ').collect::<Vec<_>>()[..] else {
                    panic!("{line}")
                };
                Span {
                    trace_id: TraceId::derive(&["t"]),
                    span_id: id(name),
                    parent_id: (parent != "-").then(|| id(parent)),
                    name: name.to_owned(),
                    kind: SpanKind::Chain,
                    start: UnixNanos(start.parse().unwrap()),
                    end: UnixNanos(9),
                    attributes: vec![],
                    events: vec![],
                    status: SpanStatus::Ok,
                }
            })
            .collect();
        let names: Vec<_> = in_reading_order(spans).into_iter().map(|span| span.name).collect();
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn children_follow_their_parent_by_start() {
        check("c b 4, b a 3, d a 2, a - 1", "a d b c");
        // A child that starts before its parent still follows it.
        check("a - 5, b a 1", "a b");
        check("b a 2, c a 2, a - 1", "a b c");
    }

    #[test]
    fn nothing_is_lost_where_parents_are_missing_or_go_in_circles() {
        check("b gone 2, c b 3, a - 1", "a b c");
        check("a b 2, b a 1, r - 3", "r b a");
        check("a a 1", "a");
    }
}
