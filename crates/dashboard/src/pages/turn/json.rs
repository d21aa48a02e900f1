//! The spans of a turn for programs.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use otlp_model::{Span, TraceId};
use serde_json::json;
use trace_store::{SpanOutline, TraceStore};

use super::super::{json as body, missing};
use super::{Choice, Failure, read, span_id};
use crate::serve::App;
use crate::{format, turn};

/// Spans that are read at once.
const CHUNK: usize = 100;

/// The span that is chosen, or all of them.
pub(super) async fn answer(app: &App, id: &str, chosen: Option<&str>) -> Result<Response, Failure> {
    let id = id.to_owned();
    if !app.running().spans(&id).is_empty() {
        return running(app, id, chosen).await;
    }
    let chosen = chosen.and_then(span_id);
    let found = app.ask(move |store| {
        let trace = store.find_trace(&id)?;
        let span = store.spans(chosen)?.pop().filter(|span| span.trace_id == trace);
        let outline = if span.is_some() { Vec::new() } else { store.outline(trace)? };
        Ok((trace, span, outline))
    });
    let (trace, span, outline) = found.await?;
    Ok(match span {
        Some(span) => body(&of_span(&span)),
        None => stream(app, trace, outline),
    })
}

/// Of a turn that goes on.
async fn running(app: &App, id: String, chosen: Option<&str>) -> Result<Response, Failure> {
    let Some((trace, ..)) = read(app, id, Choice::default()).await? else {
        return Ok(missing().await.into_response());
    };
    let span = chosen.and_then(|id| trace.place(id)).and_then(|place| trace.span(place));
    Ok(match span {
        Some(span) => body(&of_span(span)),
        None => {
            let spans: Vec<_> =
                trace.range(0..trace.len()).map(|(_, span)| of_span(span)).collect();
            body(&json!({ "trace_id": trace.id.to_string(), "spans": spans }))
        }
    })
}

/// All spans of a trace, some at a time: a large one is never in memory as a whole.
fn stream(app: &App, trace: TraceId, outline: Vec<SpanOutline>) -> Response {
    let parts = app.stream(move |store, send| {
        if !send(format!(r#"{{"trace_id":"{trace}","spans":["#).into()) {
            return Ok(());
        }
        for (nth, chunk) in outline.chunks(CHUNK).enumerate() {
            let text = texts(store, chunk)?.join(",");
            let comma = if nth > 0 && !text.is_empty() { "," } else { "" };
            if !send(format!("{comma}{text}").into()) {
                return Ok(());
            }
        }
        send(Bytes::from_static(b"]}"));
        Ok(())
    });
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(parts)).into_response()
}

fn texts(store: &TraceStore, chunk: &[SpanOutline]) -> Result<Vec<String>, Failure> {
    let spans = store.spans(chunk.iter().map(|span| span.span_id))?;
    Ok(spans.iter().map(|span| of_span(span).to_string()).collect())
}

fn of_span(span: &Span) -> serde_json::Value {
    let (status, reason) = turn::status(span);
    let attributes = span
        .attributes
        .iter()
        .map(|attribute| (attribute.key.to_string(), format::json_value(&attribute.value)));
    json!({
        "span_id": span.span_id.to_string(),
        "parent_id": span.parent_id.map(|id| id.to_string()),
        "name": span.name,
        "kind": span.kind.as_str(),
        "start": format::utc(span.start),
        "end": format::utc(span.end),
        "status": status,
        "status_message": reason,
        "attributes": attributes.collect::<serde_json::Map<_, _>>(),
    })
}
