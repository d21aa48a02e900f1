//! Keeps the service's process running, or ends it.
//!
//! What is true about the process is never read from the pid file alone. The service runs if the
//! process that the pid file names answers `/health` with its own pid; it exists if somebody
//! holds the lock file. So a pid file that a crash left behind does no harm, and a signal never
//! goes to a stranger that was given an old pid.

mod answer;
mod keys;
mod lock;
mod occupant;
mod pid_file;
mod signal;
mod start;
mod stop;
#[cfg(windows)]
mod streams;

use std::path::PathBuf;

pub use answer::answer;
pub use keys::without_keys;
pub use lock::{AcquireError, InstanceLock};
pub use occupant::{Occupant, occupant};
pub use pid_file::PidRecord;
pub use signal::is_alive;
pub use start::{StartError, Started, detach, ensure, ensure_soon, start};
pub use stop::{StopError, Stopped, stop, stop_by_force};
#[cfg(windows)]
pub use streams::keep_streams;

use crate::{Client, Endpoint, Health, Paths};

/// The service as its caller wants it.
#[derive(Debug, Clone)]
pub struct Service {
    /// Absolute path of `arize-codex-buffer`.
    pub program: PathBuf,
    /// Where it is to listen.
    pub endpoint: Endpoint,
    /// Where it keeps its files.
    pub paths: Paths,
}

/// What is the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The service answers.
    Running(Running),
    /// A process of the service exists and does not answer: it is starting, ending or stuck.
    Unresponsive {
        /// Its process id, where it has come far enough to say it.
        pid: Option<u32>,
    },
    /// Another process, or the service of another home, listens at the address.
    Taken {
        /// The address.
        endpoint: Endpoint,
        /// Who listens there.
        occupant: Occupant,
    },
    /// Nothing listens at the address.
    Stopped,
}

/// A service that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// How it is.
    pub health: Health,
}

/// The exit codes of `arize-codex-buffer`; a number is never given another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for is done or is so; `status`: the service runs.
    Success = 0,
    /// `status`: the service does not run.
    NotRunning = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// It failed; the message says at what.
    Failed = 3,
    /// `run`: the service of this home already runs.
    AlreadyRunning = 4,
    /// Another process has the port.
    PortTaken = 5,
}

/// Finds out how the service is, wherever its pid file says that it listens.
///
/// Removes a pid file that a crash left behind; changes nothing else.
pub fn status(service: &Service) -> Status {
    let pid_path = &service.paths.pid_file;
    if let Some(running) = PidRecord::read(pid_path).as_ref().and_then(answering) {
        return Status::Running(running);
    }
    // Whoever runs holds the lock, so a pid file beside a free lock is a leftover.
    if let Some(pid) = lock::holder(&service.paths.lock, || pid_file::remove(pid_path)) {
        return Status::Unresponsive { pid };
    }
    let endpoint = &service.endpoint;
    match Client::new(endpoint, None).health() {
        Err(error) if error.is_nobody_there() => Status::Stopped,
        _ => Status::Taken { endpoint: endpoint.clone(), occupant: occupant(endpoint) },
    }
}

/// The service that `record` is about, if the recorded process answers.
fn answering(record: &PidRecord) -> Option<Running> {
    let endpoint = record.endpoint();
    let health = Client::new(&endpoint, None).health().ok()?;
    (health.pid == record.pid).then_some(Running { endpoint, health })
}
