//! The turns of a session.

use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use maud::html;
use serde::Deserialize;

use super::failure::Failure;
use super::{layout, turns};
use crate::serve::App;
use crate::{format, text};

#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    #[serde(default)]
    id: String,
}

pub(crate) async fn session(
    State(app): State<App>,
    Query(Choice { id }): Query<Choice>,
) -> Result<Response, Failure> {
    let asked = id.clone();
    let found = app.ask(move |store| Ok(store.traces_of_session(&asked)?)).await?;
    let (Some(first), Some(last)) = (found.first(), found.last()) else {
        return Err(Failure::NoSession);
    };
    let time = last.end.since(first.start);
    let body = html! {
        h1 { "Session" }
        p.id { (text::line(&id, 80)) }
        p { (found.len()) @if found.len() == 1 { " turn" } @else { " turns" } " within " (format::duration(time)) }
        (turns::table(&app, &found))
    };
    let page: Html<String> = layout::page("Session", true, &body);
    Ok(page.into_response())
}
