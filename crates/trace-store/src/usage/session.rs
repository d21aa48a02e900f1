//! What happened to the context of a session: the size of each request, and where it was shortened.

use otlp_model::{TraceId, UnixNanos};
use rusqlite::params;

use crate::{QueryError, TraceStore};

/// A model call of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCall {
    /// The thread that made it.
    pub thread_id: String,
    /// The trace that it is in.
    pub trace_id: TraceId,
    /// When it ended.
    pub end: UnixNanos,
    /// The model; empty where it is not known.
    pub model: String,
    /// The tokens of the request, which are the context.
    pub input: u64,
}

impl TraceStore {
    /// The last calls of a session, up to so many, in the order of time.
    pub fn session_calls(
        &self,
        session: &str,
        limit: usize,
    ) -> Result<Vec<SessionCall>, QueryError> {
        let read = || -> rusqlite::Result<Vec<SessionCall>> {
            let mut statement = self.connection.prepare(
                "SELECT thread_id, trace_id, end_ms, model, calls.input
                 FROM threads JOIN turns ON turns.thread = threads.id
                     JOIN calls ON calls.turn = turns.id JOIN rates ON rates.id = calls.rate
                 WHERE session_id = ? ORDER BY end_ms DESC, turns.id DESC, nth DESC LIMIT ?",
            )?;
            let calls = statement.query_map(params![session, limit as u64], |row| {
                Ok(SessionCall {
                    thread_id: row.get(0)?,
                    trace_id: TraceId(row.get(1)?),
                    end: UnixNanos::from_millis(row.get(2)?),
                    model: row.get(3)?,
                    input: row.get(4)?,
                })
            })?;
            let mut calls: Vec<_> = calls.collect::<rusqlite::Result<_>>()?;
            calls.reverse();
            Ok(calls)
        };
        read().map_err(|source| self.query_error(source))
    }

    /// When the context of a session was shortened, in the order of time, as far as its spans are stored.
    pub fn session_compactions(&self, session: &str) -> Result<Vec<UnixNanos>, QueryError> {
        let read = || -> rusqlite::Result<Vec<UnixNanos>> {
            let mut statement = self.connection.prepare(
                "SELECT end_ns FROM spans WHERE kind = 'CHAIN' AND name = 'compaction'
                 AND trace_id IN (SELECT trace_id FROM turns JOIN threads ON threads.id = turns.thread
                                  WHERE session_id = ?)
                 ORDER BY end_ns",
            )?;
            statement.query_map([session], |row| row.get(0).map(UnixNanos))?.collect()
        };
        read().map_err(|source| self.query_error(source))
    }
}
