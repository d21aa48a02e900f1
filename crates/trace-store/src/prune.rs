//! Retention: what is too old, or too much, is dropped, the oldest first.
//!
//! Whole traces are dropped, and with them their words in the index. The time up to which they were is
//! kept, so that a later import does not bring them back; of what was dropped with its numbers, the
//! numbers neither. Only spans whose numbers are recorded are dropped.

use std::time::Duration;

use otlp_model::{TraceId, UnixNanos};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::search;
use crate::usage::forget;
use crate::{InsertError, QueryError, TraceStore};

/// How many spans are dropped in one transaction, about. Another process may write in between.
const PIECE: u64 = 2_000;

/// What a span takes beside its texts, with its part of the indexes, about, in bytes.
const SPAN: u64 = 400;

/// The time in `watermarks` up to which contents were dropped.
const CONTENTS_BEFORE: &str = "contents dropped";

/// The same for numbers.
const NUMBERS_BEFORE: &str = "numbers dropped";

/// When was pruned last, in `watermarks`.
const PRUNED: &str = "pruned";

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Traces that ended before are dropped.
    pub before: Option<UnixNanos>,
    /// The oldest traces are dropped until the store and its index have at most so many bytes.
    pub max_bytes: Option<u64>,
    /// Whether the numbers of these traces are dropped, too, and not only their contents.
    pub drops_numbers: bool,
}

/// What was dropped, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Traces whose spans were dropped.
    pub traces: u64,
    /// Spans that were dropped.
    pub spans: u64,
    /// Turns whose numbers were dropped.
    pub turns: u64,
    /// Bytes that are free now; before it is done an estimate.
    pub bytes: u64,
    /// The time before which nothing is kept; none where nothing was dropped.
    pub before: Option<UnixNanos>,
}

/// A trace that can be dropped.
struct Candidate {
    trace: TraceId,
    end: i64,
    spans: u64,
    bytes: u64,
}

impl TraceStore {
    /// How many bytes the store and its index use, without what is free in their files.
    pub fn used_bytes(&self) -> Result<u64, QueryError> {
        let used = || {
            search::attach_if_there(&self.connection, &self.path)?;
            all_used_bytes(&self.connection)
        };
        used().map_err(|source| self.query_error(source))
    }

    /// What [`Self::prune`] would drop, about.
    pub fn prunable(&self, retention: &Retention) -> Result<Pruned, QueryError> {
        let count = || {
            search::attach_if_there(&self.connection, &self.path)?;
            let chosen = choose(&self.connection, retention)?;
            let mut pruned = Pruned { before: chosen.before(retention), ..Pruned::default() };
            for candidate in &chosen.0 {
                pruned.traces += 1;
                pruned.spans += candidate.spans;
                pruned.bytes += candidate.bytes;
            }
            if let (true, Some(before)) = (retention.drops_numbers, pruned.before) {
                pruned.turns = self.connection.query_row(
                    "SELECT count(*) FROM turns WHERE end_ns < ?",
                    [time(before)],
                    |row| row.get(0),
                )?;
            }
            Ok(pruned)
        };
        count().map_err(|source| self.query_error(source))
    }

    /// Drops what is too old or too much. What is dropped is overwritten in the files.
    pub fn prune(&mut self, retention: &Retention) -> Result<Pruned, InsertError> {
        let path = self.path.clone();
        let error = |source| InsertError { path: path.clone(), source };
        self.prune_all(retention).map_err(error)
    }

    fn prune_all(&mut self, retention: &Retention) -> rusqlite::Result<Pruned> {
        let has_index = search::attach_if_there(&self.connection, &self.path)?;
        self.connection.pragma_update(None, "secure_delete", true)?;
        let used = all_used_bytes(&self.connection)?;
        let mut pruned = Pruned { before: retention.before, ..Pruned::default() };
        // How much a trace takes is an estimate: a second round drops what is still too much.
        loop {
            let chosen = choose(&self.connection, retention)?;
            let before = chosen.before(retention).max(pruned.before);
            // First, so that no import brings back what is dropped.
            if let Some(before) = before {
                note_later(&self.connection, CONTENTS_BEFORE, before)?;
            }
            if chosen.0.is_empty() {
                break;
            }
            pruned.before = before;
            for piece in pieces(&chosen.0) {
                pruned.traces += piece.len() as u64;
                pruned.spans += self.drop_traces(piece, retention, has_index)?;
            }
            if has_index {
                // Until then the index has the words of what was dropped.
                let sql = "INSERT INTO words.search (search) VALUES ('optimize')";
                self.connection.execute(sql, [])?;
            }
        }
        if let (true, Some(before)) = (retention.drops_numbers, pruned.before) {
            pruned.turns = self.drop_numbers(before)?;
        }
        let left = all_used_bytes(&self.connection)?;
        self.connection.pragma_update(None, "secure_delete", false)?;
        note(&self.connection, PRUNED, now())?;
        empty_logs(&self.connection)?;
        Ok(Pruned { bytes: used.saturating_sub(left), ..pruned })
    }

    fn drop_traces(
        &mut self,
        traces: &[Candidate],
        retention: &Retention,
        has_index: bool,
    ) -> rusqlite::Result<u64> {
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
        let mut spans = 0;
        for candidate in traces {
            spans += drop_trace(&transaction, candidate.trace, retention, has_index)?;
        }
        transaction.commit()?;
        Ok(spans)
    }

    fn drop_numbers(&mut self, before: UnixNanos) -> rusqlite::Result<u64> {
        note_later(&self.connection, NUMBERS_BEFORE, before)?;
        let mut turns = 0;
        loop {
            let transaction =
                Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
            let dropped = forget(&transaction, time(before), PIECE)?;
            if dropped == 0 {
                let times = "DELETE FROM call_times
                     WHERE start_ns < ? AND trace_id NOT IN (SELECT trace_id FROM turns)";
                transaction.execute(times, [time(before)])?;
                for (names, column) in [("threads", "thread"), ("places", "place")] {
                    let sql =
                        format!("DELETE FROM {names} WHERE id NOT IN (SELECT {column} FROM turns)");
                    transaction.execute(&sql, [])?;
                }
            }
            transaction.commit()?;
            turns += dropped;
            if dropped == 0 {
                return Ok(turns);
            }
        }
    }

    /// Gives the free part of the store's file back to the system, unless another program uses it now.
    pub fn compact(&mut self) -> Result<(), InsertError> {
        let compact = || {
            self.connection.execute_batch("VACUUM main")?;
            if search::attach_if_there(&self.connection, &self.path)? {
                self.connection.execute_batch("VACUUM words")?;
            }
            empty_logs(&self.connection)
        };
        compact().map_err(|source| InsertError { path: self.path.clone(), source })
    }

    /// When was pruned last; none where never.
    pub fn last_pruned(&self) -> Result<Option<UnixNanos>, QueryError> {
        mark(&self.connection, PRUNED).map_err(|source| self.query_error(source))
    }
}

/// The traces that are to be dropped, the one that ended first first.
struct Chosen(Vec<Candidate>);

impl Chosen {
    /// The time before which all that ended is dropped.
    fn before(&self, retention: &Retention) -> Option<UnixNanos> {
        let last = self.0.last().map(|last| UnixNanos(last.end.unsigned_abs() + 1));
        last.max(retention.before)
    }
}

fn choose(connection: &Connection, retention: &Retention) -> rusqlite::Result<Chosen> {
    let mut statement = connection.prepare(
        "SELECT trace_id, max(end_ns) AS ended, count(*),
             sum(octet_length(attributes) + octet_length(events))
         FROM spans GROUP BY trace_id
         HAVING max(rowid) <= (SELECT upto FROM watermarks WHERE name = 'spans')
         ORDER BY ended, trace_id",
    )?;
    let candidates = statement.query_map([], |row| {
        let spans: u64 = row.get(2)?;
        let bytes = row.get::<_, u64>(3)? + spans * SPAN;
        Ok(Candidate { trace: TraceId(row.get(0)?), end: row.get(1)?, spans, bytes })
    })?;
    let mut candidates: Vec<Candidate> = candidates.collect::<rusqlite::Result<_>>()?;
    // Each has a part of the index, too.
    let [store, index] = [used_bytes(connection, "main")?, used_bytes(connection, "words")?];
    let all: u64 = candidates.iter().map(|candidate| candidate.bytes).sum();
    let before = retention.before.map_or(i64::MIN, time);
    let mut excess = retention.max_bytes.map_or(0, |most| (store + index).saturating_sub(most));
    let mut chosen = 0;
    for candidate in &mut candidates {
        if candidate.end >= before && excess == 0 {
            break;
        }
        candidate.bytes +=
            (u128::from(candidate.bytes) * u128::from(index) / u128::from(all)) as u64;
        excess = excess.saturating_sub(candidate.bytes);
        chosen += 1;
    }
    candidates.truncate(chosen);
    Ok(Chosen(candidates))
}

/// Parts that fit into a transaction each.
fn pieces(all: &[Candidate]) -> impl Iterator<Item = &[Candidate]> {
    let mut spans = 0;
    all.chunk_by(move |one, _| {
        spans += one.spans;
        let goes_on = spans < PIECE;
        spans = if goes_on { spans } else { 0 };
        goes_on
    })
}

/// Adds the calls of tools of a trace once more.
const TOOL_SUMS_OF_TRACE: &str = "
    INSERT INTO tool_sums
    SELECT ifnull(project, ''), name, status = 'ERROR', count(*),
        sum((end_ns - start_ns) / 1000000)
    FROM spans WHERE trace_id = ? AND kind = 'TOOL' GROUP BY 1, 2, 3
    ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, millis = millis + excluded.millis";

/// Drops the spans of a trace with their words, and the beginnings of its prompts; says how many spans.
fn drop_trace(
    transaction: &Transaction<'_>,
    trace: TraceId,
    retention: &Retention,
    has_index: bool,
) -> rusqlite::Result<u64> {
    let spans_of = |columns: &str| format!("SELECT {columns} FROM main.spans WHERE trace_id = ?");
    if has_index {
        let sql = format!("DELETE FROM words.search WHERE rowid IN ({})", spans_of("rowid"));
        transaction.execute(&sql, [trace.0])?;
    }
    let sql = format!("DELETE FROM imported WHERE root IN ({})", spans_of("span_id"));
    transaction.execute(&sql, [trace.0])?;
    let sql = format!("UPDATE turns SET prompt = NULL WHERE span_id IN ({})", spans_of("span_id"));
    transaction.execute(&sql, [trace.0])?;
    if !retention.drops_numbers {
        // The sums of tools would go down with the spans.
        transaction.execute(TOOL_SUMS_OF_TRACE, [trace.0])?;
    }
    let dropped = transaction.execute("DELETE FROM main.spans WHERE trace_id = ?", [trace.0])?;
    Ok(dropped as u64)
}

/// The time before which contents were dropped.
pub(crate) fn contents_before(connection: &Connection) -> rusqlite::Result<UnixNanos> {
    Ok(mark(connection, CONTENTS_BEFORE)?.unwrap_or(UnixNanos(0)))
}

/// The same for numbers.
pub(crate) fn numbers_before(connection: &Connection) -> rusqlite::Result<UnixNanos> {
    Ok(mark(connection, NUMBERS_BEFORE)?.unwrap_or(UnixNanos(0)))
}

fn mark(connection: &Connection, name: &str) -> rusqlite::Result<Option<UnixNanos>> {
    connection
        .query_row("SELECT upto FROM watermarks WHERE name = ?", [name], |row| row.get(0))
        .optional()
        .map(|found| found.map(UnixNanos))
}

fn note(connection: &Connection, name: &str, at: UnixNanos) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO watermarks (name, upto) VALUES (?, ?)";
    connection.execute(sql, params![name, time(at)]).map(drop)
}

/// Notes a time, unless a later one is noted.
fn note_later(connection: &Connection, name: &str, at: UnixNanos) -> rusqlite::Result<()> {
    note(connection, name, mark(connection, name)?.map_or(at, |known| known.max(at)))
}

/// How many bytes of a file of a connection are in use; 0 where there is no such file.
fn used_bytes(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let is_there = "SELECT 1 FROM pragma_database_list WHERE name = ?";
    if !connection.prepare(is_there)?.exists([name])? {
        return Ok(0);
    }
    let of = |what: &str| {
        connection.query_row(&format!("PRAGMA {name}.{what}"), [], |row| row.get::<_, u64>(0))
    };
    Ok(of("page_count")?.saturating_sub(of("freelist_count")?) * of("page_size")?)
}

/// How many bytes of the store and its index are in use.
fn all_used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    Ok(used_bytes(connection, "main")? + used_bytes(connection, "words")?)
}

/// Takes what was dropped out of the logs of the files, too; later, where another program reads there.
fn empty_logs(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn time(time: UnixNanos) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

fn now() -> UnixNanos {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO);
    UnixNanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
