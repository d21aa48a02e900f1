//! The contract between those who have spans and those who deliver them.

use otlp_model::{MetricBatch, SpanBatch, TraceId};

#[cfg(doc)]
use crate::RequestSize;
use crate::{ExportError, Probe};

/// Delivers batches to one target.
///
/// What a caller may rely on:
///
/// - `Ok` means that the target has taken responsibility for every span of the batch. It does not
///   mean that the spans can be seen already: Phoenix stores them about 0.1 s later.
/// - After an error any part of the batch may have arrived. Sending the same batch again is safe,
///   because its ids are the same and targets keep one span per id.
/// - A batch that is too large for one request ([`RequestSize`]) becomes several. Each
///   ends within the timeout the exporter was made with, however the target behaves.
/// - A batch without spans is `Ok`, and the target is not disturbed.
/// - Nothing is printed beside what the target is for, and no error contains a credential.
///
/// A call blocks, and may run a runtime of its own: asynchronous code makes it on a thread for that.
pub trait Exporter: Send + Sync {
    /// Names the target for people and as the key of its queue: stable, no secrets.
    fn target(&self) -> &str;

    /// Delivers a batch.
    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError>;

    /// Delivers numbers about spans that the target has; says whether it takes numbers at all. Unlike
    /// spans they have no ids: sent twice, they count twice.
    fn export_metrics(&self, _batch: &MetricBatch) -> Result<bool, ExportError> {
        Ok(false)
    }

    /// Asks whether the target would take a batch from us. It is given nothing and keeps nothing; one
    /// that cannot be asked leaves the answer open.
    fn probe(&self) -> Result<Probe, ExportError> {
        Ok(Probe::default())
    }

    /// Counts the spans of a trace that the target shows; none where it cannot be asked.
    fn count_spans(&self, _trace: TraceId) -> Result<Option<usize>, ExportError> {
        Ok(None)
    }
}

/// What a target accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Spans in the batch, those included that the target had before.
    pub spans: usize,
}
