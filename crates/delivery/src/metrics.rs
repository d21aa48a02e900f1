//! Metrics of turns, queued for a target that took none for the moment.
//!
//! They are kept as the measured part of their spans, in an outbox inside the target's. Spans have ids that
//! make a repetition harmless, numbers do not. So a file is gone before its numbers are sent, and
//! comes back only where the target has certainly taken nothing; a crash in between loses them.

use otlp_model::{SpanBatch, metrics_of};

use super::flushed::{Flushed, Stopped};
use super::{Attempt, Outbox, OutboxError, When, batch_file, folder};
use exporters::Exporter;

impl Outbox {
    /// The outbox for numbers inside this one: what is put there is sent by
    /// [`flush_metrics`](Self::flush_metrics) only.
    pub fn metrics(&self) -> Self {
        Self::new(self.folder.join("metrics"), self.limits)
    }

    /// Claims the metrics of a batch before they are sent, or queued here, for the first time; says
    /// whether they were not claimed before. A turn may be sent again, its metrics may not.
    pub fn claim(&self, batch: &SpanBatch) -> Result<bool, OutboxError> {
        let Some(first) = batch.spans.first() else { return Ok(false) };
        let id = first.span_id.to_string();
        self.on(&self.folder.join("claimed"), |path| folder::note_once(path, &id))
    }

    /// Sends the queued metrics, the oldest first, until none is left or the target refuses. Metrics that
    /// it may have taken are not queued again, and count as dropped.
    pub fn flush_metrics(
        &self,
        exporter: &dyn Exporter,
        attempt: &Attempt<'_>,
        when: When,
    ) -> Result<Flushed, OutboxError> {
        self.when_due(attempt, when, |mut backoff| {
            folder::remove_leftovers(&self.folder, attempt.now);
            let (begun, mut flushed) = ((attempt.clock)(), Flushed::default());
            for (name, _) in self.on(&self.folder, folder::batches)? {
                if (attempt.clock)() >= attempt.until {
                    flushed.stopped = Some(Stopped::NoTime);
                    break;
                }
                let path = self.folder.join(name.to_string());
                let Some(bytes) = self.on(&path, folder::take)? else { continue };
                let batch = batch_file::decode(&bytes).map(|(_, batch)| batch);
                let Some(metrics) = batch.ok().as_ref().and_then(metrics_of) else {
                    flushed.dropped += 1;
                    continue;
                };
                let Err(error) = exporter.export_metrics(&metrics) else {
                    flushed.accepted += 1;
                    backoff.accepted();
                    continue;
                };
                let waits = error.is_safe_to_repeat()
                    && private_files::write_durably(&path, &bytes).is_ok();
                flushed.dropped += usize::from(!waits);
                let now = attempt.now + (attempt.clock)().saturating_duration_since(begun);
                backoff.failed(error.retry_class(), error.display_chain(), now, attempt.jitter);
                flushed.stopped = Some(Stopped::Refused(error.display_chain()));
                flushed.dropped += self.expire(&self.folder, attempt.now)?;
                break;
            }
            self.count_dropped(flushed.dropped);
            backoff.fingerprint = attempt.fingerprint;
            backoff.save(&self.folder);
            flushed.queued = self.on(&self.folder, folder::batches)?.len();
            Ok(flushed)
        })
    }

    /// Drops all batches.
    pub fn give_up(&self) -> Result<usize, OutboxError> {
        let batches = self.on(&self.folder, folder::batches)?;
        for (name, _) in &batches {
            self.remove(&self.folder, name)?;
        }
        self.count_dropped(batches.len());
        Ok(batches.len())
    }
}
