//! The programs of others that tasks need, each installed once below `target/e2e/` or `target/tools/`.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::run;
use crate::workspace::{cargo, target_dir};

const PHOENIX_VERSION: &str = "20.26.1";
const MLFLOW_VERSION: &str = "3.17.2";
const AXE_VERSION: &str = "4.14.1";
const ROTEL_VERSION: &str = "0.0.1a15";
const PIPX: &str = "pipx==1.18.4";
const UV: &str = "uv==0.13.9";

/// Finds a subcommand of Cargo on the `PATH`, or else installs this version of it below `target/tools`,
/// with these features in place of its default ones.
pub(crate) fn cargo_tool(name: &str, version: &str, features: &str) -> anyhow::Result<PathBuf> {
    let runs = |program: &Path| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let tools = target_dir()?.join("tools");
    let installed = tools.join("bin").join(name);
    if let Some(program) = [PathBuf::from(name), installed.clone()].into_iter().find(|it| runs(it))
    {
        return Ok(program);
    }
    run::announce(&format!("installing {name} {version}, which takes some minutes"));
    // Unoptimised: it runs once for each time that it is built.
    let mut install = cargo(&["install", "--locked", "--debug", "--no-default-features"])?;
    install.args(["--features", features, &format!("{name}@{version}"), "--root"]).arg(&tools);
    // With settings of its own, and not those of this workspace.
    run::succeed(install.current_dir(tools.parent().unwrap_or(&tools)))?;
    Ok(installed)
}

/// Installs the accessibility checks that stories run in a browser, and returns their script.
pub(crate) fn axe() -> anyhow::Result<PathBuf> {
    let folder =
        npm_package(&format!("e2e/axe-{AXE_VERSION}"), &format!("axe-core@{AXE_VERSION}"))?;
    Ok(folder.join("node_modules/axe-core/axe.min.js"))
}

/// Installs an npm package in this folder of Cargo's target directory, and returns that.
fn npm_package(place: &str, package: &str) -> anyhow::Result<PathBuf> {
    once(place, |folder| {
        run::succeed(
            Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
                .arg(folder)
                .arg("--cache")
                .arg(folder.join("cache"))
                .arg(package),
        )?;
        Ok(fs::remove_dir_all(folder.join("cache"))?)
    })
}

/// Installs this version of Codex from its npm package, and returns the binary itself: the
/// package's own `codex` is a Node program that would stand between a story and the process.
pub(crate) fn codex(version: &str) -> anyhow::Result<PathBuf> {
    let folder = npm_package(&format!("e2e/codex-{version}"), &format!("@openai/codex@{version}"))?;
    codex_binary(&folder)
        .with_context(|| format!("no codex binary for {ARCH} {OS} below {}", folder.display()))
}

/// Installs Phoenix and returns its `phoenix` command.
pub(crate) fn phoenix() -> anyhow::Result<PathBuf> {
    let folder = python_package("phoenix", "arize-phoenix", PHOENIX_VERSION)?;
    Ok(folder.join("bin/phoenix"))
}

/// Installs rotel, a collector, and returns its binary.
pub(crate) fn rotel() -> anyhow::Result<PathBuf> {
    let folder = python_package("rotel", "rotel", ROTEL_VERSION)?;
    below(&folder.join("lib"))
        .map(|python| python.join("site-packages/rotel/rotel-agent"))
        .find(|binary| binary.is_file())
        .with_context(|| format!("no rotel-agent below {}", folder.display()))
}

/// Installs MLflow and returns its `mlflow` command.
pub(crate) fn mlflow() -> anyhow::Result<PathBuf> {
    Ok(python_package("mlflow", "mlflow", MLFLOW_VERSION)?.join("bin/mlflow"))
}

/// Installs what installs Python programs, and returns the folder of their commands.
pub(crate) fn installers() -> anyhow::Result<PathBuf> {
    Ok(python_packages("e2e/installers", &[PIPX, UV])?.join("bin"))
}

/// Installs a Python package for the stories, and returns its folder.
fn python_package(name: &str, package: &str, version: &str) -> anyhow::Result<PathBuf> {
    python_packages(&format!("e2e/{name}-{version}"), &[&format!("{package}=={version}")])
}

/// Installs Python packages in a virtual environment of their own below Cargo's target directory, and
/// returns that.
pub(crate) fn python_packages(place: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let folder = target_dir()?.join(place);
    if folder.exists() && !has_its_python(&folder) {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    once(place, |folder| {
        ensure_venv_module()?;
        // Its scripts name their Python by this path.
        let folder = &folder.canonicalize()?;
        run::succeed(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--no-cache-dir"];
        run::succeed(Command::new(folder.join("bin/python")).args(pip).args(packages))
    })
}

/// Whether the Python is there that the scripts of a virtual environment name. It is not if the folder
/// was moved or copied from a checkout that is gone.
fn has_its_python(folder: &Path) -> bool {
    let script = fs::read_to_string(folder.join("bin/pip")).unwrap_or_default();
    let first = script.lines().next().and_then(|line| line.strip_prefix("#!"));
    first.is_some_and(|python| Path::new(python).exists())
}

/// Returns this folder of Cargo's target directory after `install` has filled it. A marker tells a
/// complete installation from one that was interrupted.
fn once(place: &str, install: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<PathBuf> {
    let folder = target_dir()?.join(place);
    let marker = folder.join("installed");
    if !marker.exists() {
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        install(&folder)?;
        fs::write(&marker, "").with_context(|| marker.display().to_string())?;
    }
    Ok(folder)
}

/// Finds `node_modules/@openai/PACKAGE/vendor/TARGET/FOLDER/codex` for this machine. Package and
/// folder differ between versions.
fn codex_binary(folder: &Path) -> Option<PathBuf> {
    let system = if OS == "macos" { "darwin" } else { OS };
    let targets = below(&folder.join("node_modules/@openai"))
        .flat_map(|package| below(&package.join("vendor")))
        .filter(|target| {
            let name = target.to_string_lossy();
            name.contains(ARCH) && name.contains(system)
        });
    targets
        .flat_map(|target| below(&target))
        .map(|folder| folder.join("codex"))
        .find(|binary| binary.is_file())
}

fn below(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

/// Debian ships Python without the module that makes virtual environments.
fn ensure_venv_module() -> anyhow::Result<()> {
    let probe = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stderr(Stdio::null()).output()
    };
    let python = probe("python3", &["-c", "import ensurepip, venv"]);
    if python.context("could not start `python3`: install Python 3")?.status.success() {
        return Ok(());
    }
    let user = probe("id", &["-u"])?;
    ensure!(user.stdout == b"0\n", "python3 has no `venv` module: install python3-venv");
    run::succeed(Command::new("apt-get").args(["install", "--yes", "-qq", "python3-venv"]))
}
