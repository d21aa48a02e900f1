//! Records of turns as they were stored.

use otlp_model::turn::Usage;
use otlp_model::{SpanId, TraceId, UnixNanos};
use rusqlite::{Row, Statement, params};

use super::{
    CallRecord, PicoUsd, Place, Rate, RecordSource, Tags, ThreadName, ToolUse, TurnRecord,
    TurnStatus, UnitPrices,
};
use crate::TraceStore;

/// A record, with its number and the beginning of the prompt.
pub(crate) struct StoredTurn {
    pub(crate) id: i64,
    pub(crate) record: TurnRecord,
    pub(crate) prompt: Option<String>,
}

const TURNS: &str = "
    SELECT turns.id, span_id, trace_id, thread_id, session_id, parent_id, project, repository,
        branch, folder, user, machine, turn_id, number, start_ns, end_ns, status, version,
        commit_id, human_ms, source, prompt, names, tool_calls, failed_tools, tags
    FROM turns JOIN threads ON threads.id = thread JOIN places ON places.id = place
        LEFT JOIN name_sets ON name_sets.id = tools
    WHERE turns.id > ? ORDER BY turns.id LIMIT ?";

const CALLS: &str = "
    SELECT end_ms, calls.input, calls.cached, calls.cache_write, calls.output, reasoning, cost,
        model, tier, long_context, prices, rates.input, rates.cached, rates.cache_write,
        rates.output
    FROM calls JOIN rates ON rates.id = rate WHERE turn = ? ORDER BY nth";

impl TraceStore {
    /// The records behind one, up to so many, in the order of their numbers.
    pub(crate) fn records_after(&self, id: i64, limit: usize) -> rusqlite::Result<Vec<StoredTurn>> {
        let mut turns = self.connection.prepare(TURNS)?;
        let mut calls = self.connection.prepare(CALLS)?;
        let rows = turns.query_map(params![id, limit], |row| turn(row, &mut calls))?;
        rows.collect()
    }
}

fn turn(row: &Row<'_>, calls: &mut Statement<'_>) -> rusqlite::Result<StoredTurn> {
    let id = row.get(0)?;
    let calls = calls.query_map([id], call)?.collect::<rusqlite::Result<_>>()?;
    let record = TurnRecord {
        span_id: SpanId(row.get(1)?),
        trace_id: TraceId(row.get(2)?),
        thread: ThreadName {
            thread_id: row.get(3)?,
            session_id: row.get(4)?,
            parent_id: row.get(5)?,
        },
        place: Place {
            project: row.get(6)?,
            repository: row.get(7)?,
            branch: row.get(8)?,
            folder: row.get(9)?,
            user: row.get(10)?,
            machine: row.get(11)?,
            tags: Tags::of_text(row.get_ref("tags")?.as_str()?),
        },
        turn_id: row.get(12)?,
        number: row.get(13)?,
        start: UnixNanos(row.get(14)?),
        end: UnixNanos(row.get(15)?),
        status: TurnStatus::of_word(row.get_ref(16)?.as_str()?),
        version: row.get(17)?,
        commit: row.get(18)?,
        human_ms: row.get(19)?,
        source: match row.get(20)? {
            2 => RecordSource::Spans,
            _ => RecordSource::Transcript,
        },
        calls,
        tools: tools(row)?,
    };
    Ok(StoredTurn { id, record, prompt: row.get(21)? })
}

fn tools(row: &Row<'_>) -> rusqlite::Result<Option<ToolUse>> {
    let Some(calls) = row.get(23)? else { return Ok(None) };
    let names: Option<String> = row.get(22)?;
    let names = names.and_then(|names| serde_json::from_str(&names).ok()).unwrap_or_default();
    Ok(Some(ToolUse { names, calls, failed: row.get::<_, Option<u64>>(24)?.unwrap_or(0) }))
}

fn call(row: &Row<'_>) -> rusqlite::Result<CallRecord> {
    let prices: String = row.get(10)?;
    Ok(CallRecord {
        end: UnixNanos::from_millis(row.get(0)?),
        usage: Usage {
            input: row.get(1)?,
            cached_input: row.get(2)?,
            cache_write_input: row.get(3)?,
            output: row.get(4)?,
            reasoning_output: row.get(5)?,
        },
        cost: PicoUsd(row.get(6)?),
        rate: Rate {
            model: row.get(7)?,
            tier: row.get(8)?,
            long_context: row.get(9)?,
            prices: Some(prices).filter(|prices| !prices.is_empty()),
            units: UnitPrices {
                input: PicoUsd(row.get(11)?),
                cached_input: PicoUsd(row.get(12)?),
                cache_write: PicoUsd(row.get(13)?),
                output: PicoUsd(row.get(14)?),
            },
        },
    })
}
