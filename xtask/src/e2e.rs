//! `cargo xtask e2e`: the stories of `tests/`, with the real Codex and a real Phoenix.

use std::path::Path;
use std::process::Command;

use crate::workspace::{build_shipped, cargo, target_dir};
use crate::{dist, install, run};

/// The Codex that the stories are written for.
pub(crate) const CODEX_VERSION: &str = "0.171.0";

/// The stories that run with every version.
const OF_EVERY_VERSION: [&str; 2] = ["complete::", "sources::"];

/// The stories that install packages.
const OF_PACKAGES: [&str; 2] = ["installer", "packages"];

/// Installs what the stories need, builds our binaries, and runs the stories whose names contain
/// one of `filters`. Without filters it runs all; with another Codex than that which the stories are
/// written for, those that run with every version.
///
/// What the stories start, they end themselves, however they end.
pub(crate) fn run(codex_version: &str, filters: &[&str]) -> anyhow::Result<()> {
    let binaries = build_shipped()?;
    let filters = match filters {
        [] if codex_version != CODEX_VERSION => &OF_EVERY_VERSION,
        filters => filters,
    };
    let packages = target_dir()?.join("packages");
    // Packing takes longer than most stories.
    let need_packages = |filter: &&str| OF_PACKAGES.iter().any(|name| filter.starts_with(name));
    if filters.is_empty() || filters.iter().any(need_packages) {
        run::announce("packing the programs");
        dist::rehearse(&binaries, &packages)?;
    }
    let mut stories = stories(codex_version, filters)?;
    stories
        .env("STORIES_PHOENIX", install::phoenix()?)
        .env("STORIES_ROTEL", install::rotel()?)
        .env("STORIES_MLFLOW", install::mlflow()?)
        .env("STORIES_AXE", install::axe()?)
        .env("STORIES_BIN_DIR", binaries)
        .env("STORIES_PACKAGES", packages);
    run::succeed(&mut stories)
}

/// Runs the stories of the packages in this folder.
pub(crate) fn run_packages(packages: &Path) -> anyhow::Result<()> {
    let mut stories = stories(CODEX_VERSION, &OF_PACKAGES)?;
    run::succeed(stories.env("STORIES_PACKAGES", packages))
}

/// Prepares a run of stories, with what all of them need.
fn stories(codex_version: &str, filters: &[&str]) -> anyhow::Result<Command> {
    // The tests of their library belong to `cargo xtask test`.
    let only = ["test", "--package", "stories", "--features", "e2e", "--test", "stories", "--"];
    let mut stories = cargo(&only)?;
    stories
        // Most of a story is waiting; more at a time would only blur the measured times.
        .arg("--test-threads=2")
        .args(filters)
        .env("STORIES_CODEX", install::codex(codex_version)?)
        .env("STORIES_INSTALLERS", install::installers()?);
    Ok(stories)
}
