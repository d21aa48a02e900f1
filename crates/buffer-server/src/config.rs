//! What the service is configured with: where to listen, where its files are, how much it may keep.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use buffer_api::{Endpoint, Paths};
use codex_config::Forward;

/// The settings of one service.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where to listen. Port zero lets the system choose; the pid file names the port.
    pub endpoint: Endpoint,
    /// Where the files are.
    pub paths: Paths,
    /// How much is kept.
    pub limits: Limits,
    /// Who may send events.
    pub writers: Writers,
    /// The user whose programs may send without a token, where the system tells whose a connection is;
    /// see [`owner`].
    pub owner: Option<u32>,
    /// Where the log goes.
    pub log: LogTarget,
    /// The service's own program, which may be replaced by a new version while it runs.
    pub program: Option<PathBuf>,
    /// The system's clock.
    pub wall_clock: fn() -> SystemTime,
    /// How threads that fell silent are read; without it none is.
    pub sweep: Option<Sweep>,
    /// Where bodies of logs are passed on to, if anywhere.
    pub forward: Option<Forwarding>,
}

/// How bodies of logs are passed on to another receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forwarding {
    /// By the service, over plain HTTP.
    Plain(Box<Forward>),
    /// By the hook program, over TLS. It is started as `hook --pass-on` and reads from the settings
    /// where to.
    Hook(PathBuf),
}

/// How threads are read that fell silent without a trigger.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// The hook program, which is started as `hook --sweep THREAD...` and as `hook --flush`. Where
    /// there is none, nothing is started.
    pub hook: PathBuf,
    /// Codex's own directory; in its `sessions` folder there is a file per thread.
    pub codex_home: PathBuf,
    /// The folder in which the hook puts away what it could not deliver.
    pub outbox: PathBuf,
    /// The settings file. When it changes, queued turns are sent again.
    pub settings: PathBuf,
    /// How silent is silent.
    pub pace: Pace,
}

/// How long after something happened to a thread it is looked at, if nothing more happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// After Codex wrote to its file; 1.5 s by default. Until then Codex's own notify has done its
    /// work, and the last telemetry has arrived.
    pub written: Duration,
    /// After events arrived, if they were not collected; 5 s by default.
    pub received: Duration,
    /// After a run, for a second one; 31 minutes by default. The hook takes it for granted after 30
    /// minutes that a turn that goes on has lost its Codex.
    pub late: Duration,
    /// After something happened to an outbox, until it is looked at; 1 s by default.
    pub outbox: Duration,
}

/// How much is kept; beyond it, the oldest events are given up first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the events of one thread; 8 MiB by default.
    pub thread_bytes: u64,
    /// Bytes of all events; 64 MiB by default.
    pub total_bytes: u64,
    /// Time since an event arrived; 24 hours by default.
    pub age: Duration,
    /// Bytes of a request's body as it is sent; 32 MiB by default.
    pub body_bytes: usize,
    /// Bytes of a request's body when it is unpacked; 128 MiB by default.
    pub unpacked_bytes: u64,
    /// Bytes of all events of unknown senders; 4 MiB by default. They never take the owner's room.
    pub unknown_bytes: u64,
    /// Bytes of a body of an unknown sender, also when it is unpacked; 8 MiB by default.
    pub unknown_body_bytes: usize,
    /// Connections at the same time; 128 by default.
    pub connections: usize,
    /// Time for the head of the first request on a connection; 10 s by default.
    pub head: Duration,
    /// Time for the body of a request; 10 s by default.
    pub body: Duration,
}

/// Who may send events without being known as the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    /// Everybody of whom the system does not say that it is another user. Codex sends no token unless
    /// its configuration says so.
    Everyone,
    /// None: senders have to show the write token, in `x-arize-token` or as a bearer.
    TokenHolders,
}

/// The user of this process, where the system tells users at the other ends of connections.
pub fn owner() -> Option<u32> {
    #[cfg(target_os = "linux")]
    return Some(rustix::process::geteuid().as_raw());
    #[cfg(not(target_os = "linux"))]
    None
}

/// Where the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTarget {
    /// The log file.
    File,
    /// The standard error stream, for a supervisor that collects it.
    Stderr,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            written: Duration::from_millis(1500),
            received: Duration::from_secs(5),
            late: Duration::from_secs(31 * 60),
            outbox: Duration::from_secs(1),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            thread_bytes: 8 * MIB,
            total_bytes: 64 * MIB,
            age: Duration::from_secs(24 * 60 * 60),
            body_bytes: 32 * 1024 * 1024,
            unpacked_bytes: 128 * MIB,
            unknown_bytes: 4 * MIB,
            unknown_body_bytes: 8 * 1024 * 1024,
            connections: 128,
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
        }
    }
}
