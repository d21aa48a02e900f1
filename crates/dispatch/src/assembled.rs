//! The spans of a turn as one target gets them, ready to be sent.

use exporters::RequestSize;
use otlp_model::{Span, SpanBatch, SpanStatus, Turn};

use crate::spans::SpanPolicy;

/// The spans of a turn: in memory where one request holds them.
#[derive(Debug)]
pub(crate) enum Assembled {
    /// They fit into one request.
    Whole(SpanBatch),
    /// They are more than that, and are made one by one when they are queued.
    Large {
        /// The root, without its contents.
        root: Box<Span>,
        /// How many they are.
        count: usize,
    },
}

impl Assembled {
    /// Assembles a turn.
    pub(crate) fn of(turn: &Turn, policy: &SpanPolicy) -> Self {
        let resource = policy.resource(turn);
        let mut size = RequestSize::of(&resource);
        let (mut spans, mut root, mut count) = (Vec::new(), None, 0);
        policy.each(turn, &mut |span| {
            count += 1;
            let fits = size.add(&span);
            if !fits && root.is_none() {
                // Of all that was collected the first span is the one to know.
                root = Some(bare(spans.first().unwrap_or(&span)));
                spans = Vec::new();
            }
            if root.is_none() {
                spans.push(span);
            }
        });
        match root {
            Some(root) => Self::Large { root: Box::new(root), count },
            None => Self::Whole(SpanBatch { resource, spans }),
        }
    }

    /// What the root span is called, and how many spans there are.
    pub(crate) fn size(&self) -> (&str, usize) {
        match self {
            Self::Whole(batch) => size_of(batch),
            Self::Large { root, count } => (&root.name, *count),
        }
    }
}

/// The same of a batch.
pub(crate) fn size_of(batch: &SpanBatch) -> (&str, usize) {
    let root = batch.spans.first();
    (root.map_or("turn", |root| root.name.as_str()), batch.spans.len())
}

/// A span without its contents.
fn bare(span: &Span) -> Span {
    Span {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_id: span.parent_id,
        name: span.name.clone(),
        kind: span.kind,
        start: span.start,
        end: span.end,
        attributes: Vec::new(),
        events: Vec::new(),
        status: SpanStatus::Unset,
    }
}
