//! Codex as a process: in the place of the proxy, or as its child.

#[cfg(unix)]
mod signals;

use std::io;
use std::process::{Command, ExitCode, ExitStatus};

#[cfg(unix)]
pub(crate) use signals::supervise;

/// What a shell ends with when there is no such program.
pub(crate) const NOT_FOUND: u8 = 127;

/// What a shell ends with when a program is there and does not start.
const NOT_STARTED: u8 = 126;

/// Puts Codex in the place of this process. Returns only if that fails.
#[cfg(unix)]
pub(crate) fn replace(mut command: Command) -> ExitCode {
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    not_started(&error)
}

/// Runs Codex as a child, where a process cannot be replaced.
#[cfg(not(unix))]
pub(crate) fn replace(command: Command) -> ExitCode {
    end_as(supervise(command))
}

/// Runs Codex to its end. Ctrl-C reaches both: Codex decides what it means, and this process only
/// must not end before it.
#[cfg(not(unix))]
pub(crate) fn supervise(mut command: Command) -> io::Result<ExitStatus> {
    // Without a console there is no Ctrl-C either.
    let _ = ctrlc::set_handler(|| {});
    command.status()
}

/// Ends as Codex ended.
pub(crate) fn end_as(ended: io::Result<ExitStatus>) -> ExitCode {
    let status = match ended {
        Ok(status) => status,
        Err(error) => return not_started(&error),
    };
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return signals::die_of(signal);
    }
    // Windows has codes that are no byte; there the process must end with them here.
    #[cfg(windows)]
    #[expect(clippy::exit, reason = "an `ExitCode` is a byte")]
    std::process::exit(status.code().unwrap_or(1));
    #[cfg(not(windows))]
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Says what a shell would say.
pub(crate) fn complain(message: &str) {
    // There may be nobody to tell.
    let _ = io::Write::write_all(
        &mut io::stderr(),
        format!("codex: {}\n", terminal_text::line(message)).as_bytes(),
    );
}

fn not_started(error: &io::Error) -> ExitCode {
    complain(&error.to_string());
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    ExitCode::from(if is_missing { NOT_FOUND } else { NOT_STARTED })
}
