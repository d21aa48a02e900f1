//! A batch that its target has just refused when it was sent directly.

use std::fs::File;
use std::io;
use std::time::SystemTime;

use otlp_model::SpanBatch;

use super::backoff_state::{BackoffState, Failure};
use super::batch_file::{self, Header};
use super::folder::{self, BatchName};
use super::{Attempt, BatchState, Outbox, OutboxError};
use exporters::ExportError;

impl Outbox {
    /// Notes that the target has just refused a batch that is queued already.
    pub fn note_refusal(&self, batch: &SpanBatch, error: &ExportError, attempt: &Attempt<'_>) {
        let class = error.retry_class();
        let Some(header) = Header::of(batch, attempt.now)
            .filter(|_| BatchState::after_failure(class) != BatchState::Queued)
        else {
            return;
        };
        let queued = folder::batches(&self.folder).unwrap_or_default();
        let Some((name, _)) = queued.into_iter().find(|(name, _)| name.id == header.span_id) else {
            return;
        };
        // Another process that has the lock is about to find out, too. If this cannot be noted, the next
        // attempt comes too early.
        if let Ok(Some(_lock)) = folder::lock(&self.folder.join("lock")) {
            let mut backoff = BackoffState::load(&self.folder);
            backoff.fingerprint = attempt.fingerprint;
            let failure = Failure {
                batch: name.to_string(),
                trace: &header.trace_id,
                at: 0,
                bytes: u64::MAX,
                class,
                answer: error.display_chain(),
            };
            backoff.failed_at(failure, attempt.now, attempt.jitter);
            backoff.save(&self.folder);
        }
    }

    /// Puts a batch into the queue, or among the dead letters, that the target has just refused; gives
    /// its state, and how many old batches had to be dropped for it.
    pub fn requeue(
        &self,
        batch: &SpanBatch,
        error: &ExportError,
        attempt: &Attempt<'_>,
    ) -> Result<(BatchState, usize), OutboxError> {
        let state = BatchState::after_failure(error.retry_class());
        let header = Header::of(batch, attempt.now);
        let Some(header) = header.filter(|_| state == BatchState::DeadLetter) else {
            let dropped = self.push(batch, attempt.now)?;
            self.note_refusal(batch, error, attempt);
            return Ok((state, dropped));
        };
        let header = Header { attempts: 1, answer: Some(error.display_chain()), ..header };
        self.reject(header.created, &header, attempt.now, |file| {
            batch_file::write(file, &header, &batch.resource, batch_file::spans_of(batch))
        })?;
        Ok((state, 0))
    }

    /// Writes a batch to the dead letters.
    pub(super) fn reject(
        &self,
        key: u64,
        header: &Header,
        now: SystemTime,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), OutboxError> {
        let folder = self.rejected_folder();
        let file = self.on(&folder, |folder| private_files::NewFile::write(folder, write))?;
        let bytes = self.on(&folder, |_| file.size())?;
        let dropped = self.expire(&folder, now)? + self.make_room(&folder, bytes)?;
        let path = folder.join(BatchName { key, id: header.span_id.clone() }.to_string());
        self.on(&path, |path| file.put(path))?;
        self.count_dropped(dropped);
        Ok(())
    }
}
