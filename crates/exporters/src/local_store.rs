//! The local store as a target: everything works without a server.

use std::path::PathBuf;

use otlp_model::{SpanBatch, TraceId};
use trace_store::TraceStore;

use crate::{ExportError, Exporter, Probe, Receipt};

/// Delivers into a [`TraceStore`] file, which is made when the first batch arrives.
///
/// The file is open only during a delivery: a program that waits for the next turn holds nothing.
#[derive(Debug, Clone)]
pub struct LocalStore {
    path: PathBuf,
    target: String,
}

impl LocalStore {
    /// Prepares deliveries into this file; does not touch it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let target = format!("local {}", path.display());
        Self { path, target }
    }
}

impl Exporter for LocalStore {
    fn target(&self) -> &str {
        &self.target
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        if !batch.spans.is_empty() {
            TraceStore::open(&self.path)?.insert(batch)?;
        }
        Ok(Receipt { spans: batch.spans.len() })
    }

    /// A store that is not there yet is made with the first batch.
    fn probe(&self) -> Result<Probe, ExportError> {
        if self.path.exists() {
            TraceStore::open(&self.path)?;
        }
        Ok(Probe { accepts: true, ..Probe::default() })
    }

    fn count_spans(&self, trace: TraceId) -> Result<Option<usize>, ExportError> {
        Ok(Some(TraceStore::open_read_only(&self.path)?.trace(trace)?.len()))
    }
}
