//! What was used, for reports.

use std::collections::HashMap;

use rusqlite::{Row, params};

use super::record::read_sums;
use super::{PicoUsd, Place, Quarter, Rate, Sums, Tags, ThreadName, TurnCounts, UnitPrices};
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

/// What calls of a thread used in one place at one rate; there may be several of the same.
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

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRow {
    /// Its thread.
    pub thread: i64,
    /// Where.
    pub place: i64,
    /// At which rate.
    pub rate: i64,
    /// When it ended, in milliseconds since the Unix epoch.
    pub end_ms: i64,
    /// What it used.
    pub sums: Sums,
}

impl CallRow {
    /// The quarter hour in which it ended.
    pub fn quarter(&self) -> Quarter {
        Quarter::of_seconds(self.end_ms / 1000)
    }
}

/// The beginning of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnStart {
    /// When.
    pub quarter: Quarter,
    /// Its thread.
    pub thread: i64,
    /// Where.
    pub place: i64,
    /// One turn, and how it ended.
    pub counts: TurnCounts,
}

impl TraceStore {
    /// Hands out each call. Sums are many times faster.
    pub fn calls(
        &self,
        range: QuarterRange,
        mut take: impl FnMut(CallRow),
    ) -> Result<(), QueryError> {
        self.each(sql::CALLS, range, |row| {
            take(CallRow {
                thread: row.get(0)?,
                place: row.get(1)?,
                rate: row.get(2)?,
                sums: read_sums(row, 3)?,
                end_ms: row.get(10)?,
            });
            Ok(())
        })
    }

    /// Hands out where each turn began.
    pub fn turn_starts(
        &self,
        range: QuarterRange,
        mut take: impl FnMut(TurnStart),
    ) -> Result<(), QueryError> {
        self.each(sql::TURNS, range, |row| {
            let values = [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
            take(TurnStart {
                quarter: Quarter(row.get(0)?),
                thread: row.get(1)?,
                place: row.get(2)?,
                counts: TurnCounts::from_values(values),
            });
            Ok(())
        })
    }

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
        // Threads that lie in the range have sums of their own; of those that reach beyond it, turns and
        // calls are read.
        let calls = |row: &Row<'_>| {
            Ok(ThreadSum {
                thread: row.get(0)?,
                place: row.get(1)?,
                rate: Some(row.get(2)?),
                sums: read_sums(row, 3)?,
                counts: TurnCounts::default(),
            })
        };
        let turns = |row: &Row<'_>| {
            let counts =
                TurnCounts::from_values([row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?]);
            let (thread, place) = (row.get(0)?, row.get(1)?);
            Ok(ThreadSum { thread, place, rate: None, sums: Sums::default(), counts })
        };
        for sql in [sql::THREADS_CALLS, sql::CALLS_OF_THREADS] {
            self.each(sql, range, |row| calls(row).map(&mut take))?;
        }
        for sql in [sql::THREADS_TURNS, sql::TURNS_OF_THREADS] {
            self.each(sql, range, |row| turns(row).map(&mut take))?;
        }
        Ok(())
    }

    /// The places by their numbers.
    pub fn places(&self) -> Result<HashMap<i64, Place>, QueryError> {
        let sql = "SELECT id, project, repository, branch, folder, user, machine, tags FROM places";
        self.table(sql, |row| place(row, 1))
    }

    /// The rates by their numbers.
    pub fn rates(&self) -> Result<HashMap<i64, Rate>, QueryError> {
        let sql = "SELECT id, model, tier, long_context, prices, input, cached, cache_write, output
                   FROM rates";
        self.table(sql, |row| {
            let prices: String = row.get(4)?;
            let unit = |column| row.get(column).map(PicoUsd);
            Ok(Rate {
                model: row.get(1)?,
                tier: row.get(2)?,
                long_context: row.get(3)?,
                prices: (!prices.is_empty()).then_some(prices),
                units: UnitPrices {
                    input: unit(5)?,
                    cached_input: unit(6)?,
                    cache_write: unit(7)?,
                    output: unit(8)?,
                },
            })
        })
    }

    /// The threads that may have been at work in a range of time, by their numbers.
    pub fn threads(&self, range: QuarterRange) -> Result<HashMap<i64, ThreadName>, QueryError> {
        let sql = "SELECT id, thread_id, session_id, parent_id FROM threads
                   WHERE first_quarter < ?2 AND last_quarter >= ?1";
        let mut threads = HashMap::new();
        self.each(sql, range, |row| {
            let (thread_id, session_id) = (row.get(1)?, row.get(2)?);
            let thread = ThreadName { thread_id, session_id, parent_id: row.get(3)? };
            threads.insert(row.get(0)?, thread);
            Ok(())
        })?;
        Ok(threads)
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

/// The place in a row from a column on.
pub(super) fn place(row: &Row<'_>, from: usize) -> rusqlite::Result<Place> {
    Ok(Place {
        project: row.get(from)?,
        repository: row.get(from + 1)?,
        branch: row.get(from + 2)?,
        folder: row.get(from + 3)?,
        user: row.get(from + 4)?,
        machine: row.get(from + 5)?,
        tags: Tags::of_text(row.get_ref(from + 6)?.as_str()?),
    })
}

/// What is in quarter hours from `?1` until before `?2`.
mod sql {
    pub(super) const CALLS: &str = "
        SELECT turns.thread, turns.place, calls.rate, 1, calls.input, calls.cached,
            calls.cache_write, calls.output, calls.reasoning, calls.cost, calls.end_ms
        FROM threads CROSS JOIN turns ON turns.thread = threads.id
            CROSS JOIN calls ON calls.turn = turns.id
        WHERE first_quarter < ?2 AND last_quarter >= ?1
            AND calls.end_ms / 900000 >= ?1 AND calls.end_ms / 900000 < ?2";

    pub(super) const TURNS: &str = "
        SELECT start_ns / 900000000000, thread, place, 1, status = 'failed',
            status = 'interrupted', ifnull(human_ms, 0)
        FROM threads CROSS JOIN turns ON turns.thread = threads.id
        WHERE first_quarter < ?2 AND last_quarter >= ?1
            AND start_ns / 900000000000 >= ?1 AND start_ns / 900000000000 < ?2";

    pub(super) const THREADS_CALLS: &str = "
        SELECT sums.thread, place, rate, calls, input, cached, cache_write, output, reasoning, cost
        FROM threads CROSS JOIN thread_sums AS sums ON sums.thread = threads.id
        WHERE first_quarter >= ?1 AND last_quarter < ?2 AND calls <> 0";

    pub(super) const THREADS_TURNS: &str = "
        SELECT counts.thread, place, turns, failed, interrupted, human_ms
        FROM threads CROSS JOIN thread_turns AS counts ON counts.thread = threads.id
        WHERE first_quarter >= ?1 AND last_quarter < ?2 AND turns <> 0";

    pub(super) const CALLS_OF_THREADS: &str = "
        SELECT turns.thread, turns.place, calls.rate, count(*), sum(calls.input),
            sum(calls.cached), sum(calls.cache_write), sum(calls.output), sum(calls.reasoning),
            sum(calls.cost)
        FROM threads CROSS JOIN turns ON turns.thread = threads.id
            CROSS JOIN calls ON calls.turn = turns.id
        WHERE first_quarter < ?2 AND last_quarter >= ?1
            AND (first_quarter < ?1 OR last_quarter >= ?2)
            AND calls.end_ms / 900000 >= ?1 AND calls.end_ms / 900000 < ?2
        GROUP BY turns.thread, turns.place, calls.rate";

    pub(super) const TURNS_OF_THREADS: &str = "
        SELECT thread, place, count(*), sum(status = 'failed'), sum(status = 'interrupted'),
            ifnull(sum(human_ms), 0)
        FROM threads CROSS JOIN turns ON turns.thread = threads.id
        WHERE first_quarter < ?2 AND last_quarter >= ?1
            AND (first_quarter < ?1 OR last_quarter >= ?2)
            AND start_ns / 900000000000 >= ?1 AND start_ns / 900000000000 < ?2
        GROUP BY thread, place";
}
