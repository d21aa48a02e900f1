//! Passes bodies of logs on to another receiver, for users whose Codex sent its events there before.
//!
//! A thread of its own does it, behind a queue, so that Codex never waits for the other receiver. What
//! the queue cannot take, and what the receiver does not, is counted and given up, as Codex itself would
//! have given it up. Where nothing is passed on, there is neither queue nor thread.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
};
use codex_config::Forward;
use ureq::Agent;

use crate::log::{Log, Topic};

/// The most bodies that wait.
const MAX_BODIES: usize = 64;

/// The most bytes of bodies that wait. Codex sends some KiB a second.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The most that one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The way to the thread that sends.
#[derive(Debug)]
pub(crate) struct Forwarder {
    queue: SyncSender<Parcel>,
    shared: Arc<Shared>,
}

/// What became of the bodies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// Bodies that were taken.
    pub(crate) taken: u64,
    /// Bodies that were given up.
    pub(crate) given_up: u64,
}

#[derive(Debug, Default)]
struct Shared {
    waiting_bytes: AtomicUsize,
    taken: AtomicU64,
    given_up: AtomicU64,
}

/// A body as it came.
#[derive(Debug)]
pub(crate) struct Parcel {
    kind: Option<HeaderValue>,
    packing: Option<HeaderValue>,
    body: Bytes,
}

impl Forwarder {
    /// Starts the thread, which ends with the process.
    pub(crate) fn start(forward: Forward, log: Log) -> io::Result<Self> {
        let (queue, parcels) = sync_channel(MAX_BODIES);
        let shared = Arc::new(Shared::default());
        let counts = Arc::clone(&shared);
        let work = move || send_all(&forward, &parcels, &counts, &log);
        thread::Builder::new().name("forward".to_owned()).spawn(work)?;
        Ok(Self { queue, shared })
    }

    /// Passes a body on, at some time.
    pub(crate) fn pass_on(&self, parcel: Parcel) {
        let shared = &self.shared;
        let bytes = parcel.body.len();
        let before = shared.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > MAX_BYTES || self.queue.try_send(parcel).is_err() {
            shared.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            shared.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of the bodies so far.
    pub(crate) fn counts(&self) -> Forwarded {
        Forwarded {
            taken: self.shared.taken.load(Ordering::Relaxed),
            given_up: self.shared.given_up.load(Ordering::Relaxed),
        }
    }
}

impl Parcel {
    /// A body with what its request said of it.
    pub(crate) fn new(headers: &HeaderMap, body: Bytes) -> Self {
        let header = |name| headers.get(name).cloned();
        Self { kind: header(CONTENT_TYPE), packing: header(CONTENT_ENCODING), body }
    }
}

fn send_all(forward: &Forward, parcels: &Receiver<Parcel>, shared: &Shared, log: &Log) {
    let config = Agent::config_builder()
        // A redirect would carry the headers elsewhere.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .user_agent(concat!("arize-codex-buffer/", env!("CARGO_PKG_VERSION")));
    let agent = config.build().new_agent();
    for parcel in parcels {
        // Once more at once: the receiver may have closed a connection that was kept.
        let sent = send(&agent, forward, &parcel).or_else(|_| send(&agent, forward, &parcel));
        let refusal = match sent {
            Ok(status) if status.is_success() => None,
            Ok(status) => Some(format!("answered with {status}")),
            Err(error) => Some(error.to_string()),
        };
        let counter = if refusal.is_none() { &shared.taken } else { &shared.given_up };
        counter.fetch_add(1, Ordering::Relaxed);
        shared.waiting_bytes.fetch_sub(parcel.body.len(), Ordering::Relaxed);
        if let Some(refusal) = refusal {
            let message = format_args!("events are not passed on: {refusal}");
            log.line_on(Topic::Forward, message);
        }
    }
}

fn send(agent: &Agent, forward: &Forward, parcel: &Parcel) -> Result<StatusCode, ureq::Error> {
    let mut request = agent.post(&forward.endpoint);
    for (name, value) in &forward.headers {
        request = request.header(name, value.expose());
    }
    for (name, value) in [(CONTENT_TYPE, &parcel.kind), (CONTENT_ENCODING, &parcel.packing)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    Ok(request.send(&parcel.body[..])?.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_queue_cannot_take_is_counted() {
        // Nobody takes anything out.
        let (queue, _parcels) = sync_channel(MAX_BODIES);
        let forwarder = Forwarder { queue, shared: Arc::default() };
        let parcel = |bytes: usize| Parcel::new(&HeaderMap::new(), vec![0; bytes].into());
        forwarder.pass_on(parcel(MAX_BYTES - MAX_BODIES));
        assert_eq!(forwarder.counts(), Forwarded::default());
        forwarder.pass_on(parcel(MAX_BODIES + 1));
        assert_eq!(forwarder.counts().given_up, 1, "too many bytes");
        for _ in 0..MAX_BODIES {
            forwarder.pass_on(parcel(1));
        }
        assert_eq!(forwarder.counts(), Forwarded { taken: 0, given_up: 2 }, "too many bodies");
    }
}
