//! Records of turns from the spans that are stored.
//!
//! A writer of spans need not know of records: they are made before a report, of the spans that were
//! stored since the last one.

use std::collections::BTreeSet;

use otlp_model::turn::Usage;
use otlp_model::{Span, SpanId, SpanKind, Value, names};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::Value as Json;

use super::imported::set_prompt;
use super::record::record;
use super::within::{Traces, is_turn};
use super::{
    CallRecord, PicoUsd, Place, Rate, RecordSource, Recorded, Tags, ThreadName, TurnRecord,
    TurnStatus, UnitPrices,
};
use crate::{InsertError, TraceStore, row};

const WATERMARK: &str = "spans";

/// Stands for the price table of a cost that a span reports without one.
const REPORTED: &str = "reported";

/// How many spans are taken in at once.
const PIECE: u64 = 20_000;

impl TraceStore {
    /// Records the turns of the spans that were stored since the last time. `complete` may add
    /// what spans do not say, such as where a turn ran.
    pub fn record_spans(
        &mut self,
        complete: &dyn Fn(&mut TurnRecord),
    ) -> Result<Recorded, InsertError> {
        let mut all = Recorded::default();
        loop {
            let path = &self.path;
            let piece = next_piece(&mut self.connection, complete)
                .map_err(|source| InsertError { path: path.clone(), source })?;
            let Some(piece) = piece else { return Ok(all) };
            all.new += piece.new;
            all.changed += piece.changed;
            all.known += piece.known;
            all.dropped += piece.dropped;
        }
    }
}

/// Takes in some spans; none where there are no new ones.
fn next_piece(
    connection: &mut rusqlite::Connection,
    complete: &dyn Fn(&mut TurnRecord),
) -> rusqlite::Result<Option<Recorded>> {
    if bounds(connection)?.is_none() {
        return Ok(None);
    }
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let Some((from, upto)) = bounds(&transaction)? else { return Ok(None) };
    let mut roots = BTreeSet::new();
    {
        let mut statement = transaction.prepare(
            "SELECT span_id, parent_id, kind FROM spans
             WHERE rowid > ? AND rowid <= ?
             AND (kind IN ('AGENT', 'LLM') OR parent_id IS NULL)",
        )?;
        let mut rows = statement.query([from, upto])?;
        while let Some(row) = rows.next()? {
            let parent: Option<[u8; 8]> = row.get(1)?;
            let is_call = row.get_ref(2)?.as_str()? == "LLM";
            roots.insert(row.get::<_, [u8; 8]>(0)?);
            roots.extend(parent.filter(|_| is_call));
        }
        // The spans of other programs come in pieces, each when it has ended, and the call may be far
        // below the span at the top.
        let mut statement = transaction.prepare(
            "SELECT span_id FROM spans WHERE parent_id IS NULL AND trace_id IN
                 (SELECT DISTINCT trace_id FROM spans WHERE rowid > ? AND rowid <= ?)",
        )?;
        let tops = statement.query_map([from, upto], |row| row.get::<_, [u8; 8]>(0))?;
        for top in tops {
            roots.insert(top?);
        }
    }
    let (mut turns, mut prompts) = (Vec::new(), Vec::new());
    let mut traces = Traces::default();
    let mut is_imported = transaction.prepare("SELECT 1 FROM imported WHERE root = ?")?;
    for root in roots {
        // An import has recorded more than these spans say.
        if is_imported.exists([root])? {
            continue;
        }
        if let Some((mut turn, prompt)) = turn(&transaction, SpanId(root), &mut traces)? {
            complete(&mut turn);
            turns.push(turn);
            prompts.push((root, prompt));
        }
    }
    drop(is_imported);
    let recorded = record(&transaction, &turns)?;
    for (root, prompt) in prompts {
        set_prompt(&transaction, root, prompt.as_deref())?;
    }
    transaction.execute(
        "INSERT OR REPLACE INTO watermarks (name, upto) VALUES (?, ?)",
        params![WATERMARK, upto],
    )?;
    transaction.commit()?;
    Ok(Some(recorded))
}

/// Whether all spans were taken in.
pub(super) fn are_recorded(connection: &rusqlite::Connection) -> rusqlite::Result<bool> {
    Ok(bounds(connection)?.is_none())
}

/// Notes that all spans were taken in.
pub(super) fn set_recorded(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    // Where the last spans were dropped, the mark stays above them.
    connection
        .execute(
            "INSERT INTO watermarks (name, upto) SELECT ?, ifnull(max(rowid), 0) FROM spans WHERE true
             ON CONFLICT DO UPDATE SET upto = max(upto, excluded.upto)",
            [WATERMARK],
        )
        .map(drop)
}

/// The rows behind which, and up to which, spans are to be taken in.
fn bounds(connection: &rusqlite::Connection) -> rusqlite::Result<Option<(u64, u64)>> {
    let from = connection
        .query_row("SELECT upto FROM watermarks WHERE name = ?", [WATERMARK], |row| row.get(0))
        .optional()?
        .unwrap_or(0_u64);
    let last: u64 =
        connection.query_row("SELECT ifnull(max(rowid), 0) FROM spans", [], |row| row.get(0))?;
    Ok((last > from).then(|| (from, last.min(from + PIECE))))
}

/// The turn with this root, and its prompt; none where the span is no turn's root.
fn turn(
    transaction: &Transaction<'_>,
    root: SpanId,
    traces: &mut Traces,
) -> rusqlite::Result<Option<(TurnRecord, Option<String>)>> {
    let columns = row::COLUMNS;
    let sql = format!("SELECT {columns}, project, session_id FROM spans WHERE span_id = ?");
    let found = transaction
        .query_row(&sql, [root.0], |row| {
            Ok((
                row::read(row)?,
                row.get::<_, Option<String>>(11)?,
                row.get::<_, Option<String>>(12)?,
            ))
        })
        .optional()?;
    let Some((span, project, session)) = found else { return Ok(None) };
    // Of other programs a turn is a whole trace.
    if !is_turn(&span) && span.parent_id.is_some() {
        return Ok(None);
    }
    let agent = span.text(names::AGENT_NAME).unwrap_or_default().to_owned();
    let within = traces.within(transaction, span.trace_id, root)?;
    let mut statement =
        transaction.prepare(&format!("SELECT {columns} FROM spans WHERE span_id = ?"))?;
    // Each call is read and dropped: a turn may have very many.
    let below = within.calls.iter().map(|call| statement.query_row([call.0], row::read));
    let below = below.map(|call| Ok(call_of(&call?, &agent)));
    let below: Vec<_> = below.collect::<rusqlite::Result<_>>()?;
    let own = |name: &str| span.text(&format!("{agent}.{name}")).map(str::to_owned);
    let metadata = span.text(names::METADATA);
    let metadata: Json =
        metadata.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let said = |key: &str| metadata.get(key).and_then(Json::as_str).map(str::to_owned);
    let thread_id = own("thread_id").or_else(|| session.clone());
    let thread_id = thread_id.unwrap_or_else(|| span.trace_id.to_string());
    // In the other layout the root has the tokens of the turn.
    let own_call = (span.kind == SpanKind::Llm).then(|| call_of(&span, &agent));
    let mut calls: Vec<CallRecord> = own_call.into_iter().chain(below).flatten().collect();
    calls.sort_by_key(|call| call.end);
    let prompt = span.text(names::INPUT_VALUE).map(str::to_owned);
    let record = TurnRecord {
        span_id: root,
        trace_id: span.trace_id,
        thread: ThreadName {
            session_id: session.unwrap_or_else(|| thread_id.clone()),
            parent_id: own("parent_thread_id"),
            thread_id,
        },
        place: Place {
            project: project.unwrap_or_default(),
            repository: own("git.repository").unwrap_or_default(),
            branch: own("git.branch").unwrap_or_default(),
            folder: said("cwd").unwrap_or_default(),
            user: span.text(names::USER_ID).unwrap_or_default().to_owned(),
            machine: String::new(),
            tags: match span.attribute(names::TAGS) {
                Some(Value::Strings(tags)) => Tags::of_text(&tags.join(",")),
                _ => Tags::default(),
            },
        },
        turn_id: own("turn_id").unwrap_or_default(),
        number: span.int(names::TRACE_NUMBER).and_then(|number| u64::try_from(number).ok()),
        start: span.start,
        end: span.end,
        status: match own("turn.status") {
            Some(word) => TurnStatus::of_word(&word),
            None => TurnStatus::of_span(&span.status),
        },
        version: span.text(names::GEN_AI_AGENT_VERSION).map(str::to_owned),
        commit: own("git.commit"),
        human_ms: span
            .int(&format!("{agent}.turn.time.human_ms"))
            .and_then(|millis| u64::try_from(millis).ok()),
        calls,
        tools: Some(within.tools),
        source: RecordSource::Spans,
    };
    Ok(Some((record, prompt)))
}

fn call_of(span: &Span, agent: &str) -> Option<CallRecord> {
    let count = |name: &str| span.int(name).and_then(|count| u64::try_from(count).ok());
    let usage = Usage {
        input: count(names::LLM_TOKEN_COUNT_PROMPT)?,
        cached_input: count(names::LLM_TOKEN_COUNT_CACHE_READ).unwrap_or(0),
        cache_write_input: count(names::LLM_TOKEN_COUNT_CACHE_WRITE).unwrap_or(0),
        output: count(names::LLM_TOKEN_COUNT_COMPLETION).unwrap_or(0),
        reasoning_output: count(names::LLM_TOKEN_COUNT_REASONING).unwrap_or(0),
    };
    let cost = span.double(names::LLM_COST_TOTAL);
    let own = |name: &str| span.text(&format!("{agent}.{name}")).map(str::to_owned);
    let asked = || {
        let parameters: Json =
            serde_json::from_str(span.text(names::LLM_INVOCATION_PARAMETERS)?).ok()?;
        Some(parameters.get("service_tier")?.as_str()?.to_owned())
    };
    // Other programs do not say by which prices they computed it.
    let prices = cost.map(|_| own("cost.price_table").unwrap_or_else(|| REPORTED.to_owned()));
    Some(CallRecord {
        end: span.end,
        usage,
        rate: Rate {
            model: span.text(names::LLM_MODEL_NAME).unwrap_or_default().to_owned(),
            tier: own("cost.service_tier")
                .filter(|_| prices.is_some())
                .or_else(asked)
                .unwrap_or_default(),
            long_context: false,
            prices,
            units: UnitPrices::default(),
        },
        cost: PicoUsd::from_usd(cost.unwrap_or(0.0)),
    })
}
