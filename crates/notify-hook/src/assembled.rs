//! The spans of a turn as one target gets them, ready to be sent.

use exporters::Outbox;
use otlp_model::{Span, SpanBatch, Turn};

use crate::spans::SpanPolicy;

/// The spans of a turn: in memory where one request holds them.
#[derive(Debug)]
pub(crate) enum Assembled {
    /// They fit into one request.
    Whole(SpanBatch),
    /// They are more than that, and are made one by one when they are put away.
    Large {
        /// The root, without its attributes.
        root: Box<Span>,
        /// How many they are.
        count: usize,
    },
}

impl Assembled {
    /// Assembles a turn.
    pub(crate) fn of(turn: &Turn, policy: &SpanPolicy) -> Self {
        let (mut spans, mut root, mut count, mut bytes) = (Vec::new(), None, 0, 0);
        policy.each(turn, &mut |span| {
            if root.is_none() {
                root = Some(Span { attributes: Vec::new(), ..span.clone() });
            }
            count += 1;
            let (share, request) = Outbox::share_of_request(&span);
            bytes += share;
            if bytes <= request {
                spans.push(span);
            } else {
                spans = Vec::new();
            }
        });
        match root {
            Some(root) if spans.len() < count => Self::Large { root: Box::new(root), count },
            _ => Self::Whole(SpanBatch { resource: policy.resource(turn), spans }),
        }
    }

    /// How many spans there are.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Whole(batch) => batch.spans.len(),
            Self::Large { count, .. } => *count,
        }
    }

    /// What the root span is called.
    pub(crate) fn name(&self) -> &str {
        let root = match self {
            Self::Whole(batch) => batch.spans.first(),
            Self::Large { root, .. } => Some(&**root),
        };
        root.map_or("turn", |root| root.name.as_str())
    }
}
