//! Running commands and saying how it went.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// Runs a command, its output going where ours goes, and fails unless it succeeds.
pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status =
        command.status().with_context(|| format!("could not start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", line(command));
    }
    Ok(())
}

/// Says what a task does next.
#[expect(clippy::print_stderr, reason = "it is for the person who ran the task")]
pub(crate) fn announce(step: &str) {
    eprintln!("==> {step}");
}

/// Runs the stages of a task, times them, and sums up when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    done: Vec<(&'static str, &'static str, Duration)>,
}

impl Stages {
    /// Runs one stage; the first that fails ends the task.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        stage: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        announce(name);
        let begun = Instant::now();
        let result = stage();
        let outcome = if result.is_ok() { "ok" } else { "FAILED" };
        self.done.push((name, outcome, begun.elapsed()));
        result
    }
}

impl Drop for Stages {
    #[expect(clippy::print_stderr, reason = "the summary is for the person who ran the task")]
    fn drop(&mut self) {
        for (name, outcome, took) in &self.done {
            eprintln!("{name:<16} {outcome:<6} {:>7.1} s", took.as_secs_f64());
        }
    }
}

/// The command as one would type it, without its environment.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
