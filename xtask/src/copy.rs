//! `cargo xtask install`: the programs in a folder of the `PATH`.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::run::announce;
use crate::workspace::{build_release, programs};

/// Builds all programs for release and copies them to `bin` below this folder, or Cargo's own: into one
/// folder, because they look for each other beside themselves.
#[expect(clippy::print_stderr, reason = "it is for the person who ran the task")]
pub(crate) fn run(root: Option<&Path>) -> anyhow::Result<()> {
    announce("the first build takes some minutes");
    let built = build_release()?;
    let folder = folder(root)?;
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let programs = programs()?;
    for program in &programs {
        let name = format!("{program}{EXE_SUFFIX}");
        let (from, to) = (built.join(&name), folder.join(&name));
        // Beside it first: a program that runs cannot be written to, but be replaced.
        let fresh = folder.join(format!(".{name}.new"));
        std::fs::copy(&from, &fresh).with_context(|| from.display().to_string())?;
        std::fs::rename(&fresh, &to).with_context(|| to.display().to_string())?;
    }
    eprintln!("\ninstalled {} programs in {}", programs.len(), folder.display());
    eprintln!("\nNext:\n  arize-codex setup");
    let is_on_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|place| place == folder));
    if !is_on_path {
        eprintln!("  ({} is not on your PATH)", folder.display());
    }
    Ok(())
}

/// Removes them again.
#[expect(clippy::print_stderr, reason = "it is for the person who ran the task")]
pub(crate) fn remove(root: Option<&Path>) -> anyhow::Result<()> {
    let folder = folder(root)?;
    for program in programs()? {
        let file = folder.join(format!("{program}{EXE_SUFFIX}"));
        if file.exists() {
            std::fs::remove_file(&file).with_context(|| file.display().to_string())?;
            eprintln!("removed {}", file.display());
        }
    }
    Ok(())
}

fn folder(root: Option<&Path>) -> anyhow::Result<PathBuf> {
    let root = root.map(Path::to_owned).or_else(cargo_home);
    Ok(root.context("neither `CARGO_HOME` nor a home directory is known")?.join("bin"))
}

fn cargo_home() -> Option<PathBuf> {
    let home = || Some(std::env::home_dir()?.join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}
