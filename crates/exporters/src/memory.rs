//! A target in memory, for the tests of those who make spans.

use std::sync::{Arc, Mutex, PoisonError};

use otlp_model::{MetricBatch, Span, SpanBatch};

use crate::{ExportError, Exporter, Receipt};

/// Keeps what it is given. Clones share one memory, so a test can keep one and give the other away.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    batches: Arc<Mutex<Vec<SpanBatch>>>,
    metrics: Arc<Mutex<Vec<MetricBatch>>>,
}

impl Memory {
    /// An empty memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// The batches that were exported, in their order; every one, also where span ids repeat.
    pub fn batches(&self) -> Vec<SpanBatch> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The metrics that were exported, in their order.
    pub fn metrics(&self) -> Vec<MetricBatch> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The spans of all batches, in their order.
    pub fn spans(&self) -> Vec<Span> {
        self.batches().into_iter().flat_map(|batch| batch.spans).collect()
    }
}

impl Exporter for Memory {
    fn target(&self) -> &str {
        "memory"
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        if !batch.spans.is_empty() {
            self.batches.lock().unwrap_or_else(PoisonError::into_inner).push(batch.clone());
        }
        Ok(Receipt { spans: batch.spans.len() })
    }

    fn export_metrics(&self, batch: &MetricBatch) -> Result<bool, ExportError> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).push(batch.clone());
        Ok(true)
    }
}
