//! The result of a flush.

use std::fmt;
use std::time::SystemTime;

/// The result of a flush.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flushed {
    /// Batches that the target accepted.
    pub accepted: usize,
    /// Batches that it will never accept.
    pub dead_letters: Vec<DeadLetter>,
    /// Batches that were given up, because they were too old.
    pub dropped: usize,
    /// Batches that are still queued.
    pub queued: usize,
    /// Why they are.
    pub stopped: Option<Stopped>,
}

/// A batch, or spans of one, that the target refused for its own sake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its trace, in hexadecimal digits; empty where the file could not be read.
    pub trace_id: String,
    /// How many spans; 0 where the file could not be read.
    pub spans: usize,
    /// What the target said, of several times the first.
    pub answer: String,
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace_id, spans, answer } = self;
        match spans {
            0 => write!(f, "a file: {answer}"),
            1 => write!(f, "1 span of trace {trace_id}: {answer}"),
            _ => write!(f, "{spans} spans of trace {trace_id}: {answer}"),
        }
    }
}

/// Why a flush ended before everything was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// The target refused not long ago.
    NotDue(SystemTime),
    /// Another process sends the same batches just now.
    Busy,
    /// The time was over.
    NoTime,
    /// The target refused, with these words.
    Refused(String),
    /// The target cannot be reached at all, for this reason.
    Paused(String),
}
