//! Who may ask for what.
//!
//! The port is open to every user of the machine and, through their browsers, to every web page.
//! A page can reach it in two ways: from its own origin, which browsers then name, and by having
//! its own host name resolve to 127.0.0.1, which the `Host` header shows. Other users are kept
//! from reading by the token, and from writing as [`super::admission`] says.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, HOST, ORIGIN, SERVER, WWW_AUTHENTICATE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use buffer_api::{
    secrets::{INSTANCE_HEADER, NONCE_HEADER, PROOF_HEADER, TOKEN_HEADER},
    wire::SERVICE_NAME,
};

use super::{
    App,
    admission::{self, Peer, Shown},
    answer::Refusal,
    connections::Connection,
    secrets::Secrets,
};
use crate::log::Topic;

/// Refuses what did not come from this machine's own programs, and signs every answer: with a proof,
/// where that is asked for.
pub(super) async fn loopback_only(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let nonce = request.headers().get(NONCE_HEADER).cloned();
    let mut answer = match check_origin(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            app.log.line_on(Topic::Refused, format_args!("refused: {}", refusal.reason));
            refusal.into_response()
        }
    };
    let headers = answer.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static(SERVICE_NAME));
    if let Some(nonce) = nonce.as_ref().and_then(|nonce| nonce.to_str().ok()) {
        prove(&app.secrets, nonce, headers);
    }
    answer
}

fn prove(secrets: &Secrets, nonce: &str, headers: &mut HeaderMap) {
    let header = |text: &str| HeaderValue::from_str(text).ok();
    let proof = secrets.proof(nonce).as_deref().and_then(header);
    if let (Some(proof), Some(instance)) = (proof, header(&secrets.instance)) {
        headers.insert(PROOF_HEADER, proof);
        headers.insert(INSTANCE_HEADER, instance);
    }
}

/// The answer to a reader without the token. The file is readable by its owner alone, so that its
/// place is no secret.
const HOW_TO_READ: &str = "reading takes the token: send it as `authorization: Bearer TOKEN`; it is \
     the text of the file `run/codex-buffer.token` in the harness home, which is \
     `~/.arize/harness` unless `ARIZE_HARNESS_HOME` is set";

const HOW_TO_WRITE: &str = "writing takes the write token: send it as `x-arize-token: WRITE_TOKEN`; \
     `arize-codex setup` puts it into the configuration of Codex";

/// Lets those pass who show the token, or what comes of it, as a bearer.
pub(super) async fn readers_only(State(app): State<App>, request: Request, next: Next) -> Response {
    if bearer(request.headers()).is_some_and(|shown| app.secrets.permits_reading(shown)) {
        if let Some(connection) = connection(&request) {
            connection.trust();
        }
        return next.run(request).await;
    }
    unauthorized(&app, HOW_TO_READ)
}

/// Lets those pass whose events are taken, and says whose they are.
pub(super) async fn writers_only(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response {
    let connection = connection(&request).cloned();
    let shown = shown(request.headers(), &app.secrets);
    let peer = match &connection {
        // Looking costs more than the rest of the request.
        _ if shown == Shown::Right => Peer::Unknown,
        Some(it) => *it.known.get_or_init(|| admission::peer(app.owner, it.peer, it.local)),
        None => Peer::Unknown,
    };
    let Some(origin) = admission::admit(shown, peer, app.writers) else {
        app.counters.unauthorized.fetch_add(1, Ordering::Relaxed);
        return unauthorized(&app, HOW_TO_WRITE);
    };
    if let (Some(connection), admission::Origin::Owner) = (connection, origin) {
        connection.trust();
    }
    request.extensions_mut().insert(origin);
    next.run(request).await
}

fn connection(request: &Request) -> Option<&Arc<Connection>> {
    request.extensions().get()
}

fn shown(headers: &HeaderMap, secrets: &Secrets) -> Shown {
    let own = headers.get(TOKEN_HEADER).map(HeaderValue::as_bytes);
    let mut shown = own.into_iter().chain(bearer(headers)).peekable();
    if shown.peek().is_none() {
        return Shown::Nothing;
    }
    match shown.any(|token| secrets.permits_writing(token)) {
        true => Shown::Right,
        false => Shown::Wrong,
    }
}

fn unauthorized(app: &App, reason: &str) -> Response {
    app.log.line_on(Topic::Refused, format_args!("refused: {reason}"));
    let scheme = [(WWW_AUTHENTICATE, "Bearer")];
    (scheme, Refusal::new(StatusCode::UNAUTHORIZED, reason)).into_response()
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
}
