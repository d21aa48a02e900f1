//! The turns of a session.

use axum::extract::{Query, State};
use axum::response::{Html, Response};
use maud::html;
use serde::Deserialize;
use trace_store::TraceSummary;

use super::failure::Failure;
use super::{layout, turns};
use crate::serve::App;
use crate::{format, text};

#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    #[serde(default)]
    id: String,
}

impl Choice {
    /// The turns of the session, at least one.
    async fn turns(&self, app: &App) -> Result<Vec<TraceSummary>, Failure> {
        let id = self.id.clone();
        let turns = app.ask(move |store| Ok(store.traces_of_session(&id)?)).await?;
        if turns.is_empty() { Err(Failure::NoSession) } else { Ok(turns) }
    }
}

pub(crate) async fn session(
    State(app): State<App>,
    Query(choice): Query<Choice>,
) -> Result<Html<String>, Failure> {
    let found = choice.turns(&app).await?;
    // One turn may end while the next is going on.
    let end = found.iter().map(|turn| turn.end).max().unwrap_or_default();
    let body = html! {
        h1 { "Session" }
        p.id { (text::line(&choice.id, 80)) }
        p {
            (found.len()) @if found.len() == 1 { " turn" } @else { " turns" }
            " within " (format::duration(end.since(found[0].start)))
        }
        (turns::table(&app, &found))
    };
    Ok(layout::page("Session", true, &body))
}

pub(crate) async fn session_json(
    State(app): State<App>,
    Query(choice): Query<Choice>,
) -> Result<Response, Failure> {
    Ok(turns::summaries(&choice.turns(&app).await?))
}
