//! Questions.

use otlp_model::{Attribute, Span, SpanStatus, TraceId, UnixNanos};
use rusqlite::{Row, params};

use crate::{FindTraceError, QueryError, TraceStore, row, tree};

/// As many candidates as an error for an ambiguous trace id lists.
const LISTED_MATCHES: usize = 10;

/// A trace in a list. What only one span can say is said by the root, or by the earliest span where
/// the root is missing.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSummary {
    /// Its id.
    pub trace_id: TraceId,
    /// The name of the root span.
    pub name: String,
    /// The session it belongs to.
    pub session_id: Option<String>,
    /// The project it was stored for.
    pub project: Option<String>,
    /// The start of its earliest span.
    pub start: UnixNanos,
    /// The end of its latest span.
    pub end: UnixNanos,
    /// How the root span ended.
    pub status: SpanStatus,
    /// Number of its spans.
    pub spans: u64,
    /// Sum over its LLM spans, cached tokens included; none where no LLM span has a count.
    pub input_tokens: Option<u64>,
    /// Sum over its LLM spans, reasoning tokens included; none where no LLM span has a count.
    pub output_tokens: Option<u64>,
    /// The model of its earliest span that names one.
    pub model: Option<String>,
    /// The attributes of the root span.
    pub attributes: Vec<Attribute>,
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreCounts {
    /// Number of traces.
    pub traces: u64,
    /// Number of spans.
    pub spans: u64,
}

impl TraceStore {
    /// The spans of a trace: parents before their children, siblings in order of start. None at all
    /// for a trace that is not stored.
    pub fn trace(&self, id: TraceId) -> Result<Vec<Span>, QueryError> {
        self.spans_of(id).map(tree::in_reading_order).map_err(|source| self.query_error(source))
    }

    /// The one trace whose id begins with these hexadecimal digits.
    pub fn find_trace(&self, prefix: &str) -> Result<TraceId, FindTraceError> {
        let (first, last) =
            range(prefix).ok_or_else(|| FindTraceError::NotHex { prefix: prefix.to_owned() })?;
        let matches = self.ids_between(first, last).map_err(|source| self.query_error(source))?;
        match matches[..] {
            [] => {
                Err(FindTraceError::Missing { path: self.path.clone(), prefix: prefix.to_owned() })
            }
            [id] => Ok(id),
            _ => Err(FindTraceError::Ambiguous { prefix: prefix.to_owned(), matches }),
        }
    }

    /// At most `limit` traces, the one in which something started last first.
    pub fn last_traces(&self, limit: usize) -> Result<Vec<TraceSummary>, QueryError> {
        self.latest_ids(limit)
            .and_then(|ids| self.summaries(&ids))
            .map_err(|source| self.query_error(source))
    }

    /// How much this store holds.
    pub fn counts(&self) -> Result<StoreCounts, QueryError> {
        self.connection
            .query_row("SELECT count(DISTINCT trace_id), count(*) FROM spans", [], |row| {
                Ok(StoreCounts { traces: row.get(0)?, spans: row.get(1)? })
            })
            .map_err(|source| self.query_error(source))
    }

    fn spans_of(&self, id: TraceId) -> rusqlite::Result<Vec<Span>> {
        let sql = format!("SELECT {} FROM spans WHERE trace_id = ? ORDER BY rowid", row::COLUMNS);
        let mut statement = self.connection.prepare(&sql)?;
        statement.query_map([id.0], row::read)?.collect()
    }

    fn ids_between(&self, first: [u8; 16], last: [u8; 16]) -> rusqlite::Result<Vec<TraceId>> {
        let mut statement = self.connection.prepare(
            "SELECT DISTINCT trace_id FROM spans WHERE trace_id BETWEEN ? AND ?
             ORDER BY trace_id LIMIT ?",
        )?;
        statement
            .query_map(params![first, last, LISTED_MATCHES], |row| row.get(0).map(TraceId))?
            .collect()
    }

    /// Walks back in time until enough traces were met, so that the cost does not grow with the
    /// file. A trace without a root is met like any other.
    fn latest_ids(&self, limit: usize) -> rusqlite::Result<Vec<TraceId>> {
        let mut statement = self
            .connection
            .prepare("SELECT trace_id FROM spans ORDER BY start_ns DESC, trace_id DESC")?;
        let mut rows = statement.query([])?;
        let mut ids = Vec::new();
        while ids.len() < limit
            && let Some(row) = rows.next()?
        {
            let id = TraceId(row.get(0)?);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    pub(crate) fn summaries(&self, ids: &[TraceId]) -> rusqlite::Result<Vec<TraceSummary>> {
        let mut statement = self.connection.prepare(SUMMARY)?;
        ids.iter().map(|id| statement.query_row([id.0], read_summary)).collect()
    }

    pub(crate) fn query_error(&self, source: rusqlite::Error) -> QueryError {
        QueryError { path: self.path.clone(), source }
    }
}

const SUMMARY: &str = "
    SELECT
        root.*,
        totals.*,
        (SELECT model FROM spans WHERE trace_id = ?1 AND model IS NOT NULL
         ORDER BY start_ns, rowid LIMIT 1) AS model
    FROM (
        SELECT trace_id, name, session_id, project, status, status_message, attributes
        FROM spans WHERE trace_id = ?1
        ORDER BY parent_id IS NOT NULL, start_ns, rowid LIMIT 1
    ) AS root, (
        SELECT
            min(start_ns) AS start_ns,
            max(end_ns) AS end_ns,
            count(*) AS spans,
            sum(input_tokens) FILTER (WHERE kind = 'LLM') AS input_tokens,
            sum(output_tokens) FILTER (WHERE kind = 'LLM') AS output_tokens
        FROM spans WHERE trace_id = ?1
    ) AS totals";

fn read_summary(row: &Row<'_>) -> rusqlite::Result<TraceSummary> {
    Ok(TraceSummary {
        trace_id: TraceId(row.get("trace_id")?),
        name: row.get("name")?,
        session_id: row.get("session_id")?,
        project: row.get("project")?,
        start: UnixNanos(row.get("start_ns")?),
        end: UnixNanos(row.get("end_ns")?),
        status: row::status(row)?,
        spans: row.get("spans")?,
        input_tokens: row.get("input_tokens")?,
        output_tokens: row.get("output_tokens")?,
        model: row.get("model")?,
        attributes: row::attributes(row)?,
    })
}

/// The first and the last id that begin with these digits.
fn range(prefix: &str) -> Option<([u8; 16], [u8; 16])> {
    let is_hex = prefix.bytes().all(|digit| digit.is_ascii_hexdigit());
    if prefix.is_empty() || prefix.len() > 32 || !is_hex {
        return None;
    }
    let bound = |filler: &str| {
        let digits = format!("{prefix}{}", filler.repeat(32 - prefix.len()));
        u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)
    };
    Some((bound("0")?, bound("f")?))
}
