//! `cargo xtask windows`: lints and tests for Windows on another system. Wine runs what was built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::run;
use crate::workspace::{cargo, root, target_dir};

const TARGET: &str = "x86_64-pc-windows-gnu";

/// The linker, which also builds a library for the tests.
const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// A library that older Wines lack; see its source in `xtask/windows`.
const LIBRARY: &str = "bcryptprimitives.dll";

/// The rules of the repository and the stories are not about Windows.
const CRATES: [&str; 5] = ["--workspace", "--exclude", "xtask", "--exclude", "stories"];

/// Does it, or says in a line why not. Where `CI` is set, only a missing target is a reason.
#[expect(clippy::print_stderr, reason = "what is left out is for the person who ran the task")]
pub(crate) fn run() -> anyhow::Result<()> {
    if !has_target()? {
        eprintln!(
            "left out: Rust's target {TARGET} is not installed (`rustup target add {TARGET}`)"
        );
        return Ok(());
    }
    if let Some((program, package)) = missing_program() {
        let what = format!("`{program}` is missing, which is in Debian's {package}");
        if std::env::var_os("CI").is_some() {
            bail!("{what}, and `CI` is set");
        }
        eprintln!("left out: {what}");
        return Ok(());
    }
    let prefix = wine_prefix()?;
    let runs = |arguments: &[&str]| {
        let mut cargo = cargo(&[arguments, &["--target", TARGET]].concat())?;
        in_wine(&mut cargo, &prefix).env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", "wine");
        anyhow::Ok(cargo)
    };
    // Its own flags come last.
    run::succeed(runs(&["clippy", "--all-targets"])?.args(["--", "-D", "warnings"]))?;
    run::succeed(runs(&["test", "--lib", "--bins", "--tests"])?.args(CRATES))?;
    // The same crates as before, so that their dependencies are not built once more.
    run::succeed(runs(&["build", "--bins"])?.args(CRATES))?;
    let program = target_dir()?.join(TARGET).join("debug/arize-codex.exe");
    run::succeed(in_wine(Command::new("wine").arg(program).arg("demo"), &prefix))
}

fn has_target() -> anyhow::Result<bool> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "sysroot"]).current_dir(root()?).output()?;
    let sysroot = String::from_utf8(output.stdout)?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).is_dir())
}

/// A program that is not there, and the package that has it.
fn missing_program() -> Option<(&'static str, &'static str)> {
    let starts = |program: &str| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    [(COMPILER, "gcc-mingw-w64-x86-64"), ("wine", "wine")]
        .into_iter()
        .find(|(program, _)| !starts(program))
}

/// Makes a Windows that only this task uses, where there is none yet, and returns its folder.
fn wine_prefix() -> anyhow::Result<PathBuf> {
    let folder = target_dir()?.join("windows");
    let prefix = folder.join("wine");
    let system = prefix.join("drive_c/windows/system32");
    let installed = system.join(LIBRARY);
    if installed.exists() {
        return Ok(prefix);
    }
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let wine = |arguments: &[&str]| {
        let mut wine = Command::new("wine");
        // Its user's folders would lead to those of ours.
        in_wine(&mut wine, &prefix).env("HOME", &folder).args(arguments);
        run::succeed(&mut wine)
    };
    wine(&["wineboot", "--init"])?;
    wine(&["winecfg", "-v", "win10"])?;
    let library = folder.join(LIBRARY);
    let source = root()?.join("xtask/windows/bcryptprimitives.c");
    let mut compiler = Command::new(COMPILER);
    compiler.args(["-shared", "-O2", "-o"]).arg(&library).arg(source).arg("-ladvapi32");
    run::succeed(&mut compiler)?;
    // Last: it tells a Windows that is complete.
    fs::copy(&library, &installed).with_context(|| installed.display().to_string())?;
    Ok(prefix)
}

fn in_wine<'a>(command: &'a mut Command, prefix: &Path) -> &'a mut Command {
    command.env("WINEPREFIX", prefix).env("WINEDEBUG", "-all").env_remove("DISPLAY")
}
