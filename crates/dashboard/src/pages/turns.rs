//! The list of turns.

use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, html};
use otlp_model::{SpanStatus, Value, names};
use serde::Deserialize;
use serde_json::json;
use trace_store::TraceSummary;

use super::failure::{self, Failure};
use super::layout;
use crate::serve::App;
use crate::{format, text};

/// Turns on a page.
const PAGE: usize = 50;
const MOST: usize = 2_000;

#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    limit: Option<usize>,
}

impl Choice {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE).clamp(1, MOST)
    }
}

pub(crate) async fn turns(
    State(app): State<App>,
    Query(choice): Query<Choice>,
) -> Result<Response, Failure> {
    let limit = choice.limit();
    let turns = app.ask(move |store| Ok(store.last_traces(limit)?)).await?;
    if turns.is_empty() {
        return Ok(failure::empty().into_response());
    }
    Ok(page(&app, &turns, limit).into_response())
}

fn page(app: &App, turns: &[TraceSummary], limit: usize) -> Html<String> {
    let more = (turns.len() == limit && limit < MOST).then_some(limit.saturating_mul(2).min(MOST));
    let body = html! {
        h1 { "Turns" }
        (table(app, turns))
        @if let Some(more) = more {
            p.more { a href=(format!("/?limit={more}")) { "more" } }
        }
    };
    layout::page("Turns", true, &body)
}

/// One row each; a row leads to its turn.
pub(super) fn table(app: &App, turns: &[TraceSummary]) -> Markup {
    html! {
        table.turns {
            thead { tr {
                th { "Began" } th { "Prompt" } th { "Where" } th { "Model" }
                th.number { "Tokens" } th.number { "Cost" } th.number { "Time" } th { "Ended" }
            } }
            tbody {
                @for turn in turns {
                    @let (status, reason) = status(turn);
                    tr class=(status) {
                        td { time datetime=(format::utc(turn.start)) { (format::time(turn.start, app.zone())) } }
                        td.prompt { a href=(format!("/turn/{}", turn.trace_id)) {
                            (text::line(attribute(turn, names::INPUT_VALUE).unwrap_or(&turn.name), 120))
                        } }
                        td.folder { (text::line(&folder(turn), 40)) }
                        td { (text::line(turn.model.as_deref().unwrap_or("–"), 30)) }
                        td.number { (tokens(turn)) }
                        td.number { (cost(turn).map_or("–".to_owned(), format::dollars)) }
                        td.number { (format::duration(turn.end.since(turn.start))) }
                        td title=[reason] { (status) }
                    }
                }
            }
        }
    }
}

fn tokens(turn: &TraceSummary) -> String {
    let all = turn.input_tokens.unwrap_or(0).saturating_add(turn.output_tokens.unwrap_or(0));
    if all == 0 { "–".to_owned() } else { format::count(i64::try_from(all).unwrap_or(i64::MAX)) }
}

/// The last part of the folder in which the turn ran.
fn folder(turn: &TraceSummary) -> String {
    let metadata = attribute(turn, names::METADATA).unwrap_or_default();
    let metadata: serde_json::Value = serde_json::from_str(metadata).unwrap_or_default();
    let folder = metadata["cwd"].as_str().unwrap_or_default();
    folder.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}

fn cost(turn: &TraceSummary) -> Option<f64> {
    let attribute =
        turn.attributes.iter().find(|attribute| attribute.key.ends_with(".turn.cost_usd"))?;
    match attribute.value {
        Value::Double(dollars) => Some(dollars),
        _ => None,
    }
}

/// How a turn ended: an interruption is no failure.
fn status(turn: &TraceSummary) -> (&str, Option<&str>) {
    let said = turn.attributes.iter().find(|attribute| attribute.key.ends_with(".turn.status"));
    let said = said.and_then(|attribute| match &attribute.value {
        Value::String(text) => Some(text.as_ref()),
        _ => None,
    });
    let reason = match &turn.status {
        SpanStatus::Error(reason) => Some(reason.as_str()),
        _ => None,
    };
    let known = ["completed", "failed", "interrupted", "unknown"];
    let said = said.filter(|status| known.contains(status));
    (said.unwrap_or(if reason.is_some() { "failed" } else { "completed" }), reason)
}

fn attribute<'t>(turn: &'t TraceSummary, key: &str) -> Option<&'t str> {
    let attribute = turn.attributes.iter().find(|attribute| attribute.key == key)?;
    match &attribute.value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

pub(crate) async fn turns_json(
    State(app): State<App>,
    Query(choice): Query<Choice>,
) -> Result<Response, Failure> {
    let limit = choice.limit();
    let turns = app.ask(move |store| Ok(store.last_traces(limit)?)).await?;
    Ok(summaries(&turns))
}

/// The same for programs.
pub(super) fn summaries(turns: &[TraceSummary]) -> Response {
    let turns = turns.iter().map(|turn| {
        json!({
            "trace_id": turn.trace_id.to_string(),
            "name": turn.name,
            "session_id": turn.session_id,
            "project": turn.project,
            "prompt": attribute(turn, names::INPUT_VALUE),
            "start": format::utc(turn.start),
            "end": format::utc(turn.end),
            "status": status(turn).0,
            "model": turn.model,
            "spans": turn.spans,
            "input_tokens": turn.input_tokens,
            "output_tokens": turn.output_tokens,
            "cost_usd": cost(turn),
        })
    });
    super::json(&json!({ "turns": turns.collect::<Vec<_>>() }))
}
