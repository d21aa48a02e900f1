//! Keeps the service's process running, or ends it.
//!
//! What is true about the process is never read from the pid file alone. The service runs if what
//! listens at its address proves that it knows the token of this home; it exists if a process holds
//! the lock file. So a pid file that a crash left behind does no harm, whichever process takes the port first
//! is not taken for the service, and a signal never goes to a stranger that was given an old pid.

mod lock;
mod pid_file;
mod port_owner;
mod start;
mod stop;

use std::path::PathBuf;

pub use lock::{AcquireError, InstanceLock};
pub use pid_file::PidRecord;
pub use port_owner::{PortOwner, port_owner};
pub use start::{StartError, Started, ensure, ensure_soon, start};
pub use stop::{StopError, Stopped, end, stop, stop_by_force};

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
        owner: PortOwner,
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
    let recorded = PidRecord::read(pid_path).map(|record| record.endpoint());
    if let Some(running) = recorded.clone().and_then(|endpoint| answering(service, endpoint)) {
        return Status::Running(running);
    }
    // One that hangs is not asked the same again: each time takes seconds.
    let was_asked = recorded.as_ref() == Some(&service.endpoint);
    // A running service holds the lock, so a pid file beside a free lock is a leftover.
    if let Some(pid) = lock::holder(&service.paths.lock, || pid_file::remove(pid_path)) {
        return of_holder(service, pid, was_asked);
    }
    let endpoint = &service.endpoint;
    match Client::new(endpoint, None).health() {
        Err(error) if error.is_refused() => Status::Stopped,
        // The service may have been started since the lock was free.
        _ => match lock::holder(&service.paths.lock, || ()) {
            Some(pid) => of_holder(service, pid, false),
            None => Status::Taken { endpoint: endpoint.clone(), owner: port_owner(endpoint) },
        },
    }
}

/// How a service is that exists and that no pid file leads to: on a full disk it cannot write one.
fn of_holder(service: &Service, pid: Option<u32>, was_asked: bool) -> Status {
    match (!was_asked).then(|| answering(service, service.endpoint.clone())).flatten() {
        Some(running) => Status::Running(running),
        None => Status::Unresponsive { pid },
    }
}

/// The service of this home at `endpoint`, if that is what answers there.
fn answering(service: &Service, endpoint: Endpoint) -> Option<Running> {
    // A service that runs has made one.
    let token = service.paths.read_token().ok().flatten()?;
    let health = Client::new(&endpoint, Some(token)).health().ok()?;
    Some(Running { endpoint, health })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_service_that_hangs_is_asked_once() {
        let home = tempfile::tempdir().unwrap();
        // The system accepts connections to it; no program answers.
        let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
        hanging.set_nonblocking(true).unwrap();
        let port = hanging.local_addr().unwrap().port();
        let endpoint = Endpoint { port, ..Endpoint::default() };
        let (program, paths) = ("arize-codex-buffer".into(), Paths::under(home.path()));
        let service = Service { program, endpoint, paths };
        private_files::write(&service.paths.token, b"secret\n").unwrap();
        let record = PidRecord {
            pid: 7,
            host: service.endpoint.host,
            port,
            version: String::new(),
            executable: PathBuf::new(),
        };
        record.write(&service.paths.pid_file).unwrap();
        let _held = InstanceLock::acquire(&service.paths.lock).unwrap();
        let status = status(&service);
        assert_eq!(status, Status::Unresponsive { pid: Some(std::process::id()) });
        let questions = std::iter::from_fn(|| hanging.accept().ok()).count();
        assert_eq!(questions, 1);
    }
}
