//! What turns used: a record per turn with its model calls, and the sums that reports are made of.
//!
//! Turns are known by the id of their root span, which is the same wherever a turn is read from, so
//! that each counts once. What is stored never becomes less: of two readings of a turn the one with
//! more tokens stays, and of two with as many the one that knows more.

mod deltas;
mod imported;
mod list;
mod names;
mod query;
mod quota;
mod record;
mod session;
mod sources;
mod spans;
mod spent;
mod stored;
mod sums;
mod tags;
mod times;
mod totals;
mod within;

pub use list::{TurnFilter, TurnKey, TurnRank, TurnRow};
pub use query::{CallRow, CallSum, QuarterRange, ThreadSum, TurnStart, TurnSum};
pub use quota::{QuotaReading, QuotaWindow, RESET_TOLERANCE};
pub use record::Recorded;
pub(crate) use record::forget;
pub use session::SessionCall;
pub use sources::{Pass, SourceProgress, SourceState};
pub use spent::{SpentSums, Whose};
pub use sums::{Sums, TurnCounts};
pub use tags::{NoTag, TagChange, Tags};
pub use times::{CallLatencies, Latencies, Times};
pub use totals::ToolSum;

use std::collections::BTreeSet;

use otlp_model::turn::Usage;
use otlp_model::{SpanId, SpanStatus, TraceId, UnixNanos};

/// Trillionths of a US dollar. A token costs whole ones, so that sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PicoUsd(pub i64);

impl PicoUsd {
    /// An amount in US dollars, rounded.
    pub fn from_usd(dollars: f64) -> Self {
        Self((dollars * 1e12).round() as i64)
    }

    /// The amount in US dollars.
    pub fn usd(self) -> f64 {
        self.0 as f64 / 1e12
    }
}

/// A quarter of an hour, counted from the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quarter(pub i64);

impl Quarter {
    /// Its length.
    pub const SECONDS: i64 = 15 * 60;

    /// The one that a time is in.
    pub fn of(time: UnixNanos) -> Self {
        Self::of_seconds(i64::try_from(time.0 / 1_000_000_000).unwrap_or(i64::MAX))
    }

    /// The one that a time in seconds since the Unix epoch is in.
    pub fn of_seconds(seconds: i64) -> Self {
        Self(seconds.div_euclid(Self::SECONDS))
    }

    /// When it begins, in seconds since the Unix epoch.
    pub fn begin(self) -> i64 {
        self.0.saturating_mul(Self::SECONDS)
    }
}

/// Where a turn ran, and who ran it. Empty texts stand for what is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Place {
    /// The project in which the turn appears.
    pub project: String,
    /// The repository, such as `github.com/owner/name`.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The working directory; of all work trees of a repository the main one.
    pub folder: String,
    /// The user.
    pub user: String,
    /// The machine.
    pub machine: String,
    /// What a person calls it.
    pub tags: Tags,
}

/// By which price a call is charged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Rate {
    /// The model; empty where it is not known.
    pub model: String,
    /// The tier that was charged; of a call without a price the one that was asked for.
    pub tier: String,
    /// Whether the prices are those of a long context.
    pub long_context: bool,
    /// The version of the price table; none where that has no price for the model and tier.
    pub prices: Option<String>,
    /// What a token costs; nothing where that was not noted.
    pub units: UnitPrices,
}

/// What one token costs, by its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct UnitPrices {
    /// Of input that is neither of the next two.
    pub input: PicoUsd,
    /// Of input that was read from the provider's cache.
    pub cached_input: PicoUsd,
    /// Of input that was written to the provider's cache.
    pub cache_write: PicoUsd,
    /// Of output.
    pub output: PicoUsd,
}

/// How a turn stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TurnStatus {
    /// It goes on.
    Running,
    /// It ended well.
    Completed,
    /// It failed.
    Failed,
    /// The user stopped it, or its program ended.
    Interrupted,
    /// It was not allowed.
    Denied,
    /// No source says.
    Unknown,
}

impl TurnStatus {
    const ALL: [Self; 6] = [
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Interrupted,
        Self::Denied,
        Self::Unknown,
    ];

    /// The word for it, as it is on spans.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Denied => "denied",
            Self::Unknown => "unknown",
        }
    }

    /// How a span says that a turn ended.
    pub fn of_span(status: &SpanStatus) -> Self {
        match status {
            SpanStatus::Ok => Self::Completed,
            SpanStatus::Error(_) => Self::Failed,
            SpanStatus::Unset => Self::Unknown,
        }
    }

    /// What a word says; unknown where it is none of these.
    pub fn of_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|status| status.word() == word).unwrap_or(Self::Unknown)
    }
}

/// What a record of a turn was read from. The later ones know more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordSource {
    /// A transcript alone.
    Transcript = 1,
    /// Spans, which are made of the transcript and of telemetry.
    Spans = 2,
}

/// The thread of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ThreadName {
    /// Its id.
    pub thread_id: String,
    /// The thread at the root of the tree of sub-agents, as far as it is known.
    pub session_id: String,
    /// The thread that set it to work, where it is a sub-agent's.
    pub parent_id: Option<String>,
}

/// A turn and what it used.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnRecord {
    /// Its root span.
    pub span_id: SpanId,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its thread.
    pub thread: ThreadName,
    /// Where it ran.
    pub place: Place,
    /// Its name; may be empty.
    pub turn_id: String,
    /// Its place in the thread, from 1.
    pub number: Option<u64>,
    /// When it began.
    pub start: UnixNanos,
    /// When it ended, or was last heard of.
    pub end: UnixNanos,
    /// How it stands.
    pub status: TurnStatus,
    /// The version of the harness.
    pub version: Option<String>,
    /// The commit of the working directory.
    pub commit: Option<String>,
    /// Milliseconds that it waited for a person, where that was measured.
    pub human_ms: Option<u64>,
    /// Its model calls with known tokens, in order.
    pub calls: Vec<CallRecord>,
    /// The tools that were called, where that is known.
    pub tools: Option<ToolUse>,
    /// What this was read from.
    pub source: RecordSource,
}

impl TurnRecord {
    /// The tokens of all its calls.
    pub fn tokens(&self) -> u64 {
        self.calls.iter().fold(0, |sum, call| call.usage.total().saturating_add(sum))
    }
}

/// The tools that a turn called. Calls within a call do not count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolUse {
    /// Their names.
    pub names: BTreeSet<String>,
    /// How often they were called.
    pub calls: u64,
    /// How many calls failed.
    pub failed: u64,
}

impl ToolUse {
    /// Adds a call.
    pub fn add(&mut self, name: &str, has_failed: bool) {
        if !self.names.contains(name) {
            self.names.insert(name.to_owned());
        }
        self.calls += 1;
        self.failed += u64::from(has_failed);
    }
}

/// A model call and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRecord {
    /// When its response was complete.
    pub end: UnixNanos,
    /// Its tokens.
    pub usage: Usage,
    /// By which price it is charged.
    pub rate: Rate,
    /// What it cost; nothing where the rate has no price.
    pub cost: PicoUsd,
}
