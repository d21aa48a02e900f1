//! Sending a batch, request by request.

use std::io::{self, ErrorKind};
use std::time::Duration;

use super::backoff_state::Failure;
use super::batch_file::{Header, ReadError};
use super::flush::Flush;
use super::flushed::{DeadLetter, Stopped};
use super::folder::{self, BatchName};
use super::parts::{self, OpenBatch, Part};
use super::progress::{Refused, Settled};
use super::{BatchState, OutboxError};
use exporters::RetryClass;

/// After failing at one span this often, and taking others, a target gets no more of it.
pub(super) const PATIENCE: u32 = 5;

/// What came of sending a part of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartResult {
    /// The target has decided about it.
    Settled,
    /// Nothing of the batch is left.
    Done,
    /// The target failed, or the time was over.
    Failed,
}

impl Flush<'_> {
    /// Opens a batch; none where it is gone, or damaged and now a dead letter.
    pub(super) fn open(&mut self, name: &BatchName) -> Result<Option<OpenBatch>, OutboxError> {
        match OpenBatch::open(&self.outbox.folder, name) {
            Ok(open) => Ok(Some(open)),
            Err(error) => self.dead_letter_damaged(name, error).map(|()| None),
        }
    }

    fn dead_letter_damaged(
        &mut self,
        name: &BatchName,
        error: ReadError,
    ) -> Result<(), OutboxError> {
        let path = self.outbox.folder.join(name.to_string());
        if let ReadError::Io(source) = error {
            return match source.kind() {
                ErrorKind::NotFound => Ok(()),
                _ => Err(OutboxError { path, source }),
            };
        }
        let aside = self.outbox.rejected_folder().join(name.to_string());
        self.outbox.on(&path, |path| folder::rename(path, &aside))?;
        self.outbox.remove_progress(name);
        let dead_letter =
            DeadLetter { trace_id: String::new(), spans: 0, answer: error.to_string() };
        self.flushed.dead_letters.push(dead_letter);
        Ok(())
    }

    /// Sends a batch until nothing of it is left; says whether that is so.
    pub(super) fn send_whole(&mut self, name: &BatchName) -> Result<bool, OutboxError> {
        if self.time_is_over() {
            return Ok(false);
        }
        let Some(mut open) = self.open(name)? else { return Ok(true) };
        loop {
            match self.send_part(&mut open)? {
                PartResult::Settled => {}
                PartResult::Done => return Ok(true),
                PartResult::Failed => return Ok(false),
            }
        }
    }

    pub(super) fn send_part_of(&mut self, name: &BatchName) -> Result<(), OutboxError> {
        if self.time_is_over() {
            return Ok(());
        }
        let kept = self.open.take().filter(|open| open.name == *name);
        let open = match kept {
            Some(open) => Some(open),
            None => self.open(name)?,
        };
        let Some(mut open) = open else { return Ok(()) };
        if self.send_part(&mut open)? == PartResult::Settled {
            self.open = Some(open);
        }
        Ok(())
    }

    /// Sends the next part of a batch, or a smaller one where the target finds it too large.
    fn send_part(&mut self, open: &mut OpenBatch) -> Result<PartResult, OutboxError> {
        let mut suspect = None;
        loop {
            if self.time_is_over() {
                return Ok(PartResult::Failed);
            }
            let part = match open.next_part(self.part_bytes(open)) {
                Ok(Some(part)) => part,
                Ok(None) if suspect.is_some() => return Ok(PartResult::Failed),
                Ok(None) => return self.done(open),
                Err(error) => {
                    self.dead_letter_damaged(&open.name, error)?;
                    return Ok(PartResult::Done);
                }
            };
            let begun = (self.attempt.clock)();
            let Err(error) = self.exporter.export(&part.batch) else {
                let took = (self.attempt.clock)().saturating_duration_since(begun);
                self.accepted(open, &part, took, suspect);
                return self.settled(open);
            };
            let class = match error.retry_class() {
                // One span alone cannot be split.
                RetryClass::Split if part.batch.spans.len() == 1 => RetryClass::DeadLetter,
                class => class,
            };
            match BatchState::after_failure(class) {
                BatchState::Queued => {
                    open.ceiling = part.bytes / 2;
                    open.put_back(part);
                }
                BatchState::DeadLetter => {
                    self.settle(open, part.refused(error.display_chain(), 1));
                    return match suspect {
                        None => self.settled(open),
                        Some(_) => Ok(PartResult::Failed),
                    };
                }
                // Whether it takes the next one is not known either.
                _ if suspect.is_some() => return Ok(PartResult::Failed),
                _ => match self.failed(open, &part, class, error.display_chain()) {
                    Some(refused) if self.takes_others(open) => {
                        self.settle(open, refused);
                        self.forget(&open.name);
                        return self.settled(open);
                    }
                    // The next part shows whether it is this one.
                    Some(refused) => suspect = Some(refused),
                    None => return Ok(PartResult::Failed),
                },
            }
        }
    }

    /// How large a request with a part of this batch may be.
    fn part_bytes(&self, open: &OpenBatch) -> u64 {
        let known = self.backoff.trouble(&open.name.to_string()).map(|trouble| trouble.bytes);
        known.unwrap_or(u64::MAX).clamp(1, self.outbox.part_bytes)
    }

    /// Notes that the target took a part, and then did not take the one before it, if there is one.
    fn accepted(
        &mut self,
        open: &mut OpenBatch,
        part: &Part,
        took: Duration,
        suspect: Option<Settled>,
    ) {
        self.settle(open, part.accepted());
        self.backoff.accepted_part(&open.name.to_string(), took);
        if let Some(refused) = suspect {
            self.settle(open, refused);
            self.forget(&open.name);
        }
    }

    /// Goes on after the target has decided about a part.
    fn settled(&mut self, open: &OpenBatch) -> Result<PartResult, OutboxError> {
        match open.progress.spans() >= open.header.spans {
            true => self.done(open),
            false => Ok(PartResult::Settled),
        }
    }

    /// Notes what the target has decided about a part.
    fn settle(&mut self, open: &mut OpenBatch, settled: Settled) {
        let is_all = settled.from == 0 && settled.to >= open.header.spans;
        match is_all {
            // The file of the batch is removed next, which says the same.
            true => open.progress.add(settled),
            false => open.progress.note(&self.outbox.folder, &open.name, settled),
        }
    }

    /// The target failed at a part. Gives what is to be noted if the part is to blame.
    fn failed(
        &mut self,
        open: &OpenBatch,
        part: &Part,
        class: RetryClass,
        answer: String,
    ) -> Option<Settled> {
        let batch = open.name.to_string();
        let now = self.attempt.now + (self.attempt.clock)().saturating_duration_since(self.begun);
        let failure = Failure {
            batch: batch.clone(),
            trace: &open.header.trace_id,
            at: part.from(),
            bytes: part.bytes,
            class,
            answer: answer.clone(),
        };
        self.backoff.failed_at(failure, now, self.attempt.jitter);
        if self.backoff.is_held {
            self.flushed.stopped = Some(Stopped::Refused(answer));
            return None;
        }
        self.failed.insert(open.name.clone(), answer.clone());
        let failures = self.backoff.trouble(&batch)?.failures;
        (part.batch.spans.len() == 1 && failures >= PATIENCE)
            .then(|| part.refused(answer, failures))
    }

    /// Whether the target took others while it failed at this batch.
    fn takes_others(&self, open: &OpenBatch) -> bool {
        let trouble = self.backoff.trouble(&open.name.to_string());
        trouble.is_some_and(|trouble| trouble.takes_others)
    }

    /// Nothing of a batch is left to be sent: what the target rejected of it becomes a dead letter, and
    /// it waits no longer.
    fn done(&mut self, open: &OpenBatch) -> Result<PartResult, OutboxError> {
        let OpenBatch { name, progress, .. } = open;
        let refused = progress.refused();
        let is_accepted = progress.spans() > refused.map_or(0, |refused| refused.spans);
        if let Some(refused) = refused
            && let Err(error) = self.dead_letter(open, refused)?
        {
            self.dead_letter_damaged(name, error)?;
            return Ok(PartResult::Done);
        }
        let folder = &self.outbox.folder;
        let measured = (is_accepted && self.on_accepted.is_some())
            .then(|| parts::measured_of_accepted(folder, name, progress).ok())
            .flatten();
        let waited = self.outbox.remove(folder, name)?;
        self.forget(name);
        // Else another process removed it, and counted it as accepted.
        if is_accepted && waited {
            if let (Some(on_accepted), Some(measured)) = (&mut self.on_accepted, measured) {
                on_accepted(measured);
            }
            self.outbox.note_accepted();
            self.flushed.accepted += 1;
        }
        Ok(PartResult::Done)
    }

    /// Writes what a target rejected of a batch to the dead letters.
    fn dead_letter(
        &mut self,
        open: &OpenBatch,
        refused: Refused<'_>,
    ) -> Result<Result<(), ReadError>, OutboxError> {
        let (outbox, OpenBatch { name, progress, header, .. }) = (self.outbox, open);
        let span_id = match parts::span_id(&outbox.folder, name, refused.first) {
            Ok(span_id) => span_id,
            Err(error) => return Ok(Err(error)),
        };
        let Refused { spans, answer, attempts, .. } = refused;
        let header = Header {
            spans,
            span_id,
            attempts: header.attempts + attempts,
            answer: Some(answer.to_owned()),
            ..header.clone()
        };
        let (trace_id, answer) = (header.trace_id.clone(), answer.to_owned());
        outbox.reject(name.key, &header, self.attempt.now, |file| {
            parts::write_refused(&outbox.folder, name, progress, &header, file)
                .map_err(io::Error::other)
        })?;
        self.flushed.dead_letters.push(DeadLetter { trace_id, spans, answer });
        Ok(Ok(()))
    }

    fn forget(&mut self, name: &BatchName) {
        self.backoff.forget(&name.to_string());
        self.failed.remove(name);
    }

    fn time_is_over(&mut self) -> bool {
        let is_over = (self.attempt.clock)() >= self.attempt.until;
        if is_over {
            self.flushed.stopped = Some(Stopped::NoTime);
        }
        is_over
    }
}
