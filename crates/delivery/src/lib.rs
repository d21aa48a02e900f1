//! A durable queue for each target: batches that it did not accept yet, a file each.
//!
//! A batch is in the queue from the moment at which [`Outbox::push`] returns until its target accepted
//! it, whatever happens to the process, the machine or the target. [`Outbox::flush`] sends queued
//! batches, the oldest first, until the target refuses; then it backs off. A batch that the target
//! refuses for the batch's own sake becomes a dead letter with the target's answer, and holds up no
//! other. [`BatchState`] has all states of a batch, and what changes them.
//!
//! A folder per target:
//!
//! | File | What |
//! | --- | --- |
//! | `KEY-ID.batch` | a queued batch; `KEY` orders them by time, `ID` is its first span |
//! | `KEY-ID.progress` | the parts of it that need not be sent again: a line for each request |
//! | `rejected/KEY-ID.batch` | a dead letter, with the target's answer |
//! | `due` | when to try again, in milliseconds since the Unix epoch; none means now |
//! | `standing.json` | how often the target refused in a row, what it said, and at which batches it failed |
//! | `accepted`, `dropped`, `sampled-out` | one byte for each batch that the target accepted, that was dropped, or that sampling left out |
//! | `metrics-lost` | one byte for each accepted batch whose metrics may not have arrived |
//! | `metrics/` | a folder of the same form for queued metrics; those in its `dropped` are lost, too |
//! | `metrics/claimed` | the batches whose metrics were sent or queued, by the id of their first span |
//! | `lock` | held while a process sends queued batches |
//!
//! ```
//! use std::time::{Duration, Instant, SystemTime};
//!
//! use delivery::{Attempt, Limits, Outbox, When};
//! use exporters::Memory;
//! use otlp_model::{SpanBatch, TreeOptions, Turn};
//!
//! let folder = tempfile::tempdir()?;
//! let queue = Outbox::new(folder.path().join("memory"), Limits::default());
//! let batch = SpanBatch::of(&Turn::default(), "my project", &TreeOptions::default());
//! queue.push(&batch, SystemTime::now())?; // from here on it is on disk
//!
//! let attempt = Attempt {
//!     fingerprint: 1,
//!     now: SystemTime::now(),
//!     jitter: 0.5,
//!     until: Instant::now() + Duration::from_secs(60),
//!     clock: &Instant::now,
//! };
//! let memory = Memory::new();
//! let flushed = queue.flush(&memory, &attempt, When::Due, None)?;
//! assert_eq!((flushed.accepted, flushed.queued), (1, 0));
//! assert_eq!(memory.batches(), [batch]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants: a batch is written as a whole or not at all; it is removed after its target accepted
//! it, so that a crash in between sends it twice, with the same ids; batches of one trace are sent
//! in their order; nothing here knows what made the spans, or reads a clock for more than a span of
//! time.
//!
//! Start reading at [`Outbox::push`], then `flush.rs` and `send.rs`.

mod backoff;
mod backoff_state;
mod batch_file;
mod batch_state;
mod clear;
mod flush;
mod flushed;
mod folder;
mod metrics;
mod parts;
mod progress;
mod refusal;
mod send;
mod summary;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use otlp_model::{Attribute, Span, SpanBatch, UnixNanos};

pub use batch_state::{BatchEvent, BatchState};
pub use flush::{Attempt, OnAccepted, When};
pub use flushed::{DeadLetter, Flushed, Stopped};
pub use summary::{RejectedBatch, Summary, UnfinishedBatch};

use backoff_state::BackoffState;
use batch_file::Header;
use folder::BatchName;

use exporters::{MAX_BODY_BYTES, RequestSize};

/// Hands out spans one by one, root first.
pub type EachSpan<'a> = &'a dyn Fn(&mut dyn FnMut(Span));

/// The queue of one target.
#[derive(Debug, Clone)]
pub struct Outbox {
    folder: PathBuf,
    limits: Limits,
    /// How large a request may be, in bytes before compression.
    part_bytes: u64,
}

/// The most that is queued; dead letters have the same bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all batches; beyond it the oldest ones are given up.
    pub max_bytes: u64,
    /// Time since a batch was queued; a batch that is older is given up when its target refuses
    /// again.
    pub max_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self { max_bytes: 256 * 1024 * 1024, max_age: 30 * DAY }
    }
}

/// The outbox could not do its work.
#[derive(Debug, thiserror::Error)]
#[error("the outbox cannot use `{}`", path.display())]
pub struct OutboxError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl Outbox {
    /// The outbox of one target in a folder of its own; touches nothing.
    pub fn new(folder: impl Into<PathBuf>, limits: Limits) -> Self {
        Self { folder: folder.into(), limits, part_bytes: MAX_BODY_BYTES as u64 }
    }

    /// The same as one of several that are flushed at the same time: a request takes several times its
    /// size in memory, and together they are to take no more than half of one.
    pub fn one_of(self, outboxes: usize) -> Self {
        let bytes = MAX_BODY_BYTES / 2 / outboxes.max(1);
        Self { part_bytes: bytes as u64, ..self }
    }

    /// The outbox in another folder beside its own, with the same bounds.
    pub fn beside(&self, name: &str) -> Self {
        Self { folder: self.folder.with_file_name(name), ..self.clone() }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> Result<bool, OutboxError> {
        self.on(&self.folder, folder::is_empty)
    }

    /// Whether there are queued batches or metrics, or dead letters; as far as that can be read.
    pub fn holds_something(&self) -> bool {
        let folders = [self.folder.clone(), self.rejected_folder(), self.metrics().folder];
        folders.iter().any(|folder| matches!(folder::is_empty(folder), Ok(false)))
    }

    /// Whether a batch fits into one request. One that does not is queued before it is sent: what its
    /// target accepted of it is then remembered.
    pub fn holds_one_request(batch: &SpanBatch) -> bool {
        let mut size = RequestSize::of(&batch.resource);
        batch.spans.iter().all(|span| size.add(span))
    }

    /// Queues a batch, durably; says how many old ones had to be dropped for it. One that is queued
    /// already, by the id of its first span, is not queued twice.
    pub fn push(&self, batch: &SpanBatch, now: SystemTime) -> Result<usize, OutboxError> {
        let Some(header) = Header::of(batch, now) else { return Ok(0) };
        self.put(&header, |file| {
            batch_file::write(file, &header, &batch.resource, batch_file::spans_of(batch))
        })
    }

    /// The same for a batch that is larger than it should be in memory, with so many spans after the
    /// first one, which `spans` hands out again with them.
    pub fn push_each(
        &self,
        resource: &[Attribute],
        first: &Span,
        count: usize,
        spans: EachSpan<'_>,
        now: SystemTime,
    ) -> Result<usize, OutboxError> {
        let header = Header::new(first, count, now);
        self.put(&header, |file| batch_file::write_each(file, &header, resource, spans))
    }

    fn put(
        &self,
        header: &Header,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<usize, OutboxError> {
        let queued = self.on(&self.folder, folder::batches)?;
        if queued.iter().any(|(name, _)| name.id == header.span_id) {
            return Ok(0);
        }
        let file = self.on(&self.folder, |folder| private_files::NewFile::write(folder, write))?;
        let last = queued.last().map(|(name, _)| name.key);
        let key = last.map_or(header.created, |last| header.created.max(last.saturating_add(1)));
        let dropped = self.make_room(&self.folder, self.on(&self.folder, |_| file.size())?)?;
        let path = self.folder.join(BatchName { key, id: header.span_id.clone() }.to_string());
        self.on(&path, |path| file.put(path))?;
        self.count_dropped(dropped);
        if !BackoffState::load(&self.folder).is_held {
            // It need not wait for the time of batches at which the target failed.
            let _ = folder::remove(&self.folder.join("due"));
        }
        Ok(dropped)
    }

    /// Counts a batch that the target accepted without being queued.
    pub fn note_accepted(&self) {
        folder::count(&self.folder.join("accepted"), 1);
    }

    /// Counts a batch that the target was not to get.
    pub fn note_sampled_out(&self) {
        folder::count(&self.folder.join("sampled-out"), 1);
    }

    /// Counts batches whose metrics probably did not arrive.
    pub fn note_metrics_lost(&self, batches: usize) {
        folder::count(&self.folder.join("metrics-lost"), batches);
    }

    /// Takes out a batch about which its target has decided after it was queued; says whether it
    /// still waited, and was not delivered from here. If that fails, it is sent again.
    pub fn withdraw(&self, batch: &SpanBatch) -> bool {
        let id = batch.spans.first().map(|span| span.span_id.to_string());
        let queued = folder::batches(&self.folder).unwrap_or_default();
        let mut same = queued.iter().filter(|(name, _)| Some(&name.id) == id.as_ref());
        same.any(|(name, _)| self.remove(&self.folder, name).unwrap_or(false))
    }

    /// Queues dead letters again; says how many.
    pub fn requeue_dead_letters(&self) -> Result<usize, OutboxError> {
        self.adopt(&self.rejected_folder())
    }

    /// Takes over the batches of another folder, such as that of a target that has another name now; says
    /// how many batches that is.
    pub fn adopt(&self, other: &Path) -> Result<usize, OutboxError> {
        let batches = self.on(other, folder::batches)?;
        for (name, _) in &batches {
            let from = other.join(name.to_string());
            self.on(&from, |from| folder::rename(from, &self.folder.join(name.to_string())))?;
        }
        Ok(batches.len())
    }

    /// Copies the batches of another folder, each of which is sent as a whole; says how many they
    /// are. A batch that is here already is not copied again.
    pub fn copy_from(&self, other: &Path) -> Result<usize, OutboxError> {
        let batches = self.on(other, folder::batches)?;
        for (name, bytes) in &batches {
            let (from, to) = (other.join(name.to_string()), self.folder.join(name.to_string()));
            if !to.exists() {
                let dropped = self.make_room(&self.folder, *bytes)?;
                self.count_dropped(dropped);
                self.on(&from, |from| folder::copy_durably(from, &to))?;
            }
        }
        Ok(batches.len())
    }

    fn rejected_folder(&self) -> PathBuf {
        self.folder.join("rejected")
    }

    /// Gives up the oldest batches of a folder until this many bytes fit.
    fn make_room(&self, folder: &Path, bytes: u64) -> Result<usize, OutboxError> {
        let batches = self.on(folder, folder::batches)?;
        let mut total: u64 = bytes + batches.iter().map(|(_, bytes)| bytes).sum::<u64>();
        let mut dropped = 0;
        for (name, bytes) in batches {
            if total <= self.limits.max_bytes {
                break;
            }
            self.remove(folder, &name)?;
            total -= bytes;
            dropped += 1;
        }
        Ok(dropped)
    }

    /// Gives up the batches of a folder that are too old.
    fn expire(&self, folder: &Path, now: SystemTime) -> Result<usize, OutboxError> {
        let oldest = UnixNanos::from(now.checked_sub(self.limits.max_age).unwrap_or(now)).0;
        let mut batches = self.on(folder, folder::batches)?;
        batches.retain(|(name, _)| name.key < oldest);
        for (name, _) in &batches {
            self.remove(folder, name)?;
        }
        Ok(batches.len())
    }

    fn count_dropped(&self, dropped: usize) {
        folder::count(&self.folder.join("dropped"), dropped);
    }

    fn remove(&self, folder: &Path, name: &BatchName) -> Result<bool, OutboxError> {
        let was_there = self.on(&folder.join(name.to_string()), folder::remove)?;
        self.remove_progress(name);
        Ok(was_there)
    }

    /// Forgets which parts of a batch were accepted.
    fn remove_progress(&self, name: &BatchName) {
        // Without its batch it means nothing, and goes with what crashes leave.
        let _ = folder::remove(&progress::path(&self.folder, name));
    }

    /// Does something with a file or folder, which an error then names.
    fn on<T>(
        &self,
        path: &Path,
        act: impl FnOnce(&Path) -> io::Result<T>,
    ) -> Result<T, OutboxError> {
        act(path).map_err(|source| OutboxError { path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests;
