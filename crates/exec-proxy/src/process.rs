//! Codex in the place of this process.

use std::io;
use std::process::{Command, ExitCode};

/// What a shell ends with when there is no such program.
pub(crate) const NOT_FOUND: u8 = 127;

/// What a shell ends with when a program is there and does not start.
const NOT_STARTED: u8 = 126;

/// Puts Codex in the place of this process: it has the same id, parent, terminal and signals. Returns
/// only if that fails.
#[cfg(unix)]
pub(crate) fn replace(mut command: Command) -> ExitCode {
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    not_started(&error)
}

/// Runs Codex as a child, where a process cannot be replaced, and ends as it ends. Ctrl-C reaches both:
/// Codex decides what it means, and this process only must not end before it.
#[cfg(not(unix))]
pub(crate) fn replace(mut command: Command) -> ExitCode {
    // Without a console there is no Ctrl-C either.
    let _ = ctrlc::set_handler(|| {});
    match command.status() {
        // Windows has codes that are no byte; there the process must end with them here.
        #[cfg(windows)]
        #[expect(clippy::exit, reason = "an `ExitCode` is a byte")]
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        #[cfg(not(windows))]
        Ok(status) => {
            ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
        }
        Err(error) => not_started(&error),
    }
}

/// Says what a shell would say.
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
