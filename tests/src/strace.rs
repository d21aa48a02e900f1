//! Faults in the system calls of a process, by `strace`.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::process::{self, Finished};

/// What happens to a system call instead of what it was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed in it.
    Kill,
    /// It, and all later ones of its kind, fail with this error.
    FailForGood(&'static str),
}

/// Runs `command` and strikes in the call number `when` of one of these kinds. Names that this
/// machine does not have are passed over.
pub fn run(
    command: &Command,
    calls: &[&str],
    fault: Fault,
    when: usize,
    limit: std::time::Duration,
) -> anyhow::Result<Finished> {
    let calls: Vec<String> = calls.iter().map(|call| format!("?{call}")).collect();
    let calls = calls.join(",");
    let inject = match fault {
        Fault::Kill => format!("{calls}:signal=KILL:when={when}"),
        Fault::FailForGood(error) => format!("{calls}:error={error}:when={when}+"),
    };
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={calls}"));
    strace.arg("-e").arg(format!("inject={inject}"));
    strace.arg(command.get_program()).args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            strace.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        strace.current_dir(folder);
    }
    process::run(&mut strace, limit)
}

/// Whether the process was killed.
pub fn was_killed(finished: &Finished) -> bool {
    // strace ends as what it ran did.
    finished.status.signal() == Some(KILL)
}

const KILL: i32 = 9;

/// Makes sure that faults can be had here.
pub fn available() -> anyhow::Result<()> {
    let echo = Command::new(Path::new("/bin/echo"));
    let limit = std::time::Duration::from_secs(10);
    let finished = run(&echo, &["write"], Fault::Kill, 1, limit)
        .context("this story needs `strace`: install it (`apt-get install strace`)")?;
    if !was_killed(&finished) {
        bail!("this story needs ptrace, which is not permitted here: {}", finished.stderr);
    }
    ensure!(finished.stdout.is_empty(), "strace strikes too late: {finished:?}");
    Ok(())
}
