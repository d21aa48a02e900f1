//! Codex as a process: in the place of this one, or as its child.

#[cfg(unix)]
mod supervise;

use std::io;
use std::process::{Command, ExitCode, ExitStatus};

#[cfg(unix)]
pub(crate) use supervise::supervise;

/// A shell's exit code where there is no such program.
pub(crate) const NOT_FOUND: u8 = 127;

/// A shell's exit code where a program is there and does not start.
const NOT_STARTED: u8 = 126;

/// Puts Codex in the place of this process: it has the same id, parent, terminal and signals. Returns
/// only if that fails.
#[cfg(unix)]
pub(crate) fn replace(mut command: Command) -> ExitCode {
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    not_started(&error)
}

/// Runs Codex as a child, where a process cannot be replaced, and ends as it ends.
#[cfg(not(unix))]
pub(crate) fn replace(command: Command) -> ExitCode {
    run_then(command, || ())
}

/// Runs Codex as a child, then does the rest of the work, and ends as Codex ended.
pub(crate) fn run_then(command: Command, rest: impl FnOnce()) -> ExitCode {
    match supervise(command) {
        Ok(status) => {
            rest();
            end_as(status)
        }
        Err(error) => not_started(&error),
    }
}

/// Runs a command to its end. Ctrl-C reaches both: the child decides what it means, and this process
/// only must not end before it.
#[cfg(not(unix))]
pub(crate) fn supervise(mut command: Command) -> io::Result<ExitStatus> {
    // Without a console there is no Ctrl-C either.
    let _ = ctrlc::set_handler(|| {});
    command.status()
}

#[cfg(unix)]
fn end_as(status: ExitStatus) -> ExitCode {
    supervise::end_as(status)
}

/// Windows has codes that are no byte, with which the process must end here.
#[cfg(windows)]
#[expect(clippy::exit, reason = "an `ExitCode` is a byte")]
fn end_as(status: ExitStatus) -> ExitCode {
    std::process::exit(status.code().unwrap_or(1))
}

#[cfg(not(any(unix, windows)))]
fn end_as(status: ExitStatus) -> ExitCode {
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Prints an error as a shell would.
pub(crate) fn complain(message: &str) {
    let message = terminal_text::line(message);
    // Where the stream is closed, the exit code is all that is left.
    let _ = io::Write::write_all(&mut io::stderr(), format!("codex: {message}\n").as_bytes());
}

fn not_started(error: &io::Error) -> ExitCode {
    complain(&error.to_string());
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    ExitCode::from(if is_missing { NOT_FOUND } else { NOT_STARTED })
}
