//! The build of the programs: the same bytes from the same sources, wherever they lie.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::platform::Platform;
use super::{portable, toolchain};
use crate::run;
use crate::workspace::{build_each, cargo, programs, root, target_dir, without_search};

/// The oldest macOS that programs are built for, as their wheels say.
const MACOS: [(&str, &str); 2] =
    [("x86_64-apple-darwin", "10.12"), ("aarch64-apple-darwin", "11.0")];

/// The version of what is published.
pub(super) fn version() -> anyhow::Result<String> {
    let version = env!("CARGO_PKG_VERSION");
    Ok(version.to_owned())
}

/// The time of the last commit, or what `SOURCE_DATE_EPOCH` says, in seconds since the Unix epoch.
pub(super) fn time() -> anyhow::Result<u64> {
    let time = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(time) => time,
        Err(_) => stdout(Command::new("git").args(["log", "-1", "--format=%ct"]))?,
    };
    time.trim().parse().context("the time of the last commit is not a number")
}

/// Builds the programs for release, and returns their folder.
pub(super) fn build(platform: &Platform) -> anyhow::Result<PathBuf> {
    // Cargo has a shorter way to say it only where it may change.
    let flags = remapped_paths()?.join("\u{1f}");
    let time = time()?.to_string();
    build_each("release", |package| {
        let arguments = ["--release", "--locked", "--bins", "--package", package, "--target"];
        let mut build = match platform.is_linux() {
            true => {
                let mut build = cargo(&["zigbuild"])?;
                toolchain::put_on_path(&mut build)?;
                build.args(arguments).arg(format!("{}.{}", platform.triple, portable::GLIBC));
                build
            }
            false => {
                let mut build = cargo(&["build"])?;
                build.args(arguments).arg(platform.triple);
                build
            }
        };
        let macos = MACOS.iter().find(|(triple, _)| *triple == platform.triple);
        build.envs(macos.map(|(_, version)| ("MACOSX_DEPLOYMENT_TARGET", version)));
        build.envs(without_search(package));
        build.env("CARGO_ENCODED_RUSTFLAGS", &flags).env("SOURCE_DATE_EPOCH", &time);
        Ok(build)
    })?;
    Ok(target_dir()?.join(platform.triple).join("release"))
}

/// Flags of the compiler: messages of panics name sources as if they were in places that are the same
/// on all machines.
fn remapped_paths() -> anyhow::Result<Vec<String>> {
    let mut places = vec![(root()?, "/arize-codex".to_owned())];
    let registries = cargo_home()?.join("registry/src");
    for registry in fs::read_dir(&registries).with_context(|| registries.display().to_string())? {
        places.push((registry?.path(), "/crates".to_owned()));
    }
    // Where the sources of the standard library are installed, too, the compiler names those.
    let library =
        PathBuf::from(rustc(&["--print", "sysroot"])?.trim()).join("lib/rustlib/src/rust");
    if library.exists() {
        let about = rustc(&["--version", "--verbose"])?;
        let hash = about.lines().find_map(|line| line.strip_prefix("commit-hash: "));
        places
            .push((library, format!("/rustc/{}", hash.context("rustc does not say its commit")?)));
    }
    let flag =
        |(from, to): (PathBuf, String)| format!("--remap-path-prefix={}={to}", from.display());
    Ok(places.into_iter().map(flag).collect())
}

/// Copies programs that were built for a test into a folder beside them, without what only a debugger
/// reads, and returns that.
pub(super) fn strip(built: &Path) -> anyhow::Result<PathBuf> {
    let stripped = built.with_file_name("stripped");
    fs::create_dir_all(&stripped)?;
    for program in programs()? {
        let mut strip = Command::new("strip");
        strip.arg("-o").arg(stripped.join(&program)).arg(built.join(&program));
        run::succeed(&mut strip)?;
    }
    Ok(stripped)
}

fn cargo_home() -> anyhow::Result<PathBuf> {
    let default = || Some(std::env::home_dir()?.join(".cargo"));
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(default);
    home.context("neither `CARGO_HOME` nor a home directory is known")
}

fn rustc(arguments: &[&str]) -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    stdout(Command::new(rustc).args(arguments))
}

fn stdout(command: &mut Command) -> anyhow::Result<String> {
    let output = command.current_dir(root()?).output()?;
    ensure!(output.status.success(), "{:?}: {output:?}", command.get_program());
    Ok(String::from_utf8(output.stdout)?)
}
