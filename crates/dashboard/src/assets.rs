//! The scripts and styles, which are part of the program.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::pages;

pub(crate) const STYLE: &str = include_str!("../assets/style.css");
pub(crate) const SCRIPT: &str = include_str!("../assets/app.js");

/// Addresses change with each release, so that browsers keep what they have.
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn style_path() -> String {
    format!("/assets/style-{VERSION}-{}.css", STYLE.len())
}

pub(crate) fn script_path() -> String {
    format!("/assets/app-{VERSION}-{}.js", SCRIPT.len())
}

pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let path = format!("/assets/{name}");
    let (kind, text) = if path == style_path() {
        ("text/css; charset=utf-8", STYLE)
    } else if path == script_path() {
        ("text/javascript; charset=utf-8", SCRIPT)
    } else {
        return pages::missing().await.into_response();
    };
    let caching = "private, max-age=31536000, immutable";
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, caching)], text).into_response()
}
