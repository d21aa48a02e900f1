//! `cargo xtask dist`: what is published, from one build of the programs.
//!
//! [`programs`] are built to run on old systems, [`tree`] lays them out with what goes along, and each
//! package manager's module packs that tree. `index` describes what is in the folder in the end, and
//! is all that is done where other machines built.

mod archive;
mod container;
mod debian;
mod dependencies;
mod homebrew;
mod index;
mod installers;
mod licenses;
mod lint;
mod npm;
mod old_system;
mod platform;
mod portable;
mod programs;
mod sbom;
mod template;
mod toolchain;
mod tree;
mod wheel;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use flate2::Compression;

use crate::e2e;
use crate::run::{Stages, announce};
use crate::workspace::{build_shipped, root, target_dir};
use platform::Platform;
use tree::{Shared, Tree};

/// What all packages of one platform have in common.
#[derive(Debug)]
struct Release {
    version: String,
    platform: &'static Platform,
    /// The programs and what goes along, as below a prefix.
    tree: Tree,
    /// The time of each packed file, in seconds since the Unix epoch.
    time: u64,
    compression: Compression,
}

/// Carries out a command line.
pub(crate) fn command(arguments: &[&str]) -> anyhow::Result<()> {
    let (action, rest) = match arguments {
        [action @ ("--check" | "--index"), rest @ ..] => (*action, rest),
        rest => ("build", rest),
    };
    let (mut out, mut platform) = (default_folder()?, Platform::of_this_machine()?);
    for option in rest.chunks(2) {
        match option {
            ["--out", folder] => out = std::path::absolute(folder)?,
            ["--target", triple] if action == "build" => platform = Platform::named(triple)?,
            _ => bail!("unknown option `{}`: see `cargo xtask`", option[0]),
        }
    }
    match action {
        "--check" => e2e::run_packages(&out),
        "--index" => index(&out),
        _ => build(platform, &out),
    }
}

/// Builds the programs for release, checks that they run on old systems, and packs them.
fn build(platform: &'static Platform, out: &Path) -> anyhow::Result<()> {
    let mut stages = Stages::default();
    let mut built = PathBuf::new();
    stages.run("build", || {
        built = programs::build(platform)?;
        Ok(())
    })?;
    stages.run("old systems", || {
        portable::check(platform, &built)?;
        old_system::try_programs(platform, &built)
    })?;
    stages.run("packages", || {
        // The programs say themselves what goes along, and these may be for another machine.
        let runs_here = platform.triple == Platform::of_this_machine()?.triple;
        let speaking = if runs_here { built.clone() } else { build_shipped()? };
        let tree = Tree::gather(&built, &Shared::made_by(&speaking)?, platform)?;
        pack(&release(platform, tree, Compression::best())?, out)?;
        sbom::write(platform, out)?;
        index(out)
    })?;
    announce(&format!("the packages are in {}", out.display()));
    Ok(())
}

/// Packs programs that were built for a test, as fast as possible: nothing is compressed, and they need
/// not run elsewhere.
pub(crate) fn rehearse(built: &Path, out: &Path) -> anyhow::Result<()> {
    let platform = Platform::of_this_machine()?;
    let stripped = programs::strip(built)?;
    let tree = Tree::gather(&stripped, &Shared::made_by(built)?, platform)?;
    pack(&release(platform, tree, Compression::none())?, out)?;
    index(out)
}

/// Describes all packages in this folder, which several machines may have made.
fn index(out: &Path) -> anyhow::Result<()> {
    let version = programs::version()?;
    npm::pack_launcher(&version, out)?;
    installers::write(&version, out)?;
    container::write(&version, out)?;
    homebrew::write(&version, out)?;
    index::write_sums(out)?;
    lint::check(out)
}

fn default_folder() -> anyhow::Result<PathBuf> {
    Ok(target_dir()?.join("dist"))
}

fn release(
    platform: &'static Platform,
    tree: Tree,
    compression: Compression,
) -> anyhow::Result<Release> {
    Ok(Release {
        version: programs::version()?,
        platform,
        tree,
        time: programs::time()?,
        compression,
    })
}

fn pack(release: &Release, out: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    archive::pack(release, out)?;
    npm::pack_platform(release, out)?;
    wheel::pack(release, out)?;
    debian::pack(release, out)
}

/// Reads a file of `packaging/`.
fn packaging(name: &str) -> anyhow::Result<String> {
    let path = root()?.join("packaging").join(name);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}
