//! The scripts and styles, which are part of the program.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::pages;

pub(crate) const STYLE: &str = include_str!("../assets/style.css");
pub(crate) const SCRIPT: &str = include_str!("../assets/app.js");

/// Addresses have a hash of what is there, so that browsers keep what they have and get what is new.
static PATHS: LazyLock<(String, String)> = LazyLock::new(|| {
    let hash = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..12]);
    (format!("/assets/{}.css", hash(STYLE)), format!("/assets/{}.js", hash(SCRIPT)))
});

pub(crate) fn style_path() -> &'static str {
    &PATHS.0
}

pub(crate) fn script_path() -> &'static str {
    &PATHS.1
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
