//! A span as a row of the `spans` table.

use std::error::Error;

use otlp_model::{Attribute, Span, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos, Value, names};
use rusqlite::types::Type;
use rusqlite::{Row, Statement, params};

use crate::attributes;
use crate::packing::{Packer, unpack};

/// Writes a span; a span id that is there already stays as it is.
pub(crate) const INSERT: &str = "
    INSERT INTO spans (
        rowid, span_id, trace_id, parent_id, session_id, project, kind, name, start_ns, end_ns,
        status, status_message, model, input_tokens, cached_tokens, output_tokens,
        reasoning_tokens, attributes, events
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (span_id) DO NOTHING";

/// The columns that [`read`] takes, in its order.
pub(crate) const COLUMNS: &str = "span_id, trace_id, parent_id, kind, name, start_ns, end_ns, \
                                  status, status_message, attributes, events";

/// Runs [`INSERT`] with this number of a row; gives the number of rows that are new, 0 or 1.
pub(crate) fn insert(
    statement: &mut Statement<'_>,
    packer: &mut Packer,
    number: i64,
    span: &Span,
    project: Option<&str>,
) -> rusqlite::Result<usize> {
    let (status, message) = match &span.status {
        SpanStatus::Unset => ("UNSET", None),
        SpanStatus::Ok => ("OK", None),
        SpanStatus::Error(message) => ("ERROR", Some(message)),
    };
    statement.execute(params![
        number,
        span.span_id.0,
        span.trace_id.0,
        span.parent_id.map(|id| id.0),
        span.text("session.id"),
        project,
        span.kind.as_str(),
        span.name,
        column_time(span.start),
        column_time(span.end),
        status,
        message,
        span.text("llm.model_name"),
        tokens(span, "llm.token_count.prompt"),
        tokens(span, "llm.token_count.prompt_details.cache_read"),
        tokens(span, "llm.token_count.completion"),
        tokens(span, "llm.token_count.completion_details.reasoning"),
        packer.pack(attributes::to_json(&span.attributes).map_err(unwritable)?),
        packer.pack(attributes::events_to_json(&span.events).map_err(unwritable)?),
    ])
}

/// The row of a model call in `call_times`.
pub(crate) fn call_times(number: i64, span: &Span) -> impl rusqlite::Params {
    let first_token = span.double(names::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK);
    let millis = |seconds: f64| (seconds * 1000.0).round() as i64;
    (
        number,
        column_time(span.start),
        span.trace_id.0,
        span.text(names::LLM_MODEL_NAME).unwrap_or_default().to_owned(),
        column_time(UnixNanos(span.end.since(span.start) / 1_000_000)),
        first_token.filter(|seconds| *seconds >= 0.0).map(millis),
    )
}

/// The span in a row of [`COLUMNS`].
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Span> {
    let events = unpack(row.get_ref(10)?)?;
    Ok(Span {
        span_id: SpanId(row.get(0)?),
        trace_id: TraceId(row.get(1)?),
        parent_id: row.get::<_, Option<_>>(2)?.map(SpanId),
        kind: kind(&row.get::<_, String>(3)?).ok_or_else(|| unreadable(3, "unknown kind"))?,
        name: row.get(4)?,
        start: UnixNanos(row.get(5)?),
        end: UnixNanos(row.get(6)?),
        status: status(row)?,
        attributes: attributes(row)?,
        events: attributes::events_from_json(&events).map_err(|error| unreadable(10, error))?,
    })
}

/// The attributes of the span in a row with the column `attributes`.
pub(crate) fn attributes(row: &Row<'_>) -> rusqlite::Result<Vec<Attribute>> {
    let json = unpack(row.get_ref("attributes")?)?;
    attributes::from_json(&json).map_err(|error| unreadable(9, error))
}

/// How the span in a row with the columns `status` and `status_message` ended.
pub(crate) fn status(row: &Row<'_>) -> rusqlite::Result<SpanStatus> {
    match row.get_ref("status")?.as_str()? {
        "OK" => Ok(SpanStatus::Ok),
        "ERROR" => Ok(SpanStatus::Error(row.get("status_message")?)),
        _ => Ok(SpanStatus::Unset),
    }
}

/// The project that the sender of a batch names.
pub(crate) fn project(resource: &[Attribute]) -> Option<&str> {
    let attribute =
        resource.iter().find(|attribute| attribute.key == "openinference.project.name")?;
    match &attribute.value {
        Value::String(name) => Some(name),
        _ => None,
    }
}

pub(crate) fn kind(name: &str) -> Option<SpanKind> {
    [SpanKind::Agent, SpanKind::Llm, SpanKind::Tool, SpanKind::Chain]
        .into_iter()
        .find(|kind| kind.as_str() == name)
}

/// SQLite has no unsigned numbers; the largest time it takes is in the year 2262.
pub(crate) fn column_time(time: UnixNanos) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

/// A count for the columns that are summed. No request has four thousand million tokens: a larger
/// number is nonsense, and could make every sum overflow.
pub(crate) fn tokens(span: &Span, key: &str) -> Option<u32> {
    u32::try_from(span.int(key)?).ok()
}

fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

pub(crate) fn unreadable(
    column: usize,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}
