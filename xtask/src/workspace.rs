//! Where things are, and what is built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::run;

/// The packages whose binaries are shipped.
pub(crate) const SHIPPED: [&str; 4] = ["buffer-server", "notify-hook", "exec-proxy", "cli"];

/// Returns the workspace's root.
pub(crate) fn root() -> anyhow::Result<PathBuf> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().map(Path::to_owned).context("xtask has no parent directory")
}

/// Prepares a run of the Cargo that runs this task, in the workspace's root.
pub(crate) fn cargo(arguments: &[&str]) -> anyhow::Result<Command> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments).current_dir(root()?);
    Ok(cargo)
}

/// Returns Cargo's target directory.
pub(crate) fn target_dir() -> anyhow::Result<PathBuf> {
    Ok(metadata()?["target_directory"].as_str().context("no `target_directory`")?.into())
}

/// Returns the names of the shipped programs.
pub(crate) fn programs() -> anyhow::Result<Vec<String>> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().context("no `packages`")?;
    let shipped = packages.iter().filter(|package| SHIPPED.iter().any(|it| package["name"] == *it));
    let targets = shipped.filter_map(|package| package["targets"].as_array()).flatten();
    let programs = targets.filter(|target| target["kind"][0] == "bin");
    Ok(programs.filter_map(|program| program["name"].as_str().map(str::to_owned)).collect())
}

fn metadata() -> anyhow::Result<serde_json::Value> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"])?.output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Builds the shipped binaries and returns their folder.
///
/// The dev profile, for demo and tests alike: it builds in seconds where release with its link-time
/// optimisation takes minutes, and nothing here is about speed.
pub(crate) fn build_shipped() -> anyhow::Result<PathBuf> {
    build_each("tests", |package| cargo(&["build", "--package", package, "--bins"]))?;
    Ok(target_dir()?.join("debug"))
}

/// Builds the shipped binaries as they are released, and returns their folder.
pub(crate) fn build_release() -> anyhow::Result<PathBuf> {
    build_each("release", |package| {
        let mut build = cargo(&["build", "--release", "--package", package, "--bins"])?;
        build.envs(without_search(package));
        Ok(build)
    })?;
    Ok(target_dir()?.join("release"))
}

/// The variable that leaves out of a release what SQLite searches texts with, but for the one program that
/// does. See `.cargo/config.toml`, which cannot tell packages apart.
pub(crate) fn without_search(package: &str) -> Option<(&'static str, String)> {
    const FLAGS: &str = "LIBSQLITE3_FLAGS";
    let flags = std::env::var(FLAGS).unwrap_or_default();
    (package != "cli").then(|| (FLAGS, format!("{flags} -USQLITE_ENABLE_FTS5")))
}

/// Builds each package by itself, because a common build would unify their features.
pub(crate) fn build_each(
    purpose: &str,
    command: impl Fn(&str) -> anyhow::Result<Command>,
) -> anyhow::Result<()> {
    for (package, number) in SHIPPED.iter().zip(1..) {
        run::announce(&format!("building {package} for {purpose} ({number} of {})", SHIPPED.len()));
        run::succeed(&mut command(package)?)?;
    }
    Ok(())
}
