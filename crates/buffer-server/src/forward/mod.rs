//! Passes bodies of logs on to another receiver, for users whose Codex sent its events there before.
//!
//! A thread of its own does it, behind a queue, so that Codex never waits for the other receiver. A body
//! of which the receiver has certainly taken nothing, because it is away or busy, waits with those behind
//! it, for some minutes. What the queue cannot take, and what else fails, is counted and given up, as
//! Codex itself would have given it up: nothing is sent twice. Where nothing is passed on, there is
//! neither queue nor thread.

mod hook;
mod plain;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use axum::{
    body::Bytes,
    http::{
        HeaderMap, HeaderValue,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
};

use crate::{
    config::Forwarding,
    log::{Log, Topic},
};

use hook::Hook;
use plain::Plain;

/// The most bodies that wait.
const MAX_BODIES: usize = 64;

/// The most bytes of bodies that wait. Codex sends some KiB a second.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How long a body may wait for a receiver that is away or busy.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// How long such a receiver is left alone; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a program that passes bodies on is kept while none comes.
const IDLE: Duration = Duration::from_secs(3 * 60);

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
    came: Instant,
    kind: Option<HeaderValue>,
    packing: Option<HeaderValue>,
    body: Bytes,
}

impl Forwarder {
    /// Starts the thread, which ends with the process.
    pub(crate) fn start(forwarding: Forwarding, log: Log) -> io::Result<Self> {
        let (queue, parcels) = sync_channel(MAX_BODIES);
        let shared = Arc::new(Shared::default());
        let counts = Arc::clone(&shared);
        let way = Way::new(forwarding);
        let work = move || send_all(way, &parcels, &counts, &log);
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
        let (kind, packing) = (header(CONTENT_TYPE), header(CONTENT_ENCODING));
        Self { came: Instant::now(), kind, packing, body }
    }
}

/// Why a body was not taken.
#[derive(Debug)]
struct Refusal {
    reason: String,
    /// Whether the receiver has certainly taken nothing, and may later.
    may_pass: bool,
}

impl Refusal {
    fn for_good(reason: String) -> Self {
        Self { reason, may_pass: false }
    }
}

/// How the receiver is spoken to.
enum Way {
    Plain(Box<Plain>),
    Hook(Hook),
}

impl Way {
    fn new(forwarding: Forwarding) -> Self {
        match forwarding {
            Forwarding::Plain(receiver) => Self::Plain(Box::new(Plain::new(*receiver))),
            Forwarding::Hook(program) => Self::Hook(Hook::new(program)),
        }
    }

    fn send(&mut self, parcel: &Parcel) -> Result<(), Refusal> {
        match self {
            Self::Plain(plain) => plain.send(parcel),
            Self::Hook(hook) => hook.send(parcel),
        }
    }

    /// Sends a body, again and again while the receiver is away or busy.
    fn send_patiently(&mut self, parcel: &Parcel, log: &Log) -> Result<(), Refusal> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.send(parcel) {
                Err(refusal) if refusal.may_pass && parcel.came.elapsed() + pause < PATIENCE => {
                    let message = format_args!("events wait to be passed on: {}", refusal.reason);
                    log.line_on(Topic::Forward, message);
                }
                sent => return sent,
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The next body; none when the service ends. What is needed only for bodies is given back when
    /// none comes.
    fn wait(&mut self, parcels: &Receiver<Parcel>, idle: Duration) -> Option<Parcel> {
        if let Self::Hook(hook) = self
            && hook.is_running()
        {
            match parcels.recv_timeout(idle) {
                Err(RecvTimeoutError::Timeout) => hook.end(),
                parcel => return parcel.ok(),
            }
        }
        parcels.recv().ok()
    }
}

fn send_all(mut way: Way, parcels: &Receiver<Parcel>, shared: &Shared, log: &Log) {
    while let Some(parcel) = way.wait(parcels, IDLE) {
        let sent = way.send_patiently(&parcel, log);
        // Who sees that a body was given up finds the reason in the log.
        if let Err(refusal) = &sent {
            let message = format_args!("events are not passed on: {}", refusal.reason);
            log.line_on(Topic::Forward, message);
        }
        let counter = if sent.is_ok() { &shared.taken } else { &shared.given_up };
        counter.fetch_add(1, Ordering::Relaxed);
        shared.waiting_bytes.fetch_sub(parcel.body.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_queue_cannot_take_is_counted() {
        // The queue's other end takes nothing out.
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

    /// A child writes it: one that another test forks meanwhile would hold it open, and a file that is
    /// written to cannot be run.
    #[cfg(unix)]
    fn write_script(program: &std::path::Path, script: &str) {
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 700 \"$0\""]);
        assert!(shell.arg(program).arg(script).status().unwrap().success());
    }

    /// A hook that passes one body on and dies with the second in its hands may have passed it on.
    #[cfg(unix)]
    #[test]
    fn a_body_that_a_hook_died_with_is_given_to_no_other() {
        use std::fs;

        let folder = tempfile::tempdir().unwrap();
        let (program, runs) = (folder.path().join("hook"), folder.path().join("runs"));
        let script = "#!/bin/sh\necho run >> RUNS\nread one\necho '{}'\nread two\n";
        write_script(&program, &script.replace("RUNS", &runs.display().to_string()));
        let mut way = Way::new(Forwarding::Hook(program));
        way.send(&Parcel::new(&HeaderMap::new(), Bytes::new())).unwrap();
        let refusal = way.send(&Parcel::new(&HeaderMap::new(), Bytes::new())).unwrap_err();
        assert!(!refusal.may_pass, "{refusal:?}");
        assert_eq!(fs::read_to_string(runs).unwrap(), "run\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_hook_that_has_nothing_to_do_is_ended() {
        use std::{
            fs,
            process::{Command, Stdio},
            time::Instant,
        };

        let folder = tempfile::tempdir().unwrap();
        let (program, pid) = (folder.path().join("hook"), folder.path().join("pid"));
        let script = format!("#!/bin/sh\necho $$ > {}\necho '{{}}'\ncat\n", pid.display());
        write_script(&program, &script);
        let mut way = Way::new(Forwarding::Hook(program));
        way.send(&Parcel::new(&HeaderMap::new(), Bytes::new())).unwrap();
        let pid = fs::read_to_string(pid).unwrap();
        let is_there = move || {
            let kill = Command::new("kill").args(["-0", pid.trim()]).stderr(Stdio::null()).status();
            kill.unwrap().success()
        };
        assert!(is_there());
        let (queue, parcels) = sync_channel(1);
        let service = thread::spawn(move || {
            let deadline = Instant::now() + Duration::from_secs(10);
            while is_there() && Instant::now() < deadline {}
            drop(queue);
            is_there()
        });
        assert!(way.wait(&parcels, Duration::from_millis(10)).is_none());
        assert!(!service.join().unwrap());
    }
}
