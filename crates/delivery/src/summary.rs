//! What a person wants to know of an outbox.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::backoff_state::{BackoffState, BatchFailures};
use super::batch_file::read_header;
use super::folder::{self, BatchName};
use super::progress::Progress;
use super::{Outbox, OutboxError};

/// What is queued for a target, and its state. Read while other processes may change it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Batches that wait; a batch is a turn, or what is left of one.
    pub queued: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// When the oldest of them was queued.
    pub oldest: Option<SystemTime>,
    /// Those of them that the target has in part, or at which it fails, the oldest first.
    pub unfinished: Vec<UnfinishedBatch>,
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
    pub metrics_queued: usize,
    /// Accepted batches whose metrics probably did not arrive.
    pub metrics_lost: u64,
}

/// A batch that needs more than one request, or more than one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedBatch {
    /// Its trace, in hexadecimal digits.
    pub trace_id: String,
    /// When it was queued.
    pub created: SystemTime,
    /// Its spans.
    pub spans: usize,
    /// Those that the target has accepted, or refused for good.
    pub spans_done: usize,
    /// Its size in bytes.
    pub bytes: u64,
    /// The size of the spans that are done.
    pub bytes_done: u64,
    /// How often the target failed at its next request.
    pub failures: u32,
    /// When that is sent again; none where the time has come.
    pub next_attempt: Option<SystemTime>,
    /// What the target said when it failed.
    pub last_error: Option<String>,
}

/// A batch that became a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedBatch {
    /// Its trace, in hexadecimal digits; empty where the file cannot be read.
    pub trace_id: String,
    /// When it was queued.
    pub created: SystemTime,
    /// Its spans.
    pub spans: usize,
    /// How often it was sent to the target, as far as that is known.
    pub attempts: u32,
    /// What the target said to it.
    pub answer: String,
}

impl Outbox {
    /// What is queued, and the state of the target.
    pub fn summary(&self) -> Result<Summary, OutboxError> {
        let queued = self.on(&self.folder, folder::batches)?;
        let rejected_folder = self.rejected_folder();
        let rejected = self.on(&rejected_folder, folder::batches)?;
        let backoff = BackoffState::load(&self.folder);
        let metrics = self.metrics().folder;
        let count = |name: &str| fs::metadata(self.folder.join(name)).ok();
        let length = |name: &str| count(name).map_or(0, |file| file.len());
        let accepted = count("accepted");
        Ok(Summary {
            queued: queued.len(),
            bytes: queued.iter().map(|(_, bytes)| bytes).sum(),
            oldest: queued.first().map(|(name, _)| time(name.key)),
            unfinished: queued
                .iter()
                .filter_map(|(name, bytes)| self.unfinished(name, *bytes, &backoff))
                .collect(),
            next_attempt: backoff.due.filter(|_| !queued.is_empty()),
            failures: backoff.failures,
            last_error: backoff.error,
            rejected: rejected.iter().map(|(name, _)| rejection(&rejected_folder, name)).collect(),
            accepted: accepted.as_ref().map_or(0, fs::Metadata::len),
            last_success: accepted.and_then(|file| file.modified().ok()),
            dropped: length("dropped"),
            sampled_out: length("sampled-out"),
            metrics_queued: self.on(&metrics, folder::batches)?.len(),
            metrics_lost: length("metrics-lost") + length("metrics/dropped"),
        })
    }
}

impl Outbox {
    /// A queued batch; none where it was not sent to the target yet.
    fn unfinished(
        &self,
        name: &BatchName,
        bytes: u64,
        backoff: &BackoffState,
    ) -> Option<UnfinishedBatch> {
        let trouble = backoff.trouble(&name.to_string()).filter(|trouble| trouble.failures > 0);
        let progress = Progress::load(&self.folder, name);
        if trouble.is_none() && progress.spans() == 0 {
            return None;
        }
        let header = read_header(&self.folder.join(name.to_string()))?;
        Some(UnfinishedBatch {
            trace_id: header.trace_id,
            created: time(name.key),
            spans: header.spans,
            spans_done: progress.spans(),
            bytes,
            bytes_done: progress.bytes(),
            failures: trouble.map_or(0, |trouble| trouble.failures),
            next_attempt: trouble.map(BatchFailures::due),
            last_error: trouble.map(|trouble| trouble.error.clone()),
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

fn time(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}
