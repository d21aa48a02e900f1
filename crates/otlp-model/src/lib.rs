//! A harness-neutral agent turn and its span tree.
//!
//! An agent harness (Codex CLI, or another) describes what it did as a [`Turn`]. [`span_tree`] turns
//! that into spans with OpenInference and OpenTelemetry GenAI attributes, [`encode`] writes them as
//! OTLP. Both are functions of their arguments alone: the same turn gives the same bytes.
//!
//! Invariant: this crate knows no harness, no transport, no clock and no disk.
//!
//! Start reading at [`turn`], then [`tree`].

mod attributes;
pub mod content;
pub mod cut;
pub mod decode;
pub mod encode;
mod encode_metrics;
mod events;
mod hide;
mod ids;
mod messages;
pub mod metrics;
pub mod names;
mod outcome;
mod sampling;
pub mod scrub;
mod span;
pub mod stream;
mod time;
pub mod tree;
pub mod turn;

pub use content::ContentPolicy;
pub use encode_metrics::export_metrics_request;
pub use hide::Hide;
pub use ids::{SpanId, TraceId};
pub use metrics::{MetricBatch, measured, metrics_of};
pub use sampling::Sampling;
pub use scrub::scrub_turn;
pub use span::{Attribute, Span, SpanBatch, SpanEvent, SpanKind, SpanStatus, UnixNanos, Value};
pub use time::TimeSplit;
pub use tree::{Layout, TreeOptions, each_span, span_tree};
pub use turn::Turn;
