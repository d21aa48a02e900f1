//! The server: one port of the loopback interface, until it is idle.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::middleware;
use axum::routing::get;
use futures_util::Stream;
use jiff::tz::TimeZone;
use tokio::net::TcpListener;
use trace_store::TraceStore;

use crate::access::{self, Access, OPEN};
use crate::facts::Facts;
use crate::running::Running;
use crate::{assets, live, pages};

/// What a dashboard shows and how long it runs.
#[derive(Debug)]
pub struct Options {
    /// The file of the store. It need not exist yet.
    pub store: PathBuf,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// Ends after so long without a request.
    pub idle_exit: Option<Duration>,
    /// The turns that go on.
    pub running: Running,
    /// What the store does not say.
    pub facts: Arc<dyn Facts>,
}

/// A port that answers with pages.
#[derive(Debug)]
pub struct Dashboard {
    listener: std::net::TcpListener,
    app: App,
    idle_exit: Option<Duration>,
}

/// The port cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program has it, or it needs rights.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The system gives no random numbers for the ticket.
    #[error("cannot make a ticket")]
    Random(#[source] getrandom::Error),
}

/// The server ended early.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve pages")]
pub struct ServeError(#[source] io::Error);

/// What all requests share.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    access: Access,
    store: PathBuf,
    zone: TimeZone,
    running: Running,
    facts: Arc<dyn Facts>,
    begun: Instant,
    /// When the last request came, in milliseconds after `begun`.
    last_request: AtomicU64,
}

impl Dashboard {
    /// Takes the port.
    ///
    /// # Errors
    ///
    /// When another program has it.
    pub fn bind(options: Options) -> Result<Self, BindError> {
        let Options { store, port, zone, idle_exit, running, facts } = options;
        let failed = |source| BindError::Listen { port, source };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let access = Access::new(port).map_err(BindError::Random)?;
        let (begun, last_request) = (Instant::now(), AtomicU64::new(0));
        let app =
            App(Arc::new(Shared { access, store, zone, running, facts, begun, last_request }));
        Ok(Self { listener, app, idle_exit })
    }

    /// The address that lets one browser in, once. It is a secret.
    pub fn address(&self) -> String {
        self.app.access().address().unwrap_or_default()
    }

    /// Answers requests on this thread until the time without one is over.
    ///
    /// # Errors
    ///
    /// When the system lets it no longer accept connections.
    pub fn serve(self) -> Result<(), ServeError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(ServeError)?;
        let Self { listener, app, idle_exit } = self;
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).map_err(ServeError)?;
            let served = axum::serve(listener, router(app.clone()));
            tokio::select! {
                served = async { served.await } => served.map_err(ServeError),
                () = idle(&app, idle_exit) => Ok(()),
            }
        })
    }
}

fn router(app: App) -> Router {
    Router::new()
        .route(OPEN, get(pages::open))
        .route("/", get(pages::home))
        .route("/home.json", get(pages::home_json))
        .route("/turns", get(pages::turns))
        .route("/usage", get(pages::usage))
        .route("/usage.json", get(pages::usage_json))
        .route("/turns.json", get(pages::turns_json))
        .route("/turn/{id}", get(pages::turn))
        .route("/session", get(pages::session))
        .route("/session.json", get(pages::session_json))
        .route("/compare", get(pages::compare))
        .route("/compare.json", get(pages::compare_json))
        .route("/health", get(pages::health))
        .route("/health.json", get(pages::health_json))
        .route("/events", get(live::events))
        .route("/assets/{name}", get(assets::asset))
        .fallback(pages::missing)
        .layer(middleware::from_fn_with_state(app.clone(), access::guard))
        .with_state(app)
}

async fn idle(app: &App, limit: Option<Duration>) {
    let Some(limit) = limit else { return std::future::pending().await };
    loop {
        let left = limit.saturating_sub(app.idle());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

impl App {
    pub(crate) fn access(&self) -> &Access {
        &self.0.access
    }

    pub(crate) fn zone(&self) -> &TimeZone {
        &self.0.zone
    }

    pub(crate) fn running(&self) -> &Running {
        &self.0.running
    }

    /// Asks for facts on a thread that may block.
    pub(crate) async fn fact<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Facts) -> T + Send + 'static,
    ) -> Result<T, pages::Failure> {
        let facts = Arc::clone(&self.0.facts);
        let answer = tokio::task::spawn_blocking(move || question(&*facts)).await;
        answer.map_err(|_| pages::Failure::Panicked)
    }

    /// Notes that a request came.
    pub(crate) fn activity(&self) {
        let millis = u64::try_from(self.0.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last_request.store(millis, Ordering::Relaxed);
    }

    fn idle(&self) -> Duration {
        let last = Duration::from_millis(self.0.last_request.load(Ordering::Relaxed));
        self.0.begun.elapsed().saturating_sub(last)
    }

    pub(crate) fn store_path(&self) -> &std::path::Path {
        &self.0.store
    }

    /// Asks the store on a thread that may block.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&TraceStore) -> Result<T, pages::Failure> + Send + 'static,
    ) -> Result<T, pages::Failure> {
        let path = self.0.store.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let store = TraceStore::open_read_only(path)?;
            question(&store)
        });
        answer.await.unwrap_or(Err(pages::Failure::Panicked))
    }

    /// What `fill` reads and sends on a thread that may block, piece by piece. It ends where `send`
    /// says that nobody reads on.
    pub(crate) fn stream(
        &self,
        fill: impl FnOnce(&TraceStore, &mut dyn FnMut(Bytes) -> bool) -> Result<(), pages::Failure>
        + Send
        + 'static,
    ) -> impl Stream<Item = Result<Bytes, pages::Failure>> + Send + 'static {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let path = self.0.store.clone();
        tokio::task::spawn_blocking(move || {
            let filled = TraceStore::open_read_only(path).map_err(pages::Failure::from);
            let filled = filled.and_then(|store| {
                fill(&store, &mut |piece| sender.blocking_send(Ok(piece)).is_ok())
            });
            if let Err(failure) = filled {
                let _ = sender.blocking_send(Err(failure));
            }
        });
        futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|piece| (piece, receiver))
        })
    }
}
