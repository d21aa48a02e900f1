//! `cargo xtask e2e`: the stories of `tests/`, with the real Codex and a real Phoenix.

use crate::workspace::{build_shipped, cargo};
use crate::{install, run};

/// The Codex that the stories are written for.
pub(crate) const CODEX_VERSION: &str = "0.171.0";

/// The stories that run with every version.
const OF_EVERY_VERSION: [&str; 2] = ["complete::", "sources::"];

/// Installs what the stories need, builds our binaries, and runs the stories whose names contain
/// one of `filters`. Without filters it runs all; with another Codex than that which the stories are
/// written for, those that run with every version.
///
/// What the stories start, they end themselves, however they end.
pub(crate) fn run(codex_version: &str, filters: &[&str]) -> anyhow::Result<()> {
    let codex = install::codex(codex_version)?;
    let phoenix = install::phoenix()?;
    let rotel = install::rotel()?;
    let mlflow = install::mlflow()?;
    let binaries = build_shipped()?;
    let filters = match filters {
        [] if codex_version != CODEX_VERSION => &OF_EVERY_VERSION,
        filters => filters,
    };
    // The tests of their library belong to `cargo xtask test`.
    let only = ["test", "--package", "stories", "--features", "e2e", "--test", "stories", "--"];
    let mut stories = cargo(&only)?;
    stories
        // Most of a story is waiting; more at a time would only blur the measured times.
        .arg("--test-threads=2")
        .args(filters)
        .env("STORIES_CODEX", codex)
        .env("STORIES_PHOENIX", phoenix)
        .env("STORIES_ROTEL", rotel)
        .env("STORIES_MLFLOW", mlflow)
        .env("STORIES_BIN_DIR", binaries);
    run::succeed(&mut stories)
}
