//! What was used, for reports.

use std::collections::HashMap;

use rusqlite::{Row, params};

use super::record::read_sums;
use super::{Place, Quarter, Rate, Sums, ThreadName, TurnCounts};
use crate::{QueryError, TraceStore};

/// Quarter hours from one until before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuarterRange {
    /// The first one.
    pub since: Quarter,
    /// The one behind the last.
    pub until: Quarter,
}

impl QuarterRange {
    /// All times.
    pub const ALL: Self = Self { since: Quarter(i64::MIN), until: Quarter(i64::MAX) };
}

/// What the calls of a quarter hour used in one place at one rate; both are known by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallSum {
    /// When the calls ended.
    pub quarter: Quarter,
    /// Where.
    pub place: i64,
    /// At which rate.
    pub rate: i64,
    /// What they used.
    pub sums: Sums,
}

/// The turns that began in a quarter hour in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnSum {
    /// When they began.
    pub quarter: Quarter,
    /// Where.
    pub place: i64,
    /// How many, and how they ended.
    pub counts: TurnCounts,
}

/// What the calls of a thread used at one rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadSum {
    /// The thread.
    pub thread: i64,
    /// Where.
    pub place: i64,
    /// At which rate; none where turns are counted.
    pub rate: Option<i64>,
    /// What they used.
    pub sums: Sums,
    /// Turns that began.
    pub counts: TurnCounts,
}

impl TraceStore {
    /// Hands out what calls used, in the order of time.
    pub fn call_sums(
        &self,
        range: QuarterRange,
        mut take: impl FnMut(CallSum),
    ) -> Result<(), QueryError> {
        let sql = "SELECT quarter, place, rate, calls, input, cached, cache_write, output,
                       reasoning, cost
                   FROM call_sums WHERE quarter >= ? AND quarter < ? AND calls <> 0";
        self.each(sql, range, |row| {
            take(CallSum {
                quarter: Quarter(row.get(0)?),
                place: row.get(1)?,
                rate: row.get(2)?,
                sums: read_sums(row, 3)?,
            });
            Ok(())
        })
    }

    /// Hands out how many turns began, in the order of time.
    pub fn turn_sums(
        &self,
        range: QuarterRange,
        mut take: impl FnMut(TurnSum),
    ) -> Result<(), QueryError> {
        let sql = "SELECT quarter, place, turns, failed, interrupted, human_ms
                   FROM turn_sums WHERE quarter >= ? AND quarter < ? AND turns <> 0";
        self.each(sql, range, |row| {
            let counts =
                TurnCounts::from_values([row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?]);
            take(TurnSum { quarter: Quarter(row.get(0)?), place: row.get(1)?, counts });
            Ok(())
        })
    }

    /// Hands out what each thread used.
    pub fn thread_sums(
        &self,
        range: QuarterRange,
        mut take: impl FnMut(ThreadSum),
    ) -> Result<(), QueryError> {
        // Bounds of the turns' own times keep the calls of all others unread.
        let sql = "SELECT turns.thread, turns.place, calls.rate, count(*), sum(calls.input),
                       sum(calls.cached), sum(calls.cache_write), sum(calls.output),
                       sum(calls.reasoning), sum(calls.cost)
                   FROM turns JOIN calls ON calls.turn = turns.id
                   WHERE turns.end_ns >= ?1 AND turns.start_ns < ?2
                       AND calls.end_ms >= ?1 / 1000000 AND calls.end_ms < ?2 / 1000000
                   GROUP BY turns.thread, turns.place, calls.rate";
        let nanos =
            QuarterRange { since: Quarter(nanos(range.since)), until: Quarter(nanos(range.until)) };
        self.each(sql, nanos, |row| {
            take(ThreadSum {
                thread: row.get(0)?,
                place: row.get(1)?,
                rate: Some(row.get(2)?),
                sums: read_sums(row, 3)?,
                counts: TurnCounts::default(),
            });
            Ok(())
        })?;
        let sql = "SELECT thread, place, count(*), sum(status = 'failed'),
                       sum(status = 'interrupted'), ifnull(sum(human_ms), 0)
                   FROM turns WHERE start_ns >= ?1 AND start_ns < ?2 GROUP BY thread, place";
        self.each(sql, nanos, |row| {
            let counts =
                TurnCounts::from_values([row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?]);
            let (thread, place) = (row.get(0)?, row.get(1)?);
            take(ThreadSum { thread, place, rate: None, sums: Sums::default(), counts });
            Ok(())
        })
    }

    /// The places by their numbers.
    pub fn places(&self) -> Result<HashMap<i64, Place>, QueryError> {
        let sql = "SELECT id, project, repository, branch, folder, user, machine FROM places";
        self.table(sql, |row| {
            Ok(Place {
                project: row.get(1)?,
                repository: row.get(2)?,
                branch: row.get(3)?,
                folder: row.get(4)?,
                user: row.get(5)?,
                machine: row.get(6)?,
            })
        })
    }

    /// The rates by their numbers.
    pub fn rates(&self) -> Result<HashMap<i64, Rate>, QueryError> {
        self.table("SELECT id, model, tier, long_context, prices FROM rates", |row| {
            let prices: String = row.get(4)?;
            Ok(Rate {
                model: row.get(1)?,
                tier: row.get(2)?,
                long_context: row.get(3)?,
                prices: (!prices.is_empty()).then_some(prices),
            })
        })
    }

    /// The threads by their numbers.
    pub fn threads(&self) -> Result<HashMap<i64, ThreadName>, QueryError> {
        self.table("SELECT id, thread_id, session_id, parent_id FROM threads", |row| {
            Ok(ThreadName {
                thread_id: row.get(1)?,
                session_id: row.get(2)?,
                parent_id: row.get(3)?,
            })
        })
    }

    fn table<T>(
        &self,
        sql: &str,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<HashMap<i64, T>, QueryError> {
        let rows = || {
            let mut statement = self.connection.prepare(sql)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, read(row)?)))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        rows().map_err(|source| self.query_error(source))
    }

    fn each(
        &self,
        sql: &str,
        range: QuarterRange,
        mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), QueryError> {
        let mut read = || {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query(params![range.since.0, range.until.0])?;
            while let Some(row) = rows.next()? {
                take(row)?;
            }
            Ok(())
        };
        read().map_err(|source| self.query_error(source))
    }
}

/// When a quarter hour begins, in nanoseconds since the Unix epoch.
fn nanos(quarter: Quarter) -> i64 {
    quarter.begin().saturating_mul(1_000_000_000)
}
