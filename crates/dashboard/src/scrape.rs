//! A page of metrics for Prometheus, on an address of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

/// The type of the answer to a scraper.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Gives the metrics, or says in a line why it cannot.
pub type Metrics = Box<dyn FnMut() -> Result<String, String> + Send>;

#[derive(Clone)]
struct Page {
    /// One scrape at a time: each may first read what is new.
    metrics: Arc<Mutex<Metrics>>,
    is_loopback: bool,
}

/// Answers `/metrics` on this thread, until the process ends. `ready` gets the address.
///
/// # Errors
///
/// When another program has the port, or the system lets it no longer accept connections.
pub fn serve_metrics(
    address: SocketAddr,
    metrics: Metrics,
    ready: impl FnOnce(SocketAddr),
) -> io::Result<()> {
    let page =
        Page { metrics: Arc::new(Mutex::new(metrics)), is_loopback: address.ip().is_loopback() };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        ready(listener.local_addr()?);
        let app = Router::new().route("/metrics", get(scrape)).with_state(page);
        axum::serve(listener, app).await
    })
}

async fn scrape(State(page): State<Page>, headers: HeaderMap) -> Response {
    if page.is_loopback && !is_loopback_host(&headers) {
        // A page of the web that gave its own name this address.
        return (StatusCode::MISDIRECTED_REQUEST, "ask for 127.0.0.1 or localhost\n")
            .into_response();
    }
    let mut metrics = page.metrics.lock_owned().await;
    let text = tokio::task::spawn_blocking(move || (*metrics)()).await;
    match text.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(text) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")).into_response(),
    }
}

fn is_loopback_host(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}
