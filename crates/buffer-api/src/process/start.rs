//! Starts the service.

use std::{
    io,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Exit, PidRecord, PortOwner, Running, Service, Status, answering, lock, status};
use crate::Endpoint;

/// The most that a started service may take until it answers, where a person waits. On an idle machine
/// it takes some milliseconds.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The most that it may take where a program waits that has other work to do.
const ENSURE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a starting service is asked.
const POLL: Duration = Duration::from_millis(5);

/// A service that runs, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// It was started.
    Now(Running),
    /// It ran already.
    Before(Running),
}

/// Says why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process listens where the service is to listen.
    #[error("{endpoint} is taken by {owner}")]
    PortTaken {
        /// The address.
        endpoint: Endpoint,
        /// Who listens there.
        owner: PortOwner,
    },
    /// The service of this home runs and listens at another address.
    #[error("the service listens on {actual} (PID {pid}), not on {wanted}")]
    Elsewhere {
        /// Where it listens.
        actual: Endpoint,
        /// Where it is to listen.
        wanted: Endpoint,
        /// Its process id.
        pid: u32,
    },
    /// The log that a started service writes to cannot be opened.
    #[error("`{}` cannot be opened", .log.display())]
    Log {
        /// The log.
        log: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The program cannot be started.
    #[error("`{}` cannot be started", .program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The service ended before it answered.
    #[error("the service ended at once ({status}): see `{}`", .log.display())]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// Where it says why.
        log: PathBuf,
    },
    /// The service did not answer in time.
    #[error("the service did not answer within {} s: see `{}`", .after.as_secs(), .log.display())]
    NoAnswer {
        /// How long was waited.
        after: Duration,
        /// Where it says why.
        log: PathBuf,
    },
}

/// Makes sure that the service runs; reads the pid file once and probes once, less
/// than a millisecond, if it does.
///
/// Prints nothing. A caller whose own work matters more goes on whatever this returns.
///
/// # Errors
///
/// Those of [`start`].
pub fn ensure(service: &Service) -> Result<Running, StartError> {
    match running_as_wanted(service) {
        Some(running) => Ok(running),
        None => start_within(service, ENSURE_TIMEOUT)
            .map(|(Started::Now(running) | Started::Before(running))| running),
    }
}

/// Starts the service unless it runs, like [`ensure`], and does not wait until it answers.
///
/// # Errors
///
/// When it cannot be started. Whether it then comes to serve, is not known.
pub fn ensure_soon(service: &Service) -> Result<(), StartError> {
    match running_as_wanted(service) {
        Some(_) => Ok(()),
        None => match status(service) {
            Status::Taken { endpoint, owner } => Err(StartError::PortTaken { endpoint, owner }),
            _ => spawn(service).map(drop),
        },
    }
}

/// Starts the service, detached from this process and its terminal, and waits until it answers.
///
/// # Errors
///
/// When it cannot be started, does not answer in time, or runs at another address than wanted.
pub fn start(service: &Service) -> Result<Started, StartError> {
    start_within(service, START_TIMEOUT)
}

fn start_within(service: &Service, patience: Duration) -> Result<Started, StartError> {
    match status(service) {
        Status::Running(running) if is_wanted(service, &running.endpoint) => {
            Ok(Started::Before(running))
        }
        Status::Running(Running { endpoint: actual, health }) => {
            let wanted = service.endpoint.clone();
            Err(StartError::Elsewhere { actual, wanted, pid: health.pid })
        }
        Status::Taken { endpoint, owner } => Err(StartError::PortTaken { endpoint, owner }),
        // Also when a process exists that does not answer: it may be about to end. If it does
        // not, the new one finds it and ends, and whichever answers is the service.
        Status::Unresponsive { .. } | Status::Stopped => {
            let child = spawn(service)?;
            wait_for_answer(service, child, patience).map(Started::Now)
        }
    }
}

fn spawn(service: &Service) -> Result<Child, StartError> {
    let log_path = &service.paths.log;
    let log_error = |source| StartError::Log { log: log_path.clone(), source };
    let log = private_files::append(log_path).map_err(log_error)?;
    let also_log = log.try_clone().map_err(log_error)?;
    let mut command = Command::new(&service.program);
    command
        .arg("run")
        .arg("--home")
        .arg(&service.paths.home)
        .args(["--host", &service.endpoint.host.to_string()])
        .args(["--port", &service.endpoint.port.to_string()])
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(also_log);
    processes::detach(&mut command);
    let program = service.program.clone();
    command.spawn().map_err(|source| StartError::Spawn { program, source })
}

fn wait_for_answer(
    service: &Service,
    mut child: Child,
    patience: Duration,
) -> Result<Running, StartError> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        let ended = child.try_wait().ok().flatten();
        match (running_as_wanted(service), ended) {
            // If another one was faster, the child ends; until it has, it would take over from
            // the one that is stopped next.
            (Some(running), ended) if ended.is_some() || running.health.pid == child.id() => {
                return Ok(running);
            }
            (None, Some(status)) => {
                if let Some(error) = failure(service, status) {
                    return Err(error);
                }
                // The one that was faster may have ended before it served.
                if lock::holder(&service.paths.lock, || ()).is_none() {
                    child = spawn(service)?;
                }
            }
            _ => {}
        }
        thread::sleep(POLL);
    }
    Err(StartError::NoAnswer { after: patience, log: service.paths.log.clone() })
}

/// What the end of a started process means; nothing if another one was faster.
fn failure(service: &Service, status: ExitStatus) -> Option<StartError> {
    let endpoint = service.endpoint.clone();
    match status.code() {
        Some(code) if code == Exit::AlreadyRunning as i32 => None,
        Some(code) if code == Exit::PortTaken as i32 => {
            let owner = super::port_owner(&endpoint);
            Some(StartError::PortTaken { endpoint, owner })
        }
        _ => Some(StartError::Ended { status, log: service.paths.log.clone() }),
    }
}

fn running_as_wanted(service: &Service) -> Option<Running> {
    let recorded = PidRecord::read(&service.paths.pid_file).map(|record| record.endpoint());
    // On a full disk the service cannot write a pid file.
    let endpoint = recorded.unwrap_or_else(|| service.endpoint.clone());
    let can_be_asked = endpoint.port != 0 && is_wanted(service, &endpoint);
    if can_be_asked { answering(service, endpoint) } else { None }
}

/// Whether `actual` is the wanted address; port zero wants any.
fn is_wanted(service: &Service, actual: &Endpoint) -> bool {
    service.endpoint.port == 0 || service.endpoint == *actual
}
