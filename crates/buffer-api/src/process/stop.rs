//! Ends the service.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use super::{PidRecord, PortOwner, Service, Status, pid_file, status};
use crate::{Client, Endpoint};

/// The most that a process may take to end after it was asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How often an ending process is looked at.
const POLL: Duration = Duration::from_millis(5);

/// What came of stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// This process ended.
    Ended(u32),
    /// There was nothing to stop.
    NotRunning,
}

/// Says why nothing was stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// What listens at the service's address is not the service.
    #[error("{endpoint} is held by {owner}, which is not the service of this home")]
    Foreign {
        /// The address.
        endpoint: Endpoint,
        /// Who listens there.
        owner: PortOwner,
    },
    /// The service exists and does not answer, so that its pid cannot be checked.
    #[error("the service{} does not answer", .pid.map(|pid| format!(" (PID {pid})")).unwrap_or_default())]
    Unresponsive {
        /// Its process id, if it says.
        pid: Option<u32>,
    },
    /// The process was asked to end and did not.
    #[error("PID {pid} did not end within {} s", STOP_TIMEOUT.as_secs())]
    StillRunning {
        /// The process.
        pid: u32,
    },
    /// The process cannot be signalled.
    #[error("PID {pid} cannot be signalled")]
    Signal {
        /// The process.
        pid: u32,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Asks the service to end and waits until it has.
///
/// Signals no process that has not answered as the service of this home.
///
/// # Errors
///
/// When it does not answer or does not end in time, or when another process has its address.
pub fn stop(service: &Service) -> Result<Stopped, StopError> {
    let pid = match status(service) {
        Status::Running(running) => running.health.pid,
        Status::Unresponsive { pid: Some(pid) } if answers_unproven(service, pid) => pid,
        Status::Unresponsive { pid } => return Err(StopError::Unresponsive { pid }),
        other => return not_ours(other),
    };
    let ended = terminate(pid)?;
    forget(service, pid);
    Ok(ended)
}

/// Ends the service also if it does not answer: asks first, and kills what does not end.
///
/// Leaves alone whatever else has its address.
///
/// # Errors
///
/// When its process is not known or survives, or when another process has its address.
pub fn stop_by_force(service: &Service) -> Result<Stopped, StopError> {
    let pid = match status(service) {
        Status::Running(running) => running.health.pid,
        // The lock proves that the process that wrote its pid into it is the service.
        Status::Unresponsive { pid: Some(pid) } => pid,
        Status::Unresponsive { pid: None } => return Err(StopError::Unresponsive { pid: None }),
        other => return not_ours(other),
    };
    let ended = end(pid)?;
    forget(service, pid);
    Ok(ended)
}

/// Ends a process whatever it is: asks first, and kills what does not end.
///
/// # Errors
///
/// When it cannot be signalled or survives.
pub fn end(pid: u32) -> Result<Stopped, StopError> {
    match terminate(pid) {
        Err(StopError::StillRunning { .. }) => {
            processes::kill(pid).map_err(|source| StopError::Signal { pid, source })?;
            wait_for_end(pid)
        }
        other => other,
    }
}

/// What it means to stop a service that does not exist.
fn not_ours(status: Status) -> Result<Stopped, StopError> {
    match status {
        Status::Taken { endpoint, owner } => Err(StopError::Foreign { endpoint, owner }),
        _ => Ok(Stopped::NotRunning),
    }
}

/// Whether the process that holds the lock answers as a release that could not prove itself.
fn answers_unproven(service: &Service, holder: u32) -> bool {
    let endpoint = PidRecord::read(&service.paths.pid_file)
        .map_or_else(|| service.endpoint.clone(), |record| record.endpoint());
    Client::new(&endpoint, None).health().is_ok_and(|health| health.pid == holder)
}

/// Removes the pid file of a process that had no time to do so.
fn forget(service: &Service, pid: u32) {
    let pid_path = &service.paths.pid_file;
    if PidRecord::read(pid_path).is_some_and(|record| record.pid == pid) {
        pid_file::remove(pid_path);
    }
}

fn terminate(pid: u32) -> Result<Stopped, StopError> {
    processes::terminate(pid).map_err(|source| StopError::Signal { pid, source })?;
    wait_for_end(pid)
}

fn wait_for_end(pid: u32) -> Result<Stopped, StopError> {
    let deadline = Instant::now() + STOP_TIMEOUT;
    while processes::is_alive(pid) {
        if Instant::now() >= deadline {
            return Err(StopError::StillRunning { pid });
        }
        thread::sleep(POLL);
    }
    Ok(Stopped::Ended(pid))
}
