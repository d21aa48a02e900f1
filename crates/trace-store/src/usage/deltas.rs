//! What is to be added to the sums, and taken from them, in a transaction.

use std::collections::HashMap;
use std::hash::Hash;

use rusqlite::{Transaction, params};

use super::{Quarter, Sums, TurnCounts};

/// Where a turn counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    pub(super) quarter: Quarter,
    pub(super) thread: i64,
    pub(super) place: i64,
}

/// Where a call counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) quarter: Quarter,
    pub(super) thread: i64,
    pub(super) place: i64,
    pub(super) rate: i64,
}

/// What is to be added to the sums.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    calls: HashMap<(Quarter, i64, i64), Sums>,
    turns: HashMap<(Quarter, i64), TurnCounts>,
    thread_calls: HashMap<(i64, i64, i64), Sums>,
    thread_turns: HashMap<(i64, i64), TurnCounts>,
    /// The first and the last quarter hour of each thread.
    threads: HashMap<i64, (Quarter, Quarter)>,
}

impl Deltas {
    /// Changes the counts of turns of one place, by time and by thread.
    pub(super) fn turn(&mut self, begun: Begun, change: impl Fn(&mut TurnCounts)) {
        let Begun { quarter, thread, place } = begun;
        change(self.turns.entry((quarter, place)).or_default());
        change(self.thread_turns.entry((thread, place)).or_default());
        self.reach(thread, quarter);
    }

    /// Changes the sums of calls of one place and rate, by time and by thread.
    pub(super) fn call(&mut self, ended: Ended, change: impl Fn(&mut Sums)) {
        let Ended { quarter, thread, place, rate } = ended;
        change(self.calls.entry((quarter, place, rate)).or_default());
        change(self.thread_calls.entry((thread, place, rate)).or_default());
        self.reach(thread, quarter);
    }

    fn reach(&mut self, thread: i64, quarter: Quarter) {
        let (first, last) = self.threads.entry(thread).or_insert((quarter, quarter));
        *first = quarter.min(*first);
        *last = quarter.max(*last);
    }

    pub(super) fn save(self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let Self { calls, turns, thread_calls, thread_turns, threads } = self;
        let calls = calls
            .into_iter()
            .map(|((quarter, place, rate), sums)| ([quarter.0, place, rate], sums));
        add_sums(transaction, "call_sums", sorted(calls))?;
        let of_threads = thread_calls
            .into_iter()
            .map(|((thread, place, rate), sums)| ([thread, place, rate], sums));
        add_sums(transaction, "thread_sums", sorted(of_threads))?;
        let turns =
            turns.into_iter().map(|((quarter, place), counts)| ([quarter.0, place], counts));
        add_counts(transaction, "turn_sums", sorted(turns))?;
        let of_threads =
            thread_turns.into_iter().map(|((thread, place), counts)| ([thread, place], counts));
        add_counts(transaction, "thread_turns", sorted(of_threads))?;
        let mut reach = transaction.prepare(
            "UPDATE threads SET first_quarter = min(ifnull(first_quarter, ?2), ?2),
                 last_quarter = max(ifnull(last_quarter, ?3), ?3)
             WHERE id = ?1 AND (first_quarter IS NULL OR first_quarter > ?2 OR last_quarter < ?3)",
        )?;
        for (thread, (first, last)) in threads {
            reach.execute(params![thread, first.0, last.0])?;
        }
        Ok(())
    }
}

/// In the order of the keys, in which a table takes rows in fastest.
fn sorted<K: Hash + Ord + Copy, V>(deltas: impl Iterator<Item = (K, V)>) -> Vec<(K, V)> {
    let mut deltas: Vec<(K, V)> = deltas.collect();
    deltas.sort_unstable_by_key(|(key, _)| *key);
    deltas
}

/// Adds sums to a table whose first three columns are their key.
fn add_sums(
    transaction: &Transaction<'_>,
    table: &str,
    deltas: Vec<([i64; 3], Sums)>,
) -> rusqlite::Result<()> {
    let mut add = transaction.prepare(&format!(
        "INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET
             calls = calls + excluded.calls, input = input + excluded.input,
             cached = cached + excluded.cached,
             cache_write = cache_write + excluded.cache_write,
             output = output + excluded.output, reasoning = reasoning + excluded.reasoning,
             cost = cost + excluded.cost"
    ))?;
    for ([one, place, rate], sums) in deltas {
        let [calls, input, cached, cache_write, output, reasoning, cost] = sums.values();
        add.execute(params![
            one,
            place,
            rate,
            calls,
            input,
            cached,
            cache_write,
            output,
            reasoning,
            cost
        ])?;
    }
    Ok(())
}

/// Adds counts to a table whose first two columns are their key.
fn add_counts(
    transaction: &Transaction<'_>,
    table: &str,
    deltas: Vec<([i64; 2], TurnCounts)>,
) -> rusqlite::Result<()> {
    let mut add = transaction.prepare(&format!(
        "INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET
             turns = turns + excluded.turns, failed = failed + excluded.failed,
             interrupted = interrupted + excluded.interrupted,
             human_ms = human_ms + excluded.human_ms"
    ))?;
    for ([one, place], counts) in deltas {
        let [turns, failed, interrupted, human_ms] = counts.values();
        add.execute(params![one, place, turns, failed, interrupted, human_ms])?;
    }
    Ok(())
}
