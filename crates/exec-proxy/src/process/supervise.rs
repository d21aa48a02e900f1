//! Codex as a child of this process, for jobs in which something is left to do after it.
//!
//! Where no terminal controls the job, this process moves to a process group of its own, so that a signal
//! for the job's group reaches Codex alone. On a terminal it stays: the shell would not see that a job is
//! stopped of which one process is not. There a key such as Ctrl-C is a signal for both. Any other
//! signal for this process is passed on to Codex.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};

use rustix::process::{Pid, Signal, kill_process, setpgid};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::emulate_default_handler;
use signal_hook::low_level::siginfo::{Cause, Origin};

/// The signals that are passed on.
const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// A shell's exit code for a process that died of a signal, less the signal's number.
const SIGNALLED: i32 = 128;

/// Runs a command to its end.
///
/// # Errors
///
/// When it does not start.
pub(crate) fn supervise(mut command: Command) -> io::Result<ExitStatus> {
    // Before the child starts, or its end could be missed.
    let mut signals = SignalsInfo::<WithOrigin>::new([SIGCHLD])?;
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    if File::open("/dev/tty").is_err() {
        // The first process of a container leads its session and cannot leave its group.
        let _ = setpgid(None, None);
    }
    for signal in PASSED_ON {
        // After the child started: it inherits the signals that the caller ignores.
        let _ = signals.add_signal(signal);
    }
    loop {
        if let Some(ended) = child.try_wait()? {
            return Ok(ended);
        }
        for Origin { signal, .. } in signals.wait().filter(is_for_codex) {
            // Until it was waited for, no other process gets its id.
            let _ = Signal::from_named_raw(signal).map(|signal| kill_process(pid, signal));
        }
    }
}

/// Whether a signal has not reached the child as well. A terminal sends those of its keys to all
/// processes of the job, and a hang-up first to the process that leads the session.
fn is_for_codex(origin: &Origin) -> bool {
    match origin.signal {
        SIGCHLD => false,
        SIGINT | SIGQUIT => !matches!(origin.cause, Cause::Kernel),
        _ => true,
    }
}

/// Ends this process as the child ended.
pub(super) fn end_as(status: ExitStatus) -> ExitCode {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => {
            // It returns where this process is the first one of a container.
            let _ = emulate_default_handler(signal);
            SIGNALLED + signal
        }
        (None, None) => 1,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
