//! How far the files were read from which turns come.

use rusqlite::{Row, Transaction, params};

use crate::{QueryError, TraceStore};

/// How far a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceProgress {
    /// The file.
    pub path: String,
    /// The thread that it is of.
    pub thread_id: String,
    /// Its size when it was read, in bytes.
    pub size: u64,
    /// When it had been changed last, in nanoseconds since the Unix epoch.
    pub modified_ns: u64,
    /// Where reading goes on, in bytes.
    pub offset: u64,
    /// How many turns there were before that place, where it is known.
    pub turns: Option<u64>,
    /// The thread's cumulative token count there, where it has one.
    pub tokens: Option<u64>,
    /// What the text before that place is recognised by.
    pub mark: Vec<u8>,
    /// Whether a turn went on at its end.
    pub is_open: bool,
    /// Turns of other threads, which count there.
    pub copies: u64,
    /// Records that were not understood.
    pub unreadable: u64,
}

impl TraceStore {
    /// How far each file was read for records of turns.
    pub fn sources(&self) -> Result<Vec<SourceProgress>, QueryError> {
        self.sources_of("sources")
    }

    /// How far each file was read for spans.
    pub fn content_sources(&self) -> Result<Vec<SourceProgress>, QueryError> {
        self.sources_of("content_sources")
    }

    fn sources_of(&self, table: &str) -> Result<Vec<SourceProgress>, QueryError> {
        let all = || {
            let sql = format!("SELECT {COLUMNS} FROM {table}");
            let mut statement = self.connection.prepare(&sql)?;
            let rows = statement.query_map([], read)?;
            rows.collect::<rusqlite::Result<_>>()
        };
        all().map_err(|source| self.query_error(source))
    }
}

/// The columns that [`read`] takes, in its order.
pub(super) const COLUMNS: &str = "path, thread_id, size, modified_ns, offset, turns, tokens, mark, \
                                  is_open, copies, unreadable";

/// How far a file was read, from a row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<SourceProgress> {
    Ok(SourceProgress {
        path: row.get(0)?,
        thread_id: row.get(1)?,
        size: row.get(2)?,
        modified_ns: row.get(3)?,
        offset: row.get(4)?,
        turns: row.get(5)?,
        tokens: row.get(6)?,
        mark: row.get(7)?,
        is_open: row.get(8)?,
        copies: row.get(9)?,
        unreadable: row.get(10)?,
    })
}

/// Notes within a transaction how far files were read.
pub(super) fn save(
    transaction: &Transaction<'_>,
    table: &str,
    sources: &[SourceProgress],
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare(&format!(
        "INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ))?;
    for source in sources {
        statement.execute(params![
            source.path,
            source.thread_id,
            source.size,
            source.modified_ns,
            source.offset,
            source.turns,
            source.tokens,
            source.mark,
            source.is_open,
            source.copies,
            source.unreadable,
        ])?;
    }
    Ok(())
}
