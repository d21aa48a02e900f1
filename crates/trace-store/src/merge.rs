//! What another store has, such as that of another machine, is taken in: each turn once.

use std::collections::{BTreeMap, HashMap, HashSet};

use otlp_model::{Attribute, Span, SpanBatch, SpanId, TraceId, UnixNanos, names};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::prune::contents_before;
use crate::usage::{Recorded, TurnRecord};
use crate::write::Writer;
use crate::{InsertError, QueryError, TraceStore, row};

/// How many turns are recorded in one transaction. Another process may write in between.
const TURNS: usize = 1_000;

/// How many spans are stored in one transaction, about.
const SPANS: usize = 2_000;

/// What came of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Merged {
    /// Turns, by their numbers.
    pub turns: Recorded,
    /// Spans that were not there before.
    pub spans: u64,
}

/// A merge could not be carried out. What was written until then stays, and another one goes on there.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// This store cannot be written.
    #[error(transparent)]
    Write(#[from] InsertError),
    /// The other one cannot be read.
    #[error(transparent)]
    Read(#[from] QueryError),
}

impl TraceStore {
    /// What [`Self::merge`] would add: turns and spans that are not here.
    pub fn mergeable(&self, other: &Self) -> Result<Merged, QueryError> {
        let mut merged = Merged::default();
        let missing = |from: &str| {
            let ours = ids(&self.connection, from).map_err(|source| self.query_error(source))?;
            let theirs =
                ids(&other.connection, from).map_err(|source| other.query_error(source))?;
            Ok((theirs.difference(&ours).count() as u64, theirs.intersection(&ours).count() as u64))
        };
        (merged.turns.new, merged.turns.known) = missing("SELECT span_id FROM turns")?;
        (merged.spans, _) = missing("SELECT span_id FROM spans")?;
        Ok(merged)
    }

    /// Takes in the turns and the spans of another store. Of a turn that both have, the numbers that are
    /// more stay, and the spans that know more; what was dropped here stays so. `complete` may add what
    /// the other store does not say, such as the machine. Readings of limits are not taken in: they may
    /// be another user's.
    pub fn merge(
        &mut self,
        other: &Self,
        complete: &dyn Fn(&mut TurnRecord),
    ) -> Result<Merged, MergeError> {
        let mut merged = Merged::default();
        let mut last = 0;
        loop {
            let mut page =
                other.records_after(last, TURNS).map_err(|source| other.query_error(source))?;
            let Some(end) = page.last() else { break };
            last = end.id;
            page.iter_mut().for_each(|stored| complete(&mut stored.record));
            let records: Vec<TurnRecord> =
                page.iter().map(|stored| stored.record.clone()).collect();
            let recorded = self.record(&records, &[], &[])?;
            merged.turns.new += recorded.new;
            merged.turns.changed += recorded.changed;
            merged.turns.known += recorded.known;
            merged.turns.dropped += recorded.dropped;
            let prompts = page.into_iter().map(|stored| (stored.record, stored.prompt));
            self.keep_prompts(prompts).map_err(|source| self.insert_error(source))?;
        }
        merged.spans = self.merge_spans(other)?;
        Ok(merged)
    }

    /// Keeps the beginnings of prompts of turns that have none.
    fn keep_prompts(
        &mut self,
        prompts: impl Iterator<Item = (TurnRecord, Option<String>)>,
    ) -> rusqlite::Result<()> {
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
        let dropped = contents_before(&transaction)?;
        {
            let mut update = transaction
                .prepare("UPDATE turns SET prompt = ? WHERE span_id = ? AND prompt IS NULL")?;
            for (record, prompt) in prompts.filter(|(record, _)| record.end >= dropped) {
                if prompt.is_some() {
                    update.execute(params![prompt, record.span_id.0])?;
                }
            }
        }
        transaction.commit()
    }

    fn merge_spans(&mut self, other: &Self) -> Result<u64, MergeError> {
        let read = |source| other.query_error(source);
        let imported = "SELECT root FROM imported";
        let theirs = ids(&other.connection, imported).map_err(read)?;
        let ours = ids(&self.connection, imported).map_err(|source| self.query_error(source))?;
        // What they know from live tracing, and we from a transcript alone.
        let better: HashSet<[u8; 8]> = ours.difference(&theirs).copied().collect();
        let mut spans = 0;
        let mut batches = Vec::new();
        for trace in traces(&other.connection).map_err(read)? {
            if !self.lacks(other, trace, &better).map_err(read)? {
                continue;
            }
            batches.extend(turns_of(other, trace).map_err(read)?);
            if batches.iter().map(|turn| turn.batch.spans.len()).sum::<usize>() >= SPANS {
                spans += self.store_turns(&std::mem::take(&mut batches), &theirs)?;
            }
        }
        Ok(spans + self.store_turns(&batches, &theirs)?)
    }

    /// Whether the other store has spans of a trace that are not here, or know more.
    fn lacks(
        &self,
        other: &Self,
        trace: TraceId,
        better: &HashSet<[u8; 8]>,
    ) -> rusqlite::Result<bool> {
        let mut theirs =
            other.connection.prepare("SELECT span_id FROM spans WHERE trace_id = ?")?;
        let mut is_here = self.connection.prepare("SELECT 1 FROM spans WHERE span_id = ?")?;
        let mut rows = theirs.query([trace.0])?;
        while let Some(row) = rows.next()? {
            let id: [u8; 8] = row.get(0)?;
            if better.contains(&id) || !is_here.exists([id])? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn store_turns(
        &mut self,
        turns: &[Turn],
        imported: &HashSet<[u8; 8]>,
    ) -> Result<u64, InsertError> {
        let path = &self.path;
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate);
        let stored = transaction.and_then(|transaction| {
            let dropped = contents_before(&transaction)?;
            let mut spans = 0;
            {
                let mut writer = Writer::new(&transaction)?;
                for turn in turns.iter().filter(|turn| turn.end() >= dropped) {
                    let root = turn.root.filter(|root| imported.contains(&root.0));
                    spans += match root {
                        Some(root) if writer.has_span(root)? => 0,
                        Some(_) => writer.insert_imported(&turn.batch)?.spans,
                        None => writer.insert(&turn.batch)?.spans,
                    };
                }
            }
            transaction.commit()?;
            Ok(spans as u64)
        });
        stored.map_err(|source| InsertError { path: path.clone(), source })
    }

    fn insert_error(&self, source: rusqlite::Error) -> InsertError {
        InsertError { path: self.path.clone(), source }
    }
}

/// The spans of a turn of another store.
struct Turn {
    /// None of spans whose turn is not there.
    root: Option<SpanId>,
    batch: SpanBatch,
}

impl Turn {
    fn end(&self) -> UnixNanos {
        self.batch.spans.iter().map(|span| span.end).max().unwrap_or_default()
    }
}

fn ids(connection: &Connection, sql: &str) -> rusqlite::Result<HashSet<[u8; 8]>> {
    let mut statement = connection.prepare(sql)?;
    statement.query_map([], |row| row.get(0))?.collect()
}

fn traces(connection: &Connection) -> rusqlite::Result<Vec<TraceId>> {
    let mut statement = connection.prepare("SELECT DISTINCT trace_id FROM spans")?;
    statement.query_map([], |row| row.get(0).map(TraceId))?.collect()
}

/// The turns of a trace: one at its root, and those of sub-agents.
fn turns_of(store: &TraceStore, trace: TraceId) -> rusqlite::Result<Vec<Turn>> {
    let sql =
        format!("SELECT {}, project FROM spans WHERE trace_id = ? ORDER BY rowid", row::COLUMNS);
    let mut statement = store.connection.prepare(&sql)?;
    let spans = statement
        .query_map([trace.0], |row| Ok((row::read(row)?, row.get::<_, Option<String>>(11)?)))?;
    let spans: Vec<(Span, Option<String>)> = spans.collect::<rusqlite::Result<_>>()?;
    let parents: HashMap<SpanId, (Option<SpanId>, bool)> = spans
        .iter()
        .map(|(span, _)| (span.span_id, (span.parent_id, span.text(names::AGENT_NAME).is_some())))
        .collect();
    let mut turns: BTreeMap<Option<SpanId>, Turn> = BTreeMap::new();
    for (span, project) in spans {
        let root = root_of(&parents, span.span_id);
        let turn = turns.entry(root).or_insert_with(|| {
            let project = project.map(|name| Attribute::new("openinference.project.name", name));
            let batch = SpanBatch { resource: project.into_iter().collect(), spans: Vec::new() };
            Turn { root, batch }
        });
        turn.batch.spans.push(span);
    }
    Ok(turns.into_values().collect())
}

/// The root of the turn that a span is of.
fn root_of(parents: &HashMap<SpanId, (Option<SpanId>, bool)>, span: SpanId) -> Option<SpanId> {
    let mut id = span;
    // No tree is as deep as it has spans, but for one that leads back to itself.
    for _ in 0..=parents.len() {
        match parents.get(&id)? {
            (_, true) => return Some(id),
            (parent, false) => id = (*parent)?,
        }
    }
    None
}
