//! `cargo xtask capture`: records sessions of a Codex version for the tests of the decoders.

use std::path::PathBuf;
use std::process::Command;

use anyhow::ensure;

use crate::workspace::{cargo, root, target_dir};
use crate::{install, run};

/// Installs this version of Codex and records the scenarios with it.
pub(crate) fn run(version: &str, scenarios: &[&str]) -> anyhow::Result<()> {
    ensure!(!scenarios.is_empty(), "no scenario is named, such as `basic`");
    let codex = install::codex(version)?;
    // One of the scenarios needs the program of an MCP server beside it.
    run::succeed(&mut cargo(&["build", "--quiet", "--package", "stories", "--bins"])?)?;
    let mut capture = Command::new(target_dir()?.join("debug/capture"));
    run::succeed(capture.arg(codex).arg(recordings()?.join(version)).args(scenarios))
}

/// Returns the folder of the recordings, which holds one folder per version.
fn recordings() -> anyhow::Result<PathBuf> {
    Ok(root()?.join("crates/codex-turn/tests/data"))
}
