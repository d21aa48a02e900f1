//! What the handlers share: the store behind its one thread, the counters, the news of arrivals.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::http::StatusCode;
use buffer_api::{Health, wire::SERVICE_NAME};
use program_log::chain;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc::UnboundedSender, watch};

use super::{Origin, Secrets, answer::Refusal};
use crate::{
    clock::Clock,
    config::{Limits, ServerConfig, Writers},
    event::Event,
    forward::Forwarder,
    log::{Log, Topic},
    store::{Store, StoreError, Totals},
    sweep::Change,
};

/// Bodies of the owner that are taken in at the same time; the others wait, which bounds memory.
const BODIES_AT_ONCE: usize = 4;

/// Bodies of unknown senders that are taken in at the same time. The owner does not wait for them.
const UNKNOWN_BODIES_AT_ONCE: usize = 2;

/// The handlers' way to [`Shared`].
pub(crate) type App = Arc<Shared>;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) secrets: Secrets,
    /// The user whose programs may send, where the system tells users.
    pub(super) owner: Option<u32>,
    pub(crate) writers: Writers,
    pub(crate) limits: Limits,
    pub(crate) log: Log,
    pub(super) counters: Counters,
    bodies: Semaphore,
    unknown_bodies: Semaphore,
    clock: Clock,
    store: Mutex<Store>,
    totals: watch::Sender<Totals>,
    news: watch::Sender<News>,
    changes: Option<UnboundedSender<Change>>,
    pub(super) forwarder: Option<Forwarder>,
    started: Instant,
}

/// What a client that waits for events gets.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct News {
    /// Counts the requests that brought events.
    arrivals: u64,
    /// Whether the service is about to end.
    pub(crate) closing: bool,
    /// Whether it then goes on as a new version of its program.
    pub(crate) is_followed: bool,
}

/// What happened since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) received: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) unthreaded: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) span_exports: AtomicU64,
    pub(super) unauthorized: AtomicU64,
}

impl Shared {
    /// Puts a store behind the handlers; `changes` hears which threads events arrive for, `forwarder`
    /// gets all bodies of logs.
    pub(crate) fn new(
        store: Store,
        secrets: Secrets,
        config: &ServerConfig,
        log: Log,
        changes: Option<UnboundedSender<Change>>,
        forwarder: Option<Forwarder>,
    ) -> App {
        Arc::new(Self {
            secrets,
            owner: config.owner,
            writers: config.writers,
            limits: config.limits,
            log,
            counters: Counters::default(),
            bodies: Semaphore::new(BODIES_AT_ONCE),
            unknown_bodies: Semaphore::new(UNKNOWN_BODIES_AT_ONCE),
            totals: watch::Sender::new(store.totals()),
            clock: Clock::new((config.wall_clock)(), store.newest_ms()),
            store: Mutex::new(store),
            news: watch::Sender::new(News::default()),
            changes,
            forwarder,
            started: Instant::now(),
        })
    }

    /// Waits until there is room for one more body.
    pub(super) async fn room_for_body(&self, origin: Origin) -> Option<SemaphorePermit<'_>> {
        let bodies = match origin {
            Origin::Owner => &self.bodies,
            Origin::Unknown => &self.unknown_bodies,
        };
        bodies.acquire().await.ok()
    }

    /// The present by the service's own clock, in milliseconds since the Unix epoch.
    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Does `work` on the store's thread, after what was asked of it before.
    pub(super) async fn with_store<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.blocking(move |app| app.use_store(work).map_err(Refusal::from)).await
    }

    /// Does `work` on the one thread that may take its time.
    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let app = Arc::clone(self);
        match tokio::task::spawn_blocking(move || work(&app)).await {
            Ok(done) => done,
            Err(panic) => {
                self.log.line_on(Topic::Store, format_args!("a request failed: {panic}"));
                Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the request failed"))
            }
        }
    }

    /// Uses the store; to be called where blocking is allowed.
    pub(super) fn use_store<T>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut store);
        if let Err(error) = &result {
            self.log.line_on(Topic::Store, format_args!("{}", chain(error)));
        }
        for notice in store.take_notices() {
            self.log.line(notice);
        }
        self.totals.send_replace(store.totals());
        result
    }

    /// Counts events that were given up.
    pub(super) fn count_dropped(&self, dropped: u64) {
        if dropped > 0 {
            self.counters.dropped.fetch_add(dropped, Ordering::Relaxed);
            self.log.line_on(Topic::Dropped, format_args!("gave up {dropped} oldest events"));
        }
    }

    /// Tells which threads these events are of.
    pub(super) fn announce_changes(&self, events: &[Event]) {
        let Some(changes) = &self.changes else { return };
        // A body is about one thread, as a rule.
        for events in events.chunk_by(|a, b| a.thread == b.thread) {
            let _ = changes.send(Change::Received(events[0].thread.clone()));
        }
    }

    /// Whether there are events of a thread; where that is unknown, yes.
    pub(crate) async fn holds_events_of(self: &Arc<Self>, thread: String) -> bool {
        self.with_store(move |store| Ok(store.holds(&thread))).await.unwrap_or(true)
    }

    /// Wakes everybody who waits for events.
    pub(super) fn announce_arrival(&self) {
        self.news.send_modify(|news| news.arrivals += 1);
    }

    /// Tells everybody who waits that the service is about to end.
    pub(crate) fn close(&self) {
        self.news.send_modify(|news| news.closing = true);
    }

    /// Lets requests in flight end, and those that clients send on the connections that they have kept:
    /// only what they send on new ones is for the new version of the program.
    pub(crate) fn hand_over(&self) {
        self.news.send_modify(|news| {
            news.closing = true;
            news.is_followed = true;
        });
    }

    /// To wait for events or the end with.
    pub(crate) fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    /// Whether events end with the process.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.totals.borrow().are_in_memory
    }

    /// Gives disk space back, after the present request is answered.
    pub(super) fn tidy_later(self: &Arc<Self>) {
        let app = Arc::clone(self);
        let now_ms = app.now_ms();
        tokio::spawn(async move { app.with_store(move |store| store.tidy(now_ms)).await });
    }

    /// Removes events as they become too old. Sleeps until the oldest one does, and has no
    /// timer while nothing is buffered.
    pub(crate) async fn expire_forever(self: Arc<Self>) {
        let mut totals = self.totals.subscribe();
        loop {
            if totals.wait_for(|totals| totals.events > 0).await.is_err() {
                return;
            }
            let now_ms = self.now_ms();
            let oldest = self.with_store(move |store| store.oldest_ms(now_ms)).await;
            let age = match oldest {
                Ok(Some(oldest)) => Duration::from_millis(self.now_ms().saturating_sub(oldest)),
                // Gone meanwhile, or not to be had: look again in due time.
                Ok(None) | Err(_) => Duration::ZERO,
            };
            // One millisecond more: what is exactly as old as allowed stays.
            let left = self.limits.age.saturating_sub(age) + Duration::from_millis(1);
            let emptied = totals.wait_for(|totals| totals.events == 0);
            if tokio::time::timeout(left, emptied).await.is_ok() {
                continue;
            }
            let now_ms = self.now_ms();
            let expired = self.with_store(move |store| store.expire(now_ms)).await;
            if let Ok(expired @ 1..) = expired {
                self.count_dropped(expired);
                self.tidy_later();
            }
        }
    }

    /// How the service is.
    pub(super) fn health(&self) -> Health {
        let totals = *self.totals.borrow();
        let forwarded = self.forwarder.as_ref().map(Forwarder::counts).unwrap_or_default();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Health {
            status: "ok".to_owned(),
            service: SERVICE_NAME.to_owned(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            executable: std::env::current_exe().unwrap_or_default(),
            uptime_seconds: self.started.elapsed().as_secs(),
            threads: totals.threads,
            events: totals.events,
            bytes: totals.bytes,
            received: count(&self.counters.received),
            dropped: count(&self.counters.dropped),
            skipped: count(&self.counters.skipped),
            unthreaded: count(&self.counters.unthreaded),
            malformed: count(&self.counters.malformed),
            span_exports: count(&self.counters.span_exports),
            unauthorized: count(&self.counters.unauthorized),
            in_memory: totals.are_in_memory,
            forwarded: forwarded.taken,
            forward_given_up: forwarded.given_up,
        }
    }
}

/// The present in nanoseconds since the Unix epoch.
pub(super) fn now_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
