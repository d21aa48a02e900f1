//! A harness-neutral agent turn and its span tree.
//!
//! An agent harness (Codex CLI, or another) describes what it did as a [`Turn`]. [`span_tree`] turns
//! that into spans with OpenInference and OpenTelemetry GenAI attributes, [`encode`] writes them as
//! OTLP, [`SpanBatch::of`] does the first for a program that sends them. All are functions of their arguments alone: the same turn gives the same bytes.
//!
//! # Your harness in four steps
//!
//! ```
//! use otlp_model::turn::{Agent, LlmCall, Outcome, Step, ToolCall, Usage};
//! use otlp_model::{SpanBatch, TreeOptions, Turn, UnixNanos, scrub_turn};
//!
//! // 1. Say what it did. What is not known stays empty; what is not in the model of a turn goes into
//! //    `attributes`. Ids derive from the agent's name, the thread and the key: tell the same turn
//! //    twice, and no backend has it twice.
//! let at = UnixNanos::from_millis;
//! let mut turn = Turn {
//!     agent: Agent { llm_system: Some("anthropic".into()), ..Agent::named("my-agent") },
//!     session_id: "session-1".to_owned(),
//!     thread_id: "session-1".to_owned(),
//!     key: "1".to_owned(),
//!     start: at(1_000),
//!     end: at(9_000),
//!     prompt: Some("Which files are here?".to_owned()),
//!     answer: Some("Only notes.txt.".to_owned()),
//!     outcome: Outcome::Ok,
//!     steps: vec![Step::Llm(LlmCall {
//!         start: at(1_000),
//!         end: at(3_000),
//!         model: Some("sonnet".to_owned()),
//!         usage: Some(Usage { input: 900, output: 40, ..Usage::default() }),
//!         outcome: Outcome::Ok,
//!         tools: vec![ToolCall {
//!             call_id: "call-1".to_owned(),
//!             name: "shell".to_owned(),
//!             start: at(3_000),
//!             end: at(3_050),
//!             arguments: Some(r#"{"command":"ls"}"#.to_owned()),
//!             output: Some("notes.txt".to_owned()),
//!             outcome: Outcome::Ok,
//!             ..ToolCall::default()
//!         }],
//!         ..LlmCall::default()
//!     })],
//!     ..Turn::default()
//! };
//!
//! // 2. Take out what is secret, with the crate `scrub` or with rules of your own.
//! scrub_turn(&mut turn, &|text| text.contains("sk-").then(|| ("[secret]".to_owned(), 1)));
//!
//! // 3. Make spans of it; the options say what contents may leave.
//! let batch = SpanBatch::of(&turn, "my project", &TreeOptions::default());
//!
//! // 4. Hand them to an exporter of the crate `exporters`: `phoenix.export(&batch)?`.
//! let names: Vec<&str> = batch.spans.iter().map(|span| span.name.as_str()).collect();
//! assert_eq!(names, ["Turn", "sonnet", "shell"]);
//! assert_eq!(batch.depth(&batch.spans[2]), 2);
//! ```
//!
//! Costs are those of the crate `pricing`; numbers about a batch are those of [`metrics_of`].
//!
//! Invariant: this crate knows no harness, no transport, no clock and no disk.
//!
//! Start reading at [`turn`], then [`tree`].

mod attributes;
mod batch;
pub mod content;
mod content_free;
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

pub use batch::resource_of;
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
