//! `cargo xtask test`: everything that must hold before a change is published.

use std::process::Command;

use anyhow::ensure;

use crate::run::{self, Stages};
use crate::windows;
use crate::workspace::{cargo, root};
use crate::{e2e, install};

/// Runs all stages.
pub(crate) fn full() -> anyhow::Result<()> {
    let mut stages = Stages::default();
    offline(&mut stages)?;
    stages.run("documentation", || {
        let mut document = cargo(&["doc", "--workspace", "--no-deps", "--quiet"])?;
        run::succeed(document.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    stages.run("windows", windows::run)?;
    stages.run("e2e", || e2e::run(e2e::CODEX_VERSION, &[]))
}

/// Runs all stages but those that start foreign programs: the end-to-end stories, which install them,
/// and what Wine runs.
pub(crate) fn quick() -> anyhow::Result<()> {
    // What is not tested in continuous integration is not tested.
    ensure!(std::env::var_os("CI").is_none(), "`--quick` skips the stories, and `CI` is set");
    offline(&mut Stages::default())
}

fn offline(stages: &mut Stages) -> anyhow::Result<()> {
    let lint = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    stages.run("format", || run::succeed(&mut cargo(&["fmt", "--all", "--check"])?))?;
    stages.run("lint", || run::succeed(&mut cargo(&lint)?))?;
    stages.run("features", || {
        ["", "http", "grpc", "sqlite", "zstd"].into_iter().try_for_each(|features| {
            let lint = ["clippy", "--package", "exporters", "--no-default-features", "--features"];
            run::succeed(cargo(&lint)?.args([features, "--", "-D", "warnings"]))
        })
    })?;
    stages.run("dependencies", || {
        // It reads the crates of all systems, of which a build here has only its own.
        run::succeed(&mut cargo(&["fetch", "--locked", "--quiet"])?)?;
        let mut deny = Command::new(install::cargo_tool("cargo-deny", "0.20.2", "")?);
        // Advisories would need the network, and could fail without a change.
        deny.args(["--offline", "--all-features", "check", "bans", "licenses", "sources"]);
        run::succeed(deny.current_dir(root()?))
    })?;
    stages.run("test", || {
        let mut nextest =
            Command::new(install::cargo_tool("cargo-nextest", "0.9.143", "default-no-update")?);
        run::succeed(nextest.args(["nextest", "run"]).current_dir(root()?))
    })?;
    stages.run("examples in docs", || run::succeed(&mut cargo(&["test", "--doc"])?))
}
