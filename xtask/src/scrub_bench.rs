//! `scrub-bench`: what the scrubber finds by kind of secret, what it takes for one by mistake, and how
//! fast it is. The measuring is a bench of its crate, built as the hook is.

use std::process::Command;

use crate::run::succeed;
use crate::workspace;

/// `arguments` go to the bench: `--misses`, `--scan FOLDER`.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(workspace::root()?)
        .args(["bench", "-q", "-p", "scrub", "--bench", "scrub", "--"]);
    succeed(command.args(arguments))
}
