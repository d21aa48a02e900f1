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

/// For what files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Records of turns.
    Numbers,
    /// Spans.
    Contents,
}

impl Pass {
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Numbers => "sources",
            Self::Contents => "content_sources",
        }
    }
}

/// As much of a [`SourceProgress`] as tells whether its file has anything new.
#[derive(Debug, Clone, Copy)]
pub struct SourceState<'r> {
    /// The file.
    pub path: &'r str,
    /// Its size when it was read, in bytes.
    pub size: u64,
    /// When it had been changed last, in nanoseconds since the Unix epoch.
    pub modified_ns: u64,
    /// Whether a turn went on at its end.
    pub is_open: bool,
}

impl TraceStore {
    /// How far each file was read.
    pub fn sources(&self, pass: Pass) -> Result<Vec<SourceProgress>, QueryError> {
        self.sources_that(pass, &mut |_| true)
    }

    /// How far those files were read that `is_asked` picks.
    pub fn sources_that(
        &self,
        pass: Pass,
        is_asked: &mut dyn FnMut(SourceState<'_>) -> bool,
    ) -> Result<Vec<SourceProgress>, QueryError> {
        let mut all = || {
            let sql = format!("SELECT {COLUMNS} FROM {}", pass.table());
            let mut statement = self.connection.prepare(&sql)?;
            let mut rows = statement.query([])?;
            let mut asked = Vec::new();
            while let Some(row) = rows.next()? {
                let state = SourceState {
                    path: row.get_ref(0)?.as_str()?,
                    size: row.get(2)?,
                    modified_ns: row.get(3)?,
                    is_open: row.get(8)?,
                };
                if is_asked(state) {
                    asked.push(read(row)?);
                }
            }
            Ok(asked)
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
