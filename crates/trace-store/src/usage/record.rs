//! Writing records of turns, and keeping the sums in step with them.

use otlp_model::UnixNanos;
use rusqlite::{OptionalExtension, Statement, Transaction, TransactionBehavior, params};

use super::deltas::{Begun, Deltas, Ended};
use super::names::Names;
use super::sums::tokens;
use super::{
    Quarter, QuotaReading, RecordSource, SourceProgress, Sums, TagChange, TurnCounts, TurnRecord,
    TurnStatus, query, tags,
};
use crate::prune::numbers_before;
use crate::{InsertError, TraceStore};

/// What became of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recorded {
    /// Turns that were not there before.
    pub new: u64,
    /// Turns of which more is known now.
    pub changed: u64,
    /// Turns that were there already.
    pub known: u64,
    /// Turns that are left out: those of their time were dropped.
    pub dropped: u64,
}

impl TraceStore {
    /// Stores records of turns, readings of limits and how far their sources were read, all or none.
    pub fn record(
        &mut self,
        turns: &[TurnRecord],
        quota: &[QuotaReading],
        sources: &[SourceProgress],
    ) -> Result<Recorded, InsertError> {
        let error = |source| InsertError { path: self.path.clone(), source };
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate);
        let written = transaction.and_then(|transaction| {
            let recorded = record(&transaction, turns)?;
            super::quota::save(&transaction, quota)?;
            super::sources::save(&transaction, "sources", sources)?;
            transaction.commit()?;
            Ok(recorded)
        });
        written.map_err(error)
    }
}

/// Stores records of turns within a transaction.
pub(super) fn record(
    transaction: &Transaction<'_>,
    turns: &[TurnRecord],
) -> rusqlite::Result<Recorded> {
    let mut recorder = Recorder::new(transaction)?;
    for turn in turns {
        recorder.turn(turn)?;
    }
    recorder.finish()
}

/// Drops turns that ended before a time, up to so many, and takes them out of the sums; says how many.
pub(crate) fn forget(
    transaction: &Transaction<'_>,
    before: i64,
    limit: u64,
) -> rusqlite::Result<u64> {
    let mut recorder = Recorder::new(transaction)?;
    let mut turns = transaction.prepare("SELECT span_id FROM turns WHERE end_ns < ? LIMIT ?")?;
    let roots: Vec<[u8; 8]> = turns
        .query_map(params![before, limit], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for root in &roots {
        if let Some(stored) = recorder.stored(*root)? {
            recorder.take_out(&stored)?;
            transaction.execute("DELETE FROM turns WHERE id = ?", [stored.id])?;
        }
    }
    recorder.finish()?;
    for (table, count) in [
        ("call_sums", "calls"),
        ("thread_sums", "calls"),
        ("turn_sums", "turns"),
        ("thread_turns", "turns"),
    ] {
        transaction.execute(&format!("DELETE FROM {table} WHERE {count} = 0"), [])?;
    }
    transaction.execute("DELETE FROM quota WHERE at < ?", [before / 1_000_000_000])?;
    Ok(roots.len() as u64)
}

pub(super) struct Recorder<'t> {
    names: Names<'t>,
    find: Statement<'t>,
    insert: Statement<'t>,
    update: Statement<'t>,
    insert_call: Statement<'t>,
    old_calls: Statement<'t>,
    delete_calls: Statement<'t>,
    session_tags: Statement<'t>,
    deltas: Deltas,
    recorded: Recorded,
    /// Turns that ended before were dropped.
    dropped: UnixNanos,
    transaction: &'t Transaction<'t>,
}

/// A turn that is stored.
struct Stored {
    id: i64,
    thread: i64,
    place: i64,
    start: UnixNanos,
    counts: TurnCounts,
    status: TurnStatus,
    tokens: u64,
    source: i64,
    tool_calls: Option<u64>,
}

impl Stored {
    /// Whether another reading of the turn says more.
    fn is_less_than(&self, turn: &TurnRecord) -> bool {
        let ours = (self.tokens, self.status != TurnStatus::Running, self.source, self.tool_calls);
        let tool_calls = turn.tools.as_ref().map(|tools| tools.calls);
        let theirs =
            (sum(turn), turn.status != TurnStatus::Running, turn.source as i64, tool_calls);
        ours < theirs
    }
}

/// The tokens of a turn as they are stored.
fn sum(turn: &TurnRecord) -> u64 {
    turn.calls.iter().map(|call| Sums::of(call).tokens().unsigned_abs()).sum()
}

impl<'t> Recorder<'t> {
    pub(super) fn new(transaction: &'t Transaction<'t>) -> rusqlite::Result<Self> {
        Ok(Self {
            names: Names::new(transaction)?,
            find: transaction.prepare(
                "SELECT id, place, start_ns, status, human_ms, tokens, source, thread, tool_calls
                 FROM turns WHERE span_id = ?",
            )?,
            insert: transaction.prepare(
                "INSERT INTO turns (trace_id, thread, place, turn_id, number, start_ns, end_ns,
                     status, version, commit_id, human_ms, calls, tokens, source, cost, unpriced,
                     models, tools, tool_calls, failed_tools, span_id)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            update: transaction.prepare(
                "UPDATE turns SET trace_id = ?, thread = ?, place = ?, turn_id = ?, number = ?,
                     start_ns = ?, end_ns = ?, status = ?, version = ?, commit_id = ?, human_ms = ?,
                     calls = ?, tokens = ?, source = ?, cost = ?, unpriced = ?, models = ?,
                     tools = ?, tool_calls = ?, failed_tools = ?
                 WHERE id = ?",
            )?,
            insert_call: transaction.prepare(
                "INSERT INTO calls (turn, nth, end_ms, rate, input, cached, cache_write, output,
                     reasoning, cost)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            old_calls: transaction.prepare(
                "SELECT end_ms, rate, 1, input, cached, cache_write, output, reasoning, cost
                 FROM calls WHERE turn = ?",
            )?,
            delete_calls: transaction.prepare("DELETE FROM calls WHERE turn = ?")?,
            session_tags: transaction.prepare(tags::OF_SESSION)?,
            deltas: Deltas::default(),
            recorded: Recorded::default(),
            dropped: numbers_before(transaction)?,
            transaction,
        })
    }

    fn turn(&mut self, turn: &TurnRecord) -> rusqlite::Result<()> {
        let stored = self.stored(turn.span_id.0)?;
        let given = tags::of_session(&mut self.session_tags, &turn.thread.session_id)?;
        let tagged;
        let turn = if given.is_empty() {
            turn
        } else {
            let mut turn = turn.clone();
            turn.place.tags.extend(&given);
            tagged = turn;
            &tagged
        };
        let id = match stored {
            None if turn.end < self.dropped => {
                self.recorded.dropped += 1;
                return Ok(());
            }
            None => {
                self.recorded.new += 1;
                self.write(turn, None)?
            }
            Some(stored) if stored.is_less_than(turn) => {
                self.recorded.changed += 1;
                self.take_out(&stored)?;
                self.write(turn, Some(stored.id))?
            }
            Some(_) => {
                self.recorded.known += 1;
                return Ok(());
            }
        };
        let thread = self.names.thread(&turn.thread)?;
        let place = self.names.place(&turn.place)?;
        let begun = Begun { quarter: Quarter::of(turn.start), thread, place };
        self.deltas.turn(begun, |counts| *counts += TurnCounts::of(turn));
        for (nth, call) in (0_i64..).zip(&turn.calls) {
            let rate = self.names.rate(&call.rate)?;
            let sums = Sums::of(call);
            let [_, input, cached, cache_write, output, reasoning, cost] = sums.values();
            let millis = call.end.0 / 1_000_000;
            self.insert_call.execute(params![
                id,
                nth,
                millis,
                rate,
                input,
                cached,
                cache_write,
                output,
                reasoning,
                cost
            ])?;
            let ended = Ended { quarter: Quarter::of(call.end), thread, place, rate };
            self.deltas.call(ended, |all| *all += sums);
        }
        Ok(())
    }

    fn stored(&mut self, root: [u8; 8]) -> rusqlite::Result<Option<Stored>> {
        let read = |row: &rusqlite::Row<'_>| {
            let status = TurnStatus::of_word(row.get_ref(3)?.as_str()?);
            Ok(Stored {
                id: row.get(0)?,
                place: row.get(1)?,
                start: UnixNanos(row.get(2)?),
                status,
                counts: TurnCounts::new(status, row.get::<_, Option<u64>>(4)?.unwrap_or(0)),
                tokens: row.get(5)?,
                source: row.get(6)?,
                thread: row.get(7)?,
                tool_calls: row.get(8)?,
            })
        };
        self.find.query_row([root], read).optional()
    }

    /// Changes the tags of a turn; says whether they are others now.
    pub(super) fn tag(&mut self, root: [u8; 8], change: &TagChange) -> rusqlite::Result<bool> {
        let Some(stored) = self.stored(root)? else { return Ok(false) };
        let before = self.transaction.query_row(
            "SELECT project, repository, branch, folder, user, machine, tags FROM places
             WHERE id = ?",
            [stored.place],
            |row| query::place(row, 0),
        )?;
        let mut after = before.clone();
        after.tags.extend(&change.add);
        after.tags.remove(&change.remove);
        if after == before {
            return Ok(false);
        }
        let place = self.names.place(&after)?;
        let Stored { id, thread, start, counts, .. } = stored;
        for (place, is_added) in [(stored.place, false), (place, true)] {
            let begun = Begun { quarter: Quarter::of(start), thread, place };
            self.deltas.turn(begun, |all| if is_added { *all += counts } else { *all -= counts });
            let mut rows = self.old_calls.query([id])?;
            while let Some(row) = rows.next()? {
                let end = UnixNanos::from_millis(row.get(0)?);
                let ended = Ended { quarter: Quarter::of(end), thread, place, rate: row.get(1)? };
                let sums = read_sums(row, 2)?;
                self.deltas.call(ended, |all| if is_added { *all += sums } else { *all -= sums });
            }
        }
        self.transaction.execute("UPDATE turns SET place = ? WHERE id = ?", [place, id])?;
        Ok(true)
    }

    /// Takes what is stored of a turn out of the sums.
    fn take_out(&mut self, stored: &Stored) -> rusqlite::Result<()> {
        let Stored { id, thread, place, start, counts, .. } = *stored;
        let begun = Begun { quarter: Quarter::of(start), thread, place };
        self.deltas.turn(begun, |all| *all -= counts);
        let mut rows = self.old_calls.query([id])?;
        while let Some(row) = rows.next()? {
            let end = UnixNanos::from_millis(row.get(0)?);
            let ended = Ended { quarter: Quarter::of(end), thread, place, rate: row.get(1)? };
            let sums = read_sums(row, 2)?;
            self.deltas.call(ended, |all| *all -= sums);
        }
        drop(rows);
        self.delete_calls.execute([id])?;
        Ok(())
    }

    fn write(&mut self, turn: &TurnRecord, old: Option<i64>) -> rusqlite::Result<i64> {
        let thread = self.names.thread(&turn.thread)?;
        let place = self.names.place(&turn.place)?;
        let cost: Sums = turn.calls.iter().map(Sums::of).fold(Sums::default(), |mut sum, call| {
            sum += call;
            sum
        });
        let unpriced = turn.calls.iter().filter(|call| call.rate.prices.is_none()).count();
        let models = turn.calls.iter().map(|call| &*call.rate.model);
        let models = self.names.set(models.filter(|model| !model.is_empty()))?;
        let tools = match &turn.tools {
            Some(tools) => self.names.set(tools.names.iter().map(String::as_str))?,
            None => None,
        };
        let time = |time: UnixNanos| i64::try_from(time.0).unwrap_or(i64::MAX);
        let last: &dyn rusqlite::ToSql = match &old {
            Some(id) => id,
            None => &turn.span_id.0,
        };
        let statement = if old.is_some() { &mut self.update } else { &mut self.insert };
        statement.execute(params![
            turn.trace_id.0,
            thread,
            place,
            turn.turn_id,
            turn.number,
            time(turn.start),
            time(turn.end),
            turn.status.word(),
            turn.version,
            turn.commit,
            turn.human_ms.map(tokens),
            turn.calls.len() as u64,
            sum(turn),
            turn.source as i64,
            cost.cost.0,
            unpriced as u64,
            models,
            tools,
            turn.tools.as_ref().map(|tools| tokens(tools.calls)),
            turn.tools.as_ref().map(|tools| tokens(tools.failed)),
            last,
        ])?;
        Ok(old.unwrap_or_else(|| self.transaction.last_insert_rowid()))
    }

    pub(super) fn finish(mut self) -> rusqlite::Result<Recorded> {
        self.names.inherit_sessions()?;
        self.deltas.save(self.transaction)?;
        Ok(self.recorded)
    }
}

/// The sums in a row from a column on.
pub(super) fn read_sums(row: &rusqlite::Row<'_>, from: usize) -> rusqlite::Result<Sums> {
    let mut values = [0; 7];
    for (column, value) in (from..).zip(&mut values) {
        *value = row.get(column)?;
    }
    Ok(Sums::from_values(values))
}

impl From<RecordSource> for i64 {
    fn from(source: RecordSource) -> Self {
        source as Self
    }
}
