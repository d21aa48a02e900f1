//! Who may see the pages.
//!
//! Each user of the machine, and each web page in their browsers, can reach the port. So a browser shows
//! a ticket first, which works once, and gets a cookie for it. A foreign page cannot use the cookie
//! (`SameSite=Strict`, no CORS), and cannot reach the pages under a host name of its own (`Host`).

use std::sync::{Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::pages;
use crate::serve::App;

/// The path that takes the ticket.
pub(crate) const OPEN: &str = "/open";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The secrets of one run.
#[derive(Debug)]
pub(crate) struct Access {
    port: u16,
    ticket: Mutex<Option<String>>,
    session: String,
}

impl Access {
    pub(crate) fn new(port: u16) -> Result<Self, getrandom::Error> {
        Ok(Self { port, ticket: Mutex::new(Some(random()?)), session: random()? })
    }

    /// The address that lets one browser in.
    pub(crate) fn address(&self) -> Option<String> {
        let ticket = self.ticket.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = ticket.as_deref()?;
        Some(format!("http://127.0.0.1:{}{OPEN}?ticket={ticket}", self.port))
    }

    /// Takes the ticket, once; gives the cookie.
    pub(crate) fn exchange(&self, shown: &str) -> Option<String> {
        let mut ticket = self.ticket.lock().unwrap_or_else(PoisonError::into_inner);
        if !ticket.as_deref().is_some_and(|ticket| same(ticket, shown)) {
            return None;
        }
        *ticket = None;
        let name = self.cookie_name();
        Some(format!("{name}={}; Path=/; HttpOnly; SameSite=Strict", self.session))
    }

    /// Cookies do not tell ports apart, so that each port has a name of its own.
    fn cookie_name(&self) -> String {
        format!("arize-codex-view-{}", self.port)
    }

    pub(crate) fn has_session(&self, headers: &HeaderMap) -> bool {
        let name = self.cookie_name();
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        cookies.flat_map(|value| value.split(';')).any(|cookie| {
            let parts = cookie.trim().split_once('=');
            parts.is_some_and(|(key, value)| key == name && same(value, &self.session))
        })
    }

    fn is_own_host(&self, host: &str) -> bool {
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
        ["127.0.0.1", "localhost"].contains(&name) && port == self.port.to_string()
    }

    /// The reason why a request is refused before its path is looked up.
    fn refusal(&self, request: &Request) -> Option<(StatusCode, &'static str)> {
        let headers = request.headers();
        let hosts: Vec<_> = headers.get_all(HOST).iter().collect();
        let is_own = |value: &HeaderValue| value.to_str().is_ok_and(|host| self.is_own_host(host));
        if hosts.len() != 1 || !is_own(hosts[0]) {
            return Some((
                StatusCode::MISDIRECTED_REQUEST,
                "this address is not the one that was opened",
            ));
        }
        let is_own_origin = |value: &HeaderValue| {
            let host = value.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            host.is_some_and(|host| self.is_own_host(host))
        };
        if headers.get_all(ORIGIN).iter().any(|origin| !is_own_origin(origin)) {
            return Some((StatusCode::FORBIDDEN, "another page sent this request"));
        }
        let path = request.uri().path();
        if !is_normal(path) {
            return Some((StatusCode::BAD_REQUEST, "the path is not in its normal form"));
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return Some((StatusCode::METHOD_NOT_ALLOWED, "pages can only be read"));
        }
        // Neither shows anything of the store.
        if path == OPEN || path.starts_with("/assets/") {
            return None;
        }
        let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
        if site.is_some_and(|site| !["same-origin", "none"].contains(&site)) {
            return Some((StatusCode::FORBIDDEN, "another page sent this request"));
        }
        (!self.has_session(headers)).then_some((
            StatusCode::UNAUTHORIZED,
            "this browser has no session: open the address that `arize-codex view` prints",
        ))
    }
}

/// Refuses requests that did not come from a browser with a session, and adds the headers of each answer.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    app.activity();
    let path = request.uri().path().to_owned();
    let answer = match app.access().refusal(&request) {
        Some((status, reason)) => (status, pages::refused(reason)).into_response(),
        None => next.run(request).await,
    };
    let mut answer = pages::in_format_of(&path, answer);
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// Whether a path has one spelling only, so that the checks and the routes read the same.
fn is_normal(path: &str) -> bool {
    let has_double = path.contains("//") || path.contains('\\') || path.contains(';');
    let is_dots = |part: &str| [".", ".."].contains(&part);
    path.starts_with('/') && !path.contains('%') && !has_double && !path.split('/').any(is_dots)
}

fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Takes the same time wherever texts of the same length differ.
fn same(left: &str, right: &str) -> bool {
    let difference = left.bytes().zip(right.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    left.len() == right.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_works_once() {
        let access = Access::new(4000).unwrap();
        let address = access.address().unwrap();
        let ticket = address.rsplit_once('=').unwrap().1;
        assert!(access.exchange("").is_none() && access.exchange(&ticket[1..]).is_none());
        let cookie = access.exchange(ticket).unwrap();
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        assert!(access.exchange(ticket).is_none() && access.address().is_none());
        let pair = cookie.split(';').next().unwrap();
        for (cookies, expected) in [
            (pair.to_owned(), true),
            (format!("a=b; {pair}"), true),
            (format!("{pair}x"), false),
            (pair.replace("4000", "4001"), false),
            (String::new(), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_str(&cookies).unwrap());
            assert_eq!(access.has_session(&headers), expected, "{cookies}");
        }
    }

    #[test]
    fn only_its_own_host_is_served() {
        let access = Access::new(4000).unwrap();
        for (host, expected) in [
            ("127.0.0.1:4000", true),
            ("localhost:4000", true),
            ("127.0.0.1:4001", false),
            ("127.0.0.1", false),
            ("evil.example:4000", false),
            ("localhost.evil.example:4000", false),
            ("", false),
        ] {
            assert_eq!(access.is_own_host(host), expected, "{host}");
        }
    }

    #[test]
    fn paths_have_one_spelling() {
        for path in ["/", "/turns", "/turn/8f99.json", "/assets/app.js"] {
            assert!(is_normal(path), "{path}");
        }
        for path in ["//turns", "/a/../b", "/a/.", "/%74urns", "/a\\b", "/turns;x", "turns", ""] {
            assert!(!is_normal(path), "{path}");
        }
    }
}
