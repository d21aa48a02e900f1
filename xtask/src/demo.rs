//! `cargo xtask demo`: what the product shows, from a fresh clone, with one command.

use std::process::Command;

use crate::run;
use crate::workspace::build_shipped;

/// Builds the shipped binaries and runs `arize-codex demo` with these arguments.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let binaries = build_shipped()?;
    run::succeed(Command::new(binaries.join("arize-codex")).arg("demo").args(arguments))
}
