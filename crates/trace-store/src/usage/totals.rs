//! What was used in all, for metrics: counts that only grow.

use super::record::read_sums;
use super::{Sums, TurnCounts};
use crate::{QueryError, TraceStore};

/// How often a tool was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSum {
    /// The project.
    pub project: String,
    /// The tool.
    pub tool: String,
    /// Whether these calls failed.
    pub has_failed: bool,
    /// How many there were.
    pub calls: u64,
    /// How long they took, in milliseconds.
    pub millis: u64,
}

impl TraceStore {
    /// What all calls used, by place and rate.
    pub fn place_sums(&self) -> Result<Vec<(i64, i64, Sums)>, QueryError> {
        let sql = "SELECT place, rate, sum(calls), sum(input), sum(cached), sum(cache_write),
                       sum(output), sum(reasoning), sum(cost)
                   FROM thread_sums GROUP BY place, rate";
        self.rows(sql, |row| Ok((row.get(0)?, row.get(1)?, read_sums(row, 2)?)))
    }

    /// All turns, by place.
    pub fn place_turns(&self) -> Result<Vec<(i64, TurnCounts)>, QueryError> {
        let sql = "SELECT place, sum(turns), sum(failed), sum(interrupted), sum(human_ms)
                   FROM thread_turns GROUP BY place";
        self.rows(sql, |row| {
            let counts = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
            Ok((row.get(0)?, TurnCounts::from_values(counts)))
        })
    }

    /// All calls of tools.
    pub fn tool_sums(&self) -> Result<Vec<ToolSum>, QueryError> {
        let sql = "SELECT project, tool, failed, calls, max(millis, 0) FROM tool_sums
                   WHERE calls > 0 ORDER BY project, tool, failed";
        self.rows(sql, |row| {
            Ok(ToolSum {
                project: row.get(0)?,
                tool: row.get(1)?,
                has_failed: row.get(2)?,
                calls: row.get(3)?,
                millis: row.get(4)?,
            })
        })
    }

    /// When the last turn began, in seconds since the Unix epoch; none where there is none.
    pub fn last_turn(&self) -> Result<Option<i64>, QueryError> {
        let sql = "SELECT max(start_ns) / 1000000000 FROM turns";
        Ok(self.rows(sql, |row| row.get(0))?.into_iter().next().flatten())
    }

    fn rows<T>(
        &self,
        sql: &str,
        read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, QueryError> {
        let rows = || {
            let mut statement = self.connection.prepare(sql)?;
            let rows = statement.query_map([], |row| read(row))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        rows().map_err(|source| self.query_error(source))
    }
}
