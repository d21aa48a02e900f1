//! `cargo xtask capture`: records sessions of a Codex version for the tests of the decoders.

use std::path::PathBuf;

use anyhow::ensure;

use crate::workspace::{cargo, root};
use crate::{install, run};

/// Installs this version of Codex and records the scenarios with it.
pub(crate) fn run(version: &str, scenarios: &[&str]) -> anyhow::Result<()> {
    ensure!(!scenarios.is_empty(), "no scenario is named, such as `basic`");
    let codex = install::codex(version)?;
    let mut capture = cargo(&["run", "--quiet", "--package", "stories", "--bin", "capture", "--"])?;
    run::succeed(capture.arg(codex).arg(recordings()?.join(version)).args(scenarios))
}

/// Returns the folder of the recordings, which holds one folder per version.
fn recordings() -> anyhow::Result<PathBuf> {
    Ok(root()?.join("crates/codex-turn/tests/data"))
}
