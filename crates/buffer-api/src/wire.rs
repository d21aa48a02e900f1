//! What the service answers, as JSON over HTTP.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The name the service gives itself in [`Health::service`] and in the `server` header of every
/// answer; an answer without it comes from another program.
pub const SERVICE_NAME: &str = "arize-codex-buffer";

/// One log event of a thread, as Codex sent it and without its OTLP wrapping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BufferedEvent {
    /// The event's place in the order of arrival: a cursor that only grows, across all threads
    /// and across restarts.
    pub seq: u64,
    /// When it happened, in nanoseconds since the Unix epoch: the attribute `event.timestamp`,
    /// else OTLP's `timeUnixNano`, else `observedTimeUnixNano`, else the time of receipt.
    pub time_ns: u64,
    /// The event's name, such as `codex.user_prompt`; empty where the record has none.
    #[serde(default)]
    pub name: String,
    /// The trace id, 32 lower-case hexadecimal digits, where the record has one.
    #[serde(default)]
    pub trace_id: Option<String>,
    /// The record's attributes. Text, whole numbers, real numbers and truth values keep their
    /// types.
    #[serde(default)]
    pub attributes: Map<String, Value>,
    /// The attributes of the sender, such as `service.name` and `service.version`.
    #[serde(default)]
    pub resource: Map<String, Value>,
}

/// Events of one thread and where to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drained {
    /// The events after the cursor, oldest first. A very long thread comes in several answers.
    pub events: Vec<BufferedEvent>,
    /// The cursor to pass as `after` next time.
    pub next: u64,
}

/// How many events an acknowledgement removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Events that are no longer buffered.
    pub removed: u64,
}

/// How the service is; holds no content of any event. Counters begin at zero when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// Always [`SERVICE_NAME`].
    pub service: String,
    /// The service's process id.
    pub pid: u32,
    /// The service's version.
    pub version: String,
    /// The program the service runs from.
    pub executable: PathBuf,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Threads with buffered events.
    pub threads: u64,
    /// Buffered events.
    pub events: u64,
    /// Bytes of buffered events.
    pub bytes: u64,
    /// Log records that arrived, of every kind.
    pub received: u64,
    /// Events that were given up because a bound on size or age was reached.
    pub dropped: u64,
    /// Records that were not kept because they say nothing: one arrives per streamed delta.
    pub skipped: u64,
    /// Records that were not kept because they name no thread.
    pub unthreaded: u64,
    /// Records that could not be understood.
    #[serde(default)]
    pub malformed: u64,
    /// Exports of spans, which old versions of Codex send to the logs address; not kept.
    #[serde(default)]
    pub span_exports: u64,
    /// Exports that were refused because their senders did not show the write token.
    #[serde(default)]
    pub unauthorized: u64,
    /// Whether there can be no database on disk, so that events end with the service.
    #[serde(default)]
    pub in_memory: bool,
    /// Bodies of logs that were passed on to another receiver.
    #[serde(default)]
    pub forwarded: u64,
    /// Bodies of logs that the other receiver did not take.
    #[serde(default)]
    pub forward_given_up: u64,
}
