//! The server: `/v1/traces` on a port of the loopback interface.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use otlp_model::SpanBatch;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

use crate::body::{self, Encoding, LIMIT};
use crate::{answer, spans};

/// Keeps the spans of a request, or says in a line why it cannot; the sender may try again.
pub type Take = Box<dyn FnMut(Vec<SpanBatch>) -> Result<(), String> + Send>;

/// A port that takes spans.
pub struct Receiver {
    listener: std::net::TcpListener,
    port: u16,
    token: String,
}

/// The port cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on 127.0.0.1:{port}")]
pub struct BindError {
    /// The port.
    pub port: u16,
    /// Why.
    source: io::Error,
}

/// The server ended early.
#[derive(Debug, thiserror::Error)]
#[error("cannot take spans")]
pub struct ServeError(#[source] io::Error);

#[derive(Clone)]
struct Shared {
    port: u16,
    token: Arc<str>,
    take: Arc<Mutex<Take>>,
}

impl Receiver {
    /// Takes a port of the loopback interface; 0 takes a free one. Senders show the token as
    /// `Authorization: Bearer`.
    ///
    /// # Errors
    ///
    /// When another program has the port.
    pub fn bind(port: u16, token: String) -> Result<Self, BindError> {
        let failed = |source| BindError { port, source };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self { listener, port, token })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Takes spans on this thread, until the process ends.
    ///
    /// # Errors
    ///
    /// When the system lets it no longer accept connections.
    pub fn serve(self, take: Take) -> Result<(), ServeError> {
        let Self { listener, port, token } = self;
        let shared = Shared { port, token: token.into(), take: Arc::new(Mutex::new(take)) };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(ServeError)?;
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).map_err(ServeError)?;
            axum::serve(listener, router(shared)).await.map_err(ServeError)
        })
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("port", &self.port).finish_non_exhaustive()
    }
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/traces", post(export))
        .layer(DefaultBodyLimit::max(LIMIT))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

/// Refuses who does not show the token, and pages of the web whatever they show. Nothing of the body is
/// read before.
async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    match shared.refusal(request.headers()) {
        Some((status, reason)) => {
            let encoding = Encoding::of(request.headers()).unwrap_or(Encoding::Json);
            answer::refused(encoding, status, reason)
        }
        None => next.run(request).await,
    }
}

impl Shared {
    fn refusal(&self, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if headers.contains_key(ORIGIN) {
            return Some((StatusCode::FORBIDDEN, "pages of the web may send nothing"));
        }
        let host = text(HOST).unwrap_or_default();
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
        if !["127.0.0.1", "localhost"].contains(&name) || port != self.port.to_string() {
            return Some((StatusCode::MISDIRECTED_REQUEST, "send to 127.0.0.1 or localhost"));
        }
        let shown = text(AUTHORIZATION).and_then(|value| value.split_once(' '));
        let is_right = shown.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer")
                && bool::from(token.trim().as_bytes().ct_eq(self.token.as_bytes()))
        });
        (!is_right).then_some((
            StatusCode::UNAUTHORIZED,
            "show the token that `arize-codex view --receive` names, as `Authorization: Bearer`",
        ))
    }
}

async fn export(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let encoding = match Encoding::of(&headers) {
        Ok(encoding) => encoding,
        Err(error) => {
            return answer::refused(Encoding::Json, error.status(), &error.to_string());
        }
    };
    let work = move || {
        let request = match body::read(encoding, &headers, &body) {
            Ok(request) => request,
            Err(error) => return answer::refused(encoding, error.status(), &with_cause(&error)),
        };
        drop(body);
        let (batches, rejected) = spans::batches(request);
        if !batches.is_empty() {
            let mut take = shared.take.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(reason) = (*take)(batches) {
                return answer::refused(encoding, StatusCode::SERVICE_UNAVAILABLE, &reason);
            }
        }
        answer::taken(encoding, &rejected)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The error and its cause on one line.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
