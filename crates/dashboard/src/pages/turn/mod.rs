//! A turn: when, what was said, what changed, and what it cost, with one span chosen in all four.

mod download;
mod json;
mod page;
mod panes;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use otlp_model::{SpanId, TraceId};
use serde::Deserialize;
use trace_store::TraceStore;

use self::download::Format;
pub(crate) use self::page::Page;
use self::page::Shown;
use super::failure::Failure;
use super::layout;
use crate::facts::Elsewhere;
use crate::serve::App;
use crate::turn::Trace;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Choice {
    /// The span that is chosen.
    span: Option<String>,
    /// The first span on the page.
    from: Option<usize>,
    /// A part of the page alone.
    part: Option<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Part {
    /// The attributes of the chosen span.
    Chosen,
    /// What the whole turn changed, where the page shows some of its spans.
    Changes,
}

pub(crate) async fn turn(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(choice): Query<Choice>,
) -> Result<Response, Failure> {
    if let Some((id, format)) = Format::of(&name) {
        return download::answer(&app, id, format).await;
    }
    match name.strip_suffix(".json") {
        Some(id) => json::answer(&app, id, choice.span.as_deref()).await,
        None => html(&app, name, choice).await,
    }
}

async fn html(app: &App, id: String, choice: Choice) -> Result<Response, Failure> {
    let part = choice.part;
    let Some((trace, shown, goes_on)) = read(app, id, choice).await? else {
        return Ok(super::missing().await.into_response());
    };
    let trace_id = trace.id.to_string();
    let mut elsewhere = app.fact(move |facts| facts.elsewhere(&trace_id)).await?;
    elsewhere.retain(Elsewhere::is_page);
    let page = Page::new(app.zone(), &trace, shown, elsewhere, goes_on);
    Ok(match part {
        Some(Part::Chosen) => layout::bare("Span", &page.chosen_section()),
        Some(Part::Changes) => layout::page("Changes", false, &page.changes_of_all()),
        None => {
            let live = if goes_on { layout::Live::Follow } else { layout::Live::Tell };
            layout::live_page(&page.title(), live, &page.body())
        }
    }
    .into_response())
}

/// The trace with the spans that are shown, and whether it goes on; none where there is none.
async fn read(
    app: &App,
    id: String,
    choice: Choice,
) -> Result<Option<(Trace, Shown, bool)>, Failure> {
    let running = app.running().spans(&id);
    if running.is_empty() {
        return app.ask(move |store| read_stored(store, store.find_trace(&id)?, &choice)).await;
    }
    // Of a turn that goes on, the store may have sub-agents that have ended.
    let stored = app.ask(move |store| Ok(store.trace(store.find_trace(&id)?)?)).await;
    let mut spans = match stored {
        Err(Failure::Find(_) | Failure::Open(_)) => Vec::new(),
        stored => stored?,
    };
    spans.retain(|span| running.iter().all(|newer| newer.span_id != span.span_id));
    let trace = Trace::new(running.into_iter().chain(spans).collect());
    Ok(trace.map(|trace| {
        let shown = Shown::of(&trace, choice.span.as_deref(), choice.from);
        (trace, shown, true)
    }))
}

fn read_stored(
    store: &TraceStore,
    id: TraceId,
    choice: &Choice,
) -> Result<Option<(Trace, Shown, bool)>, Failure> {
    let Some(mut trace) = Trace::stored(store, id)? else { return Ok(None) };
    let shown = Shown::of(&trace, choice.span.as_deref(), choice.from);
    match choice.part {
        Some(Part::Chosen) => trace.read(store, [shown.chosen])?,
        Some(Part::Changes) => trace.read_tools(store)?,
        None => trace.read(store, shown.places().chain([shown.chosen]))?,
    }
    Ok(Some((trace, shown, false)))
}

/// The id that an address names.
fn span_id(text: &str) -> Option<SpanId> {
    let digits = u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 16)?;
    Some(SpanId(digits.to_be_bytes()))
}

/// A text in the query of an address.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
