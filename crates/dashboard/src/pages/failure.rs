//! What keeps a page from being shown.

use axum::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;
use trace_store::{FindTraceError, OpenError, QueryError};

use super::layout;

/// Why a question to the store has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Find(#[from] FindTraceError),
    #[error("{0}")]
    Choice(String),
    #[error("there is no such session in the store")]
    NoSession,
    #[error("the system gives no random numbers")]
    NoRandom,
    #[error("the question to the store ended early")]
    Panicked,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Open(OpenError::Missing { .. }) => {
                let said = Said("no turn is stored yet".to_owned());
                return (Extension(said), empty()).into_response();
            }
            Self::Find(_) | Self::NoSession => StatusCode::NOT_FOUND,
            Self::Choice(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut causes = vec![self.to_string()];
        let mut cause = std::error::Error::source(&self);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let said = causes.join(": ");
        let text = html! {
            p { (said) }
            p { a href="/turns" { "All turns" } }
        };
        (status, Extension(Said(said)), layout::bare("Not shown", &text)).into_response()
    }
}

/// What a page of an error says, for an answer to a program.
#[derive(Debug, Clone)]
pub(crate) struct Said(pub(super) String);

/// The same answer, in JSON where its address asks for that.
pub(crate) fn in_format_of(path: &str, answer: Response) -> Response {
    let said = answer.extensions().get::<Said>().filter(|_| path.ends_with(".json"));
    let Some(Said(said)) = said else { return answer };
    let status = match answer.status() {
        // A page that says what is missing is no answer to a program.
        status if status.is_success() => StatusCode::NOT_FOUND,
        status => status,
    };
    (status, super::json(&serde_json::json!({ "error": said }))).into_response()
}

/// The page of a store without a turn.
pub(super) fn empty() -> axum::response::Html<String> {
    let text = html! {
        p { "No turn is stored yet." }
        p { "Run " code { "codex" } ", and its turn is here when it ends. If turns are sent elsewhere only, "
            code { "arize-codex setup" } " can keep a copy here; " code { "arize-codex doctor" }
            " says what is missing." }
    };
    layout::page("Turns", true, &text)
}
