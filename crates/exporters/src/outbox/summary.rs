//! What a person wants to know of an outbox.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::batch_file::{Header, decode_header};
use super::folder::{self, BatchName};
use super::standing::Standing;
use super::{Outbox, OutboxError};

/// The longest header that is read, in bytes.
const HEADER_BYTES: u64 = 64 * 1024;

/// What waits for a target, and how it stands with it. Taken while others may change it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Batches that wait; a batch is a turn, or what is left of one.
    pub waiting: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// When the oldest of them was put away.
    pub oldest: Option<SystemTime>,
    /// When the target is tried again; none where nothing waits, or the time has come.
    pub next_attempt: Option<SystemTime>,
    /// Failures since the target last accepted something that waited.
    pub failures: u32,
    /// What it said to the last of them.
    pub last_error: Option<String>,
    /// Batches that the target refused for good, the oldest first.
    pub rejected: Vec<RejectedBatch>,
    /// Batches that it accepted, ever.
    pub accepted: u64,
    /// When it last did.
    pub last_success: Option<SystemTime>,
    /// Batches that were given up, because there were too many or they were too old.
    pub dropped: u64,
    /// Batches that it was not to get, because only a share of all is sent.
    pub sampled_out: u64,
    /// Accepted batches whose metrics wait.
    pub metrics_waiting: usize,
    /// Accepted batches whose metrics did not arrive, as far as anybody knows.
    pub metrics_lost: u64,
}

/// A batch that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedBatch {
    /// Its trace, in hexadecimal digits; empty where the file cannot be read.
    pub trace_id: String,
    /// When it was put away.
    pub created: SystemTime,
    /// Its spans.
    pub spans: usize,
    /// How often the target was offered it, as far as that is known.
    pub attempts: u32,
    /// What the target said to it.
    pub answer: String,
}

impl Outbox {
    /// What waits, and how it stands with the target.
    pub fn summary(&self) -> Result<Summary, OutboxError> {
        let waiting = self.on(&self.folder, folder::batches)?;
        let rejected_folder = self.rejected_folder();
        let rejected = self.on(&rejected_folder, folder::batches)?;
        let standing = Standing::load(&self.folder);
        let metrics = self.metrics().folder;
        let count = |name: &str| fs::metadata(self.folder.join(name)).ok();
        let length = |name: &str| count(name).map_or(0, |file| file.len());
        let accepted = count("accepted");
        Ok(Summary {
            waiting: waiting.len(),
            bytes: waiting.iter().map(|(_, bytes)| bytes).sum(),
            oldest: waiting.first().map(|(name, _)| time(name.key)),
            next_attempt: standing.due.filter(|_| !waiting.is_empty()),
            failures: standing.failures,
            last_error: standing.error,
            rejected: rejected.iter().map(|(name, _)| rejection(&rejected_folder, name)).collect(),
            accepted: accepted.as_ref().map_or(0, fs::Metadata::len),
            last_success: accepted.and_then(|file| file.modified().ok()),
            dropped: length("dropped"),
            sampled_out: length("sampled-out"),
            metrics_waiting: self.on(&metrics, folder::batches)?.len(),
            metrics_lost: length("metrics-lost") + length("metrics/dropped"),
        })
    }
}

fn rejection(folder: &Path, name: &BatchName) -> RejectedBatch {
    let header = read_header(&folder.join(name.to_string()));
    let unreadable = || "the file cannot be read".to_owned();
    RejectedBatch {
        created: time(header.as_ref().map_or(name.key, |header| header.created)),
        spans: header.as_ref().map_or(0, |header| header.spans),
        attempts: header.as_ref().map_or(0, |header| header.attempts),
        answer: header.as_ref().and_then(|h| h.answer.clone()).unwrap_or_else(unreadable),
        trace_id: header.map(|header| header.trace_id).unwrap_or_default(),
    }
}

fn read_header(path: &Path) -> Option<Header> {
    let mut line = Vec::new();
    let file = BufReader::new(File::open(path).ok()?);
    file.take(HEADER_BYTES).read_until(b'\n', &mut line).ok()?;
    decode_header(&line)
}

fn time(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}
