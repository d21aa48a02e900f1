//! Writing.

use otlp_model::SpanBatch;
use rusqlite::{Transaction, TransactionBehavior};

use crate::{InsertError, TraceStore, row};

/// What a write changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inserted {
    /// Spans that were not there before.
    pub spans: usize,
}

impl TraceStore {
    /// Stores the spans of a batch, all or none, and returns when they are on the disk.
    ///
    /// A span id that is stored already keeps what it has. Of the resource only the project is kept.
    pub fn insert(&mut self, batch: &SpanBatch) -> Result<Inserted, InsertError> {
        self.write(batch).map_err(|source| InsertError { path: self.path.clone(), source })
    }

    fn write(&mut self, batch: &SpanBatch) -> rusqlite::Result<Inserted> {
        let project = row::project(&batch.resource);
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
        let mut spans = 0;
        {
            let mut statement = transaction.prepare(row::INSERT)?;
            for span in &batch.spans {
                spans += row::insert(&mut statement, span, project)?;
            }
        }
        transaction.commit()?;
        Ok(Inserted { spans })
    }
}
