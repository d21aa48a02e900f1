//! A trace without its texts: enough to draw it, however large it is.

use otlp_model::{Span, SpanId, SpanKind, TraceId, UnixNanos, names};
use rusqlite::{OptionalExtension, Row};

use crate::usage::PicoUsd;
use crate::{QueryError, TraceStore, row, tree};

/// A span without its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanOutline {
    /// Its id.
    pub span_id: SpanId,
    /// None for a root.
    pub parent_id: Option<SpanId>,
    /// What it stands for.
    pub kind: SpanKind,
    /// When it began.
    pub start: UnixNanos,
    /// When it ended.
    pub end: UnixNanos,
    /// Tokens of the request, cached ones included; none where they are not known.
    pub input: Option<u32>,
    /// Tokens of the request that came from the cache.
    pub cached: Option<u32>,
    /// Tokens of the response, those of reasoning included.
    pub output: Option<u32>,
    /// Tokens of reasoning.
    pub reasoning: Option<u32>,
}

/// What the model calls of a trace cost.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct TraceCost {
    /// The sum over calls with a price.
    pub cost: PicoUsd,
    /// Calls with tokens and without a price.
    pub unpriced: u64,
}

impl From<&Span> for SpanOutline {
    fn from(span: &Span) -> Self {
        Self {
            span_id: span.span_id,
            parent_id: span.parent_id,
            kind: span.kind,
            start: span.start,
            end: span.end,
            input: row::tokens(span, names::LLM_TOKEN_COUNT_PROMPT),
            cached: row::tokens(span, names::LLM_TOKEN_COUNT_CACHE_READ),
            output: row::tokens(span, names::LLM_TOKEN_COUNT_COMPLETION),
            reasoning: row::tokens(span, names::LLM_TOKEN_COUNT_REASONING),
        }
    }
}

impl TraceCost {
    /// Adds what a model call says of its cost.
    pub fn add(&mut self, call: &Span) {
        match call.double(names::LLM_COST_TOTAL) {
            Some(dollars) => self.cost.0 += PicoUsd::from_usd(dollars).0,
            None if call.int(names::LLM_TOKEN_COUNT_PROMPT).is_some() => self.unpriced += 1,
            None => {}
        }
    }
}

impl TraceStore {
    /// All spans of a trace, in the order of [`TraceStore::trace`].
    pub fn outline(&self, id: TraceId) -> Result<Vec<SpanOutline>, QueryError> {
        let read = || -> rusqlite::Result<Vec<SpanOutline>> {
            let mut statement = self.connection.prepare(
                "SELECT span_id, parent_id, kind, start_ns, end_ns, input_tokens, cached_tokens,
                    output_tokens, reasoning_tokens
                 FROM spans WHERE trace_id = ? ORDER BY rowid",
            )?;
            statement.query_map([id.0], read_outline)?.collect()
        };
        read().map(tree::in_reading_order).map_err(|source| self.query_error(source))
    }

    /// These spans, as far as they are stored, in this order.
    pub fn spans(&self, ids: impl IntoIterator<Item = SpanId>) -> Result<Vec<Span>, QueryError> {
        let read = || -> rusqlite::Result<Vec<Span>> {
            let sql = format!("SELECT {} FROM spans WHERE span_id = ?", row::COLUMNS);
            let mut statement = self.connection.prepare(&sql)?;
            let mut spans = Vec::new();
            for id in ids {
                spans.extend(statement.query_row([id.0], row::read).optional()?);
            }
            Ok(spans)
        };
        read().map_err(|source| self.query_error(source))
    }

    /// What the calls in this outline of a trace cost.
    pub fn cost(&self, id: TraceId, outline: &[SpanOutline]) -> Result<TraceCost, QueryError> {
        let calls = || outline.iter().filter(|span| span.kind == SpanKind::Llm);
        let counted = calls().filter(|call| call.input.is_some()).count();
        let tokens = |call: &SpanOutline| {
            u64::from(call.input.unwrap_or(0)) + u64::from(call.output.unwrap_or(0))
        };
        let tokens: u64 = calls().map(tokens).sum();
        let recorded = self.recorded_cost(id).map_err(|source| self.query_error(source))?;
        match recorded {
            // The record is of the same calls: their spans need not be read.
            Some((cost, of, said)) if of == counted as u64 && said == tokens => Ok(cost),
            _ => {
                let mut cost = TraceCost::default();
                for call in calls() {
                    self.spans([call.span_id])?.iter().for_each(|call| cost.add(call));
                }
                Ok(cost)
            }
        }
    }

    /// The cost of the turns of a trace, the number of their calls and their tokens.
    fn recorded_cost(&self, id: TraceId) -> rusqlite::Result<Option<(TraceCost, u64, u64)>> {
        self.connection
            .query_row(
                "SELECT sum(cost), sum(unpriced), sum(calls), sum(tokens), count(*)
                 FROM turns WHERE trace_id = ?",
                [id.0],
                |row| {
                    if row.get::<_, u64>(4)? == 0 {
                        return Ok(None);
                    }
                    let cost = TraceCost { cost: PicoUsd(row.get(0)?), unpriced: row.get(1)? };
                    Ok(Some((cost, row.get(2)?, row.get(3)?)))
                },
            )
            .optional()
            .map(Option::flatten)
    }
}

fn read_outline(row: &Row<'_>) -> rusqlite::Result<SpanOutline> {
    Ok(SpanOutline {
        span_id: SpanId(row.get(0)?),
        parent_id: row.get::<_, Option<_>>(1)?.map(SpanId),
        kind: row::kind(row.get_ref(2)?.as_str()?)
            .ok_or_else(|| row::unreadable(2, "unknown kind"))?,
        start: UnixNanos(row.get(3)?),
        end: UnixNanos(row.get(4)?),
        input: row.get(5)?,
        cached: row.get(6)?,
        output: row.get(7)?,
        reasoning: row.get(8)?,
    })
}
