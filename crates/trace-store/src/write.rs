//! Writing.

use otlp_model::{Span, SpanBatch, SpanId, SpanKind, names};
use rusqlite::{Statement, Transaction, TransactionBehavior};

use crate::packing::Packer;
use crate::{InsertError, TraceStore, row};

/// What a write changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inserted {
    /// Spans that were not there before.
    pub spans: usize,
}

impl TraceStore {
    /// Stores the spans of a batch, all or none, and returns when they are on the disk.
    ///
    /// A span id that is stored already keeps what it has, unless an import stored it. Of the resource
    /// only the project is kept.
    pub fn insert(&mut self, batch: &SpanBatch) -> Result<Inserted, InsertError> {
        let error = |source| InsertError { path: self.path.clone(), source };
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate);
        let written = transaction.and_then(|transaction| {
            let inserted = Writer::new(&transaction)?.insert(batch)?;
            transaction.commit()?;
            Ok(inserted)
        });
        written.map_err(error)
    }
}

/// The highest number that a row of spans ever had. Other tables know by it how far they have taken in
/// rows: none is used again, also where rows were dropped since.
const LAST_ROW: &str = "SELECT max(
    ifnull((SELECT max(rowid) FROM spans), 0),
    ifnull((SELECT upto FROM watermarks WHERE name = 'spans'), 0)
)";

/// Writes spans within a transaction.
pub(crate) struct Writer<'t> {
    insert: Statement<'t>,
    delete: Statement<'t>,
    has_span: Statement<'t>,
    note: Statement<'t>,
    forget: Statement<'t>,
    last: Statement<'t>,
    time: Statement<'t>,
    forget_time: Statement<'t>,
    packer: Packer,
}

impl<'t> Writer<'t> {
    pub(crate) fn new(transaction: &'t Transaction<'t>) -> rusqlite::Result<Self> {
        let packer =
            Packer::new().map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        Ok(Self {
            insert: transaction.prepare(row::INSERT)?,
            delete: transaction.prepare("DELETE FROM spans WHERE span_id = ?")?,
            has_span: transaction.prepare("SELECT 1 FROM spans WHERE span_id = ?")?,
            note: transaction.prepare("INSERT OR IGNORE INTO imported VALUES (?)")?,
            forget: transaction.prepare("DELETE FROM imported WHERE root = ?")?,
            last: transaction.prepare(LAST_ROW)?,
            time: transaction.prepare("INSERT INTO call_times VALUES (?, ?, ?, ?, ?, ?)")?,
            forget_time: transaction.prepare(
                "DELETE FROM call_times WHERE id = (SELECT rowid FROM spans WHERE span_id = ?)",
            )?,
            packer,
        })
    }

    /// Stores spans of live tracing. They know more than those of an import, and replace them.
    pub(crate) fn insert(&mut self, batch: &SpanBatch) -> rusqlite::Result<Inserted> {
        let mut replaces = false;
        for root in roots(batch) {
            replaces |= self.forget.execute([root.span_id.0])? > 0;
        }
        self.write(batch, replaces)
    }

    /// Stores the spans of a turn that were read from its transcript, unless live tracing stored it.
    pub(crate) fn insert_imported(&mut self, batch: &SpanBatch) -> rusqlite::Result<Inserted> {
        let mut replaces = false;
        for root in roots(batch) {
            let is_stored = self.has_span.exists([root.span_id.0])?;
            let is_ours = self.note.execute([root.span_id.0])? == 0;
            if is_stored && !is_ours {
                self.forget.execute([root.span_id.0])?;
                return Ok(Inserted::default());
            }
            replaces |= is_stored;
        }
        self.write(batch, replaces)
    }

    /// Whether there is a span with this id.
    pub(crate) fn has_span(&mut self, id: SpanId) -> rusqlite::Result<bool> {
        self.has_span.exists([id.0])
    }

    fn write(&mut self, batch: &SpanBatch, replaces: bool) -> rusqlite::Result<Inserted> {
        let project = row::project(&batch.resource);
        let mut number: i64 = self.last.query_row([], |row| row.get(0))?;
        let mut spans = 0;
        for span in &batch.spans {
            if replaces {
                self.forget_time.execute([span.span_id.0])?;
                self.delete.execute([span.span_id.0])?;
            }
            number += 1;
            let is_new = row::insert(&mut self.insert, &mut self.packer, number, span, project)?;
            if is_new > 0 && span.kind == SpanKind::Llm {
                self.time.execute(row::call_times(number, span))?;
            }
            spans += is_new;
        }
        Ok(Inserted { spans })
    }
}

/// The turns of a batch.
fn roots(batch: &SpanBatch) -> impl Iterator<Item = &Span> {
    batch.spans.iter().filter(|span| span.text(names::AGENT_NAME).is_some())
}
