//! A parent that its child and its terminal do not notice.
//!
//! Child and proxy are in one process group, the one that the terminal knows. What the terminal sends
//! (Ctrl-C, Ctrl-Z, a hang-up) reaches both: the proxy just survives it. What another process sends to
//! the proxy alone is passed on. When a key or the terminal stops the child, the proxy stops, too, so
//! that the shell sees its job stop; when it goes on, the child goes on.

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, getpid, getrlimit, kill_process, setrlimit, waitpid,
};
use signal_hook::consts::{
    SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2,
};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::exfiltrator::origin::Origin;
use signal_hook::low_level::emulate_default_handler;
use signal_hook::low_level::siginfo::Cause;

/// What would end or stop the proxy before its child.
const SURVIVED: [i32; 9] =
    [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU];

/// By which keys and terminals stop a job. SIGSTOP is not among them: who stops the child by name
/// lets it go on by name, and would not know of the proxy.
const TERMINAL_STOPS: [i32; 3] = [SIGTSTP, SIGTTIN, SIGTTOU];

/// The code of a process that died of a signal, to a shell, less the signal's number.
const SIGNALLED: i32 = 128;

/// Runs a command to its end.
///
/// # Errors
///
/// When it does not start.
pub(crate) fn supervise(mut command: Command) -> io::Result<ExitStatus> {
    // Before the child, or its end could be missed.
    let mut signals = SignalsInfo::<WithOrigin>::new([SIGCHLD])?;
    let ignored = ignored();
    if let Some(ignored) = ignored {
        survive(&mut signals, |signal| ignored & 1 << (signal - 1) == 0);
    }
    let child = command.spawn()?;
    let child = Pid::from_child(&child);
    if ignored.is_none() {
        survive(&mut signals, |_| true);
    }
    loop {
        if let Some(ended) = look_at(child)? {
            return Ok(ended);
        }
        for origin in signals.wait() {
            if origin.signal != SIGCHLD && is_for_proxy_alone(&origin) {
                pass_on(child, origin.signal);
            }
        }
    }
}

/// Ends this process by the signal that its child died of.
pub(super) fn die_of(signal: i32) -> ExitCode {
    // The child has left its memory already.
    let limit = Rlimit { current: Some(0), ..getrlimit(Resource::Core) };
    let _ = setrlimit(Resource::Core, limit);
    // Returns if there is no such signal to die of.
    let _ = emulate_default_handler(signal);
    ExitCode::from(u8::try_from(SIGNALLED + signal).unwrap_or(u8::MAX))
}

/// The signals that the caller wants to be ignored, as `nohup` does, a bit for each: what is handled
/// here, the child would not inherit. Where the system does not tell, they are handled a moment after
/// the child was started, in which a signal would end the proxy alone.
fn ignored() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

fn survive(signals: &mut SignalsInfo<WithOrigin>, which: impl Fn(i32) -> bool) {
    for signal in SURVIVED.into_iter().filter(|signal| which(*signal)) {
        // What cannot be survived must not keep Codex from running.
        let _ = signals.add_signal(signal);
    }
}

/// How the child ended, if it did; stops with it, if it was stopped.
fn look_at(child: Pid) -> io::Result<Option<ExitStatus>> {
    let options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
    while let Some((_, status)) = waitpid(Some(child), options)? {
        let Some(signal) = status.stopping_signal() else {
            return Ok(Some(ExitStatus::from_raw(status.as_raw())));
        };
        if TERMINAL_STOPS.contains(&signal) {
            // Returns when the shell lets the job go on, or this process alone.
            let _ = kill_process(getpid(), Signal::STOP);
            let _ = kill_process(child, Signal::CONT);
        }
    }
    Ok(None)
}

/// Whether a process sent the signal, and not the terminal, whose signals go to the whole group.
/// (Linux says where a signal is from; macOS only whether there was a process.)
fn is_for_proxy_alone(origin: &Origin) -> bool {
    origin.cause != Cause::Kernel && origin.process.is_some()
}

fn pass_on(child: Pid, signal: i32) {
    // The child cannot have got a successor with its number: nobody else waits for it.
    let signal = Signal::from_named_raw(signal);
    let _ = signal.map(|signal| kill_process(child, signal));
}
