//! The tools that build for old systems: Zig as linker and C compiler, from Python's packages.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::install;

const ZIG: &str = "ziglang==0.17.0";
const CARGO_ZIGBUILD: &str = "cargo-zigbuild==0.24.1";

/// Installs both once, and returns the folder of their programs.
fn folder() -> anyhow::Result<PathBuf> {
    Ok(install::python_packages("tools/zig-0.17.0", &[ZIG, CARGO_ZIGBUILD])?.join("bin"))
}

/// Lets a command find them before everything else.
pub(super) fn put_on_path(command: &mut Command) -> anyhow::Result<()> {
    let mut folders = vec![folder()?];
    let path: OsString = std::env::var_os("PATH").context("no `PATH`")?;
    folders.extend(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(folders)?);
    Ok(())
}

/// The tool that tells what a program needs of the system.
pub(super) fn readelf(arguments: &[&str], file: &Path) -> anyhow::Result<String> {
    let output = Command::new("readelf").args(arguments).arg(file).output();
    let output = output.context("could not start `readelf`: install binutils")?;
    ensure!(output.status.success(), "readelf {}: {output:?}", file.display());
    Ok(String::from_utf8(output.stdout)?)
}
