//! The pages.

mod agents;
mod alerts;
mod compare;
mod context;
mod failure;
mod health;
mod home;
mod layout;
mod session;
mod times;
pub(crate) mod turn;
mod turns;
mod usage;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use maud::html;
use serde::Deserialize;

use crate::serve::App;

pub(crate) use compare::{compare, compare_json};
use failure::Said;
pub(crate) use failure::{Failure, in_format_of};
pub(crate) use health::{health, health_json};
pub(crate) use home::{home, home_json};
pub(crate) use session::{session, session_json};
pub(crate) use turn::turn;
pub(crate) use turns::{turns, turns_json};
pub(crate) use usage::{usage, usage_json};

#[derive(Debug, Deserialize)]
pub(crate) struct Ticket {
    #[serde(default)]
    ticket: String,
}

/// Exchanges the ticket for a cookie. A redirect would still count as a visit from elsewhere, which gets
/// no cookie back, so that the page leads on by itself.
pub(crate) async fn open(State(app): State<App>, Query(ticket): Query<Ticket>) -> Response {
    let cookie = app.access().exchange(&ticket.ticket);
    let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) else {
        let reason = "this address was used already: run `arize-codex view` for another one, or use \
                      the window that is open";
        return (StatusCode::UNAUTHORIZED, refused(reason)).into_response();
    };
    let page = html! {
        (maud::DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content="0; url=/";
                title { "arize-codex" }
            }
            body { p { a href="/" { "Open the turns" } } }
        }
    };
    ([(SET_COOKIE, cookie)], Html(page.into_string())).into_response()
}

/// A page for a request that is refused.
pub(crate) fn refused(reason: &str) -> (Extension<Said>, Html<String>) {
    let page = layout::bare("Not shown", &html! { p { (reason) } });
    (Extension(Said(reason.to_owned())), page)
}

pub(crate) async fn missing() -> (StatusCode, Extension<Said>, Html<String>) {
    let said = "there is nothing under this address".to_owned();
    let text = html! { p { "There is no such page. " a href="/" { "All turns" } } };
    (StatusCode::NOT_FOUND, Extension(Said(said)), layout::bare("Not found", &text))
}

/// A page's contents for programs.
fn json(value: &serde_json::Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
