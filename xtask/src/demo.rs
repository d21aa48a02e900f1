//! `cargo xtask demo`: what the product shows, from a fresh clone, with one command.

use std::process::Command;

use crate::run::{self, announce};
use crate::workspace::{build_shipped, root};

/// Builds the shipped binaries, runs `arize-codex demo` with these arguments, and says how to go on.
#[expect(clippy::print_stderr, reason = "it is for the person who ran the task")]
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    announce("the first build takes some minutes");
    let binaries = build_shipped()?;
    announce("playing a recorded Codex session through the buffer service and the hook");
    run::succeed(Command::new(binaries.join("arize-codex")).arg("demo").args(arguments))?;
    let program = binaries.join("arize-codex");
    let program = program.strip_prefix(root()?).unwrap_or(&program).display();
    eprintln!(
        "
This is one turn: its model calls, the tools that they asked for, tokens, cost and errors.
It came from a recording; your own settings and data were not touched.

Next:
  {program} setup --dry-run
      shows what tracing your own Codex would change
  {program} setup
      sets it up; `{program} uninstall` takes it back
  docs/setup.md and docs/targets.md say more"
    );
    Ok(())
}
