//! What was spent since a time, in a session or by a turn: a few numbers each, for a decision that
//! cannot wait.

use otlp_model::{SpanId, UnixNanos};
use rusqlite::{Params, Row};

use super::{Quarter, SourceProgress, sources};
use crate::{QueryError, TraceStore};

/// What calls used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpentSums {
    /// Input and output tokens.
    pub tokens: u64,
    /// What the calls with a price cost, in trillionths of a US dollar.
    pub pico_usd: u64,
    /// Calls without a price.
    pub unpriced_calls: u64,
}

/// Whose turns count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// All turns.
    Everyones,
    /// Those in this project.
    Project(&'a str),
    /// Those in this repository.
    Repository(&'a str),
}

impl TraceStore {
    /// What was spent since the beginning of a quarter hour.
    pub fn spent_since(&self, since: Quarter, whose: Whose<'_>) -> Result<SpentSums, QueryError> {
        let (column, name) = match whose {
            Whose::Everyones => ("''", ""),
            Whose::Project(name) => ("places.project", name),
            Whose::Repository(name) => ("places.repository", name),
        };
        let sql = format!(
            "SELECT sum(s.input + s.output), sum(s.cost), sum(iif(rates.prices = '', s.calls, 0))
             FROM call_sums s JOIN places ON places.id = s.place JOIN rates ON rates.id = s.rate
             WHERE s.quarter >= ?1 AND {column} = ?2"
        );
        self.spent(&sql, (since.0, name))
    }

    /// What was spent in a session: a thread with its sub-agents.
    pub fn spent_in_session(&self, session_id: &str) -> Result<SpentSums, QueryError> {
        let sql = "SELECT sum(c.input + c.output), sum(c.cost), sum(rates.prices = '')
                   FROM threads JOIN turns ON turns.thread = threads.id
                       JOIN calls c ON c.turn = turns.id JOIN rates ON rates.id = c.rate
                   WHERE threads.session_id = ?1";
        self.spent(sql, [session_id])
    }

    /// What the sub-agents of a session spent in turns that had not ended before a time.
    pub fn spent_by_sub_agents(
        &self,
        session_id: &str,
        since: UnixNanos,
    ) -> Result<SpentSums, QueryError> {
        let sql = "SELECT sum(c.input + c.output), sum(c.cost), sum(rates.prices = '')
                   FROM threads JOIN turns ON turns.thread = threads.id
                       JOIN calls c ON c.turn = turns.id JOIN rates ON rates.id = c.rate
                   WHERE threads.session_id = ?1 AND threads.thread_id <> ?1
                       AND turns.end_ns >= ?2";
        self.spent(sql, (session_id, i64::try_from(since.0).unwrap_or(i64::MAX)))
    }

    /// What is stored of a turn.
    pub fn spent_by_turn(&self, span_id: SpanId) -> Result<SpentSums, QueryError> {
        let sql = "SELECT sum(c.input + c.output), sum(c.cost), sum(rates.prices = '')
                   FROM turns JOIN calls c ON c.turn = turns.id JOIN rates ON rates.id = c.rate
                   WHERE turns.span_id = ?1";
        self.spent(sql, [span_id.0])
    }

    /// The session of a thread, where the thread is known.
    pub fn session_of(&self, thread_id: &str) -> Result<Option<String>, QueryError> {
        let sql = "SELECT session_id FROM threads WHERE thread_id = ?1";
        self.first(sql, [thread_id], |row| row.get(0))
    }

    /// How far a file was read.
    pub fn source(&self, path: &str) -> Result<Option<SourceProgress>, QueryError> {
        let sql = format!("SELECT {} FROM sources WHERE path = ?1", sources::COLUMNS);
        self.first(&sql, [path], sources::read)
    }

    fn spent(&self, sql: &str, parameters: impl Params) -> Result<SpentSums, QueryError> {
        let read = |row: &Row<'_>| {
            let number = |column| -> rusqlite::Result<u64> {
                let sum: Option<i64> = row.get(column)?;
                Ok(u64::try_from(sum.unwrap_or(0)).unwrap_or(0))
            };
            Ok(SpentSums { tokens: number(0)?, pico_usd: number(1)?, unpriced_calls: number(2)? })
        };
        Ok(self.first(sql, parameters, read)?.unwrap_or_default())
    }

    fn first<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, QueryError> {
        let first = || {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query(parameters)?;
            rows.next()?.map(read).transpose()
        };
        first().map_err(|source| self.query_error(source))
    }
}
