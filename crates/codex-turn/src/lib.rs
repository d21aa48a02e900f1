//! Decodes what Codex CLI leaves behind into turns.
//!
//! Codex leaves three things: the *transcript* (rollout JSONL) with all that was said, OTLP *log
//! events* with times, HTTP attempts and approvals, and the *notify payload* with a prompt and an
//! answer (or a [`LifecyclePayload`], which only says where to look). [`Transcript`] folds the first into [`TranscriptTurn`]s; [`fuse`] joins one of these with
//! the events of its time into a [`Turn`](otlp_model::Turn), field by field. Where there is no
//! transcript, [`turn_from_events`] makes do with the events, and [`turn_from_notify`] with the
//! payload alone. A program that runs `codex exec --json` itself reads its events with [`ExecStream`]:
//!
//! ```
//! use codex_turn::{ExecStream, SignalKind};
//! use otlp_model::UnixNanos;
//!
//! let mut stream = ExecStream::new("Say hello", None);
//! let lines = [
//!     r#"{"type":"thread.started","thread_id":"t"}"#,
//!     r#"{"type":"turn.started"}"#,
//!     r#"{"type":"item.completed","item":{"id":"item_0","type":"agent_message","text":"Hello."}}"#,
//!     r#"{"type":"turn.completed","usage":{"input_tokens":9,"output_tokens":2}}"#,
//! ];
//! let at = UnixNanos::from_millis(1);
//! let signals: Vec<_> = lines.iter().flat_map(|line| stream.line(at, line)).collect();
//! let Some(SignalKind::TurnEnded(turn)) = signals.last().map(|signal| &signal.kind) else {
//!     panic!("no turn: {signals:?}");
//! };
//! assert_eq!(turn.answer.as_deref(), Some("Hello."));
//! assert_eq!(turn.usage().total(), 11);
//! ```
//!
//! Invariants: no I/O and no clock; decoding never fails. What was not understood is a [`Problem`]
//! beside the result: a new Codex release costs a field, not a trace. Nothing here knows how spans
//! are named.

mod answers;
mod approval;
mod events;
mod exec_stream;
mod forks;
mod from_events;
mod fuse;
mod json;
mod lifecycle;
mod line;
mod notify;
mod outcome;
mod output;
mod owners;
mod problem;
mod sub_agents;
mod telemetry;
mod tools;
mod transcript;
mod versions;

use otlp_model::turn::Agent;

pub use events::LogEvent;
pub use exec_stream::{ExecStream, Signal, SignalKind};
pub use forks::mark_copies;
pub use from_events::turn_from_events;
pub use fuse::fuse;
pub use lifecycle::{
    LifecycleError, LifecycleEvent, LifecyclePayload, LifecycleQuestion, LifecycleStep,
};
pub use line::{Line, ReadLine};
pub use notify::{NotifyError, NotifyPayload, thread_begun, turn_from_notify};
pub use owners::{covers, events_of};
pub use problem::Problem;
pub use sub_agents::nth_call;
pub use transcript::{
    Checkpoint, HistoryBase, LimitWindow, RateLimits, ThreadMeta, Transcript, TranscriptTurn,
    TurnEnd, TurnMark, TurnStart, has_second_record, turn_mark, turn_start,
};
pub use versions::RECORDED_VERSIONS;

/// The harness's name and the prefix of its own attributes.
pub const HARNESS: &str = "codex";

/// Codex of this version, which speaks OpenAI's Responses API to all its providers.
fn agent(version: Option<String>) -> Agent {
    Agent { name: HARNESS.into(), version, llm_system: Some("openai".into()) }
}
