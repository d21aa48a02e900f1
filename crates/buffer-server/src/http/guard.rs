//! Who may ask for what.
//!
//! The port is open to every user of the machine and, through their browsers, to every web page.
//! A page can reach it in two ways: from its own origin, which browsers then name, and by having
//! its own host name resolve to 127.0.0.1, which the `Host` header shows. Other users are kept
//! from reading by the token.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, HOST, HeaderName, ORIGIN, SERVER},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use buffer_api::wire::SERVICE_NAME;

use super::{App, answer::Refusal};
use crate::{config::Writers, log::Topic};

/// Where Codex's exporter puts the token: `Authorization` may be somebody else's.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-arize-token");

/// Refuses what did not come from this machine's own programs, and signs every answer.
pub(super) async fn loopback_only(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let mut answer = match check_origin(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            app.log.line_on(Topic::Refused, format_args!("refused: {}", refusal.reason));
            refusal.into_response()
        }
    };
    answer.headers_mut().insert(SERVER, HeaderValue::from_static(SERVICE_NAME));
    answer
}

/// Lets those pass who show the token as a bearer.
pub(super) async fn readers_only(State(app): State<App>, request: Request, next: Next) -> Response {
    if bearer(request.headers()).is_some_and(|token| same(token, &app.token)) {
        return next.run(request).await;
    }
    unauthorized(&app, "reading takes `authorization: Bearer <token>`")
}

/// Lets everybody pass unless the service wants the token from writers too.
pub(super) async fn writers_only(State(app): State<App>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let own = headers.get(TOKEN_HEADER).map(HeaderValue::as_bytes);
    let mut shown = own.into_iter().chain(bearer(headers));
    if app.writers == Writers::Anybody || shown.any(|token| same(token, &app.token)) {
        return next.run(request).await;
    }
    unauthorized(&app, "writing takes `x-arize-token: <token>`")
}

fn unauthorized(app: &App, reason: &str) -> Response {
    app.log.line_on(Topic::Refused, format_args!("refused: {reason}"));
    Refusal::new(StatusCode::UNAUTHORIZED, reason).into_response()
}

fn check_origin(headers: &HeaderMap) -> Result<(), Refusal> {
    let refuse = |header: &str| {
        let reason = format!("the `{header}` header is not of this machine");
        Err(Refusal::new(StatusCode::FORBIDDEN, reason))
    };
    if !headers.get(HOST).is_some_and(is_loopback) {
        return refuse("host");
    }
    let origin_host = |origin: &HeaderValue| {
        let origin = origin.to_str().ok()?;
        let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))?;
        HeaderValue::from_str(host).ok()
    };
    match headers.get(ORIGIN) {
        Some(origin) if !origin_host(origin).as_ref().is_some_and(is_loopback) => refuse("origin"),
        _ => Ok(()),
    }
}

/// Whether a host, with or without a port, is the loopback interface.
fn is_loopback(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ")
}

/// Compares in a time that does not tell how much was right.
fn same(shown: &[u8], token: &str) -> bool {
    let token = token.as_bytes();
    let differences = shown.iter().zip(token).fold(0, |all, (a, b)| all | (a ^ b));
    shown.len() == token.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for (host, expected) in [
            ("127.0.0.1:4318", true),
            ("127.0.0.1", true),
            ("localhost:1", true),
            ("LocalHost", true),
            ("[::1]:4318", true),
            ("[::1]", true),
            ("", false),
            ("example.org", false),
            ("example.org:4318", false),
            ("127.0.0.1.example.org:4318", false),
            ("localhost.example.org", false),
            ("127.0.0.1@example.org", false),
            ("192.168.0.1:4318", false),
            ("0.0.0.0:4318", false),
        ] {
            assert_eq!(is_loopback(&HeaderValue::from_str(host).unwrap()), expected, "{host}");
        }
    }

    #[test]
    fn tokens_are_compared_in_full() {
        assert!(same(b"abcd", "abcd"));
        for shown in ["", "abc", "abcde", "abce", "xbcd"] {
            assert!(!same(shown.as_bytes(), "abcd"), "{shown}");
        }
    }
}
