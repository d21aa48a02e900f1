//! Serves connections: each has time limits, and all together a bound.
//!
//! Any user of the machine can open connections. So where there are too many, or the system has no
//! more, one makes way for the newcomer: the oldest of those that have shown nothing that only the
//! owner has. A client that opens connections all the time pushes out its own; a request of the owner
//! is answered before it is its turn.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderValue, Request, header::CONNECTION},
};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
    time::sleep,
};

use super::{App, admission::Peer};
use crate::log::Topic;

/// How long a kept connection may be idle. Codex's HTTP client gives one up after 90 s; it should be
/// first, because what it sends while we hang up is lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a kept connection is waited for where a new version of the program follows: what a client
/// sends while we hang up would be lost.
const LINGER: Duration = Duration::from_millis(400);

/// The longest head of a request, in bytes.
const HEAD_BYTES: usize = 64 * 1024;

/// How long to wait where the system gives no connection and none can make way.
const PAUSE: Duration = Duration::from_millis(50);

/// What a handler may ask of the connection that its request came on.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    /// Who is at the other end, once that was asked.
    pub(super) known: OnceLock<Peer>,
    is_owners: AtomicBool,
    has_asked: AtomicBool,
}

/// The connections that are open, by their age.
#[derive(Debug, Default)]
struct Open {
    next: u64,
    connections: BTreeMap<u64, (Arc<Connection>, AbortHandle)>,
}

impl Connection {
    /// Notes that the owner is at the other end.
    pub(super) fn trust(&self) {
        self.is_owners.store(true, Ordering::Relaxed);
    }
}

impl Open {
    /// Closes one so that there is room for another; says whether there was one.
    fn close_one(&mut self) -> bool {
        let is_owners = |(_, (connection, _)): &(&u64, &(Arc<Connection>, AbortHandle))| {
            connection.is_owners.load(Ordering::Relaxed)
        };
        let strangers = self.connections.iter().find(|entry| !is_owners(entry));
        let Some(number) = strangers.or_else(|| self.connections.iter().next()).map(|it| *it.0)
        else {
            return false;
        };
        if let Some((_, task)) = self.connections.remove(&number) {
            task.abort();
        }
        true
    }
}

/// Serves the connections of `listener` until the service closes, and then those that are open until
/// they have their answers.
pub(crate) async fn serve(listener: TcpListener, router: Router, app: App) {
    let open = Arc::new(Mutex::new(Open::default()));
    let mut tasks = JoinSet::new();
    let mut closing = app.news();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closing.wait_for(|news| news.closing) => break,
            Some(_) = tasks.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                let line = format_args!("a connection cannot be accepted: {error}");
                app.log.line_on(Topic::Refused, line);
                let has_room = lock(&open).close_one();
                // The task has to end before its connection is closed.
                sleep(if has_room { Duration::from_millis(1) } else { PAUSE }).await;
                continue;
            }
        };
        let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { continue };
        let connection = Arc::new(Connection {
            peer,
            local,
            known: OnceLock::new(),
            is_owners: AtomicBool::new(false),
            has_asked: AtomicBool::new(false),
        });
        let mut held = lock(&open);
        if held.connections.len() >= app.limits.connections {
            held.close_one();
        }
        let number = held.next;
        held.next += 1;
        let (router, app, also_open) = (router.clone(), Arc::clone(&app), Arc::clone(&open));
        let served = Arc::clone(&connection);
        let task = tasks.spawn(async move {
            serve_one(stream, router, &app, served).await;
            lock(&also_open).connections.remove(&number);
        });
        held.connections.insert(number, (connection, task));
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

async fn serve_one(stream: TcpStream, router: Router, app: &App, connection: Arc<Connection>) {
    // Answers are small, and a client waits for each.
    let _ = stream.set_nodelay(true);
    let (router, asked) = (TowerToHyperService::new(router), Arc::clone(&connection));
    let heard = app.news();
    let service = service_fn(move |mut request: Request<Incoming>| {
        asked.has_asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(Arc::clone(&asked));
        let (answer, heard) = (router.call(request), heard.clone());
        async move {
            let mut answer = answer.await?;
            if heard.borrow().is_followed {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let mut serving = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_TIMEOUT)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    let head_is_late = async {
        sleep(app.limits.head).await;
        if connection.has_asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    let mut news = app.news();
    // How a connection ends is its client's business.
    tokio::select! {
        _ = serving.as_mut() => return,
        () = head_is_late => return,
        _ = news.wait_for(|news| news.closing) => {}
    }
    if news.borrow().is_followed {
        tokio::select! {
            _ = serving.as_mut() => return,
            () = sleep(LINGER) => {}
        }
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}

fn lock(open: &Mutex<Open>) -> std::sync::MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
