//! Codex's lifecycle hooks as a trigger: `--lifecycle`, with the payload on stdin.
//!
//! Codex waits for a hook before it goes on. So the program that it starts only passes the payload to
//! another run of itself ([`hand_over`]), which outlives it, and ends with nothing on stdout: to Codex
//! that means that the turn goes on as it would have. Only before prompts and tool calls it may answer
//! ([`budgets`](crate::budgets)).

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

/// The argument with which Codex runs the hook.
pub(crate) const LIFECYCLE: &str = "--lifecycle";

/// The argument of the run that reconciles the thread.
pub(crate) const RECONCILE: &str = "--lifecycle-run";

/// Reads the payload that Codex writes to stdin.
pub(crate) fn payload() -> io::Result<Vec<u8>> {
    let mut payload = Vec::new();
    io::stdin().read_to_end(&mut payload)?;
    Ok(payload)
}

/// Passes a payload to a run of this program in the background, with these arguments.
pub(crate) fn hand_over(payload: &[u8], arguments: &[&OsStr]) -> io::Result<()> {
    let mut run = detached(std::env::current_exe()?.as_os_str()).args(arguments).spawn()?;
    match run.stdin.take() {
        Some(mut stdin) => stdin.write_all(payload),
        None => Ok(()),
    }
}

/// Reads the payload that was handed over.
pub(crate) fn receive() -> io::Result<String> {
    Ok(String::from_utf8_lossy(&payload()?).into_owned())
}

/// A command that a signal to Codex's process group does not reach, and whose output Codex does
/// not wait for.
fn detached(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    processes::detach(&mut command);
    command
}
