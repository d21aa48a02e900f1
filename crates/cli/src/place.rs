//! The machine as the shell sees it that runs this command.

use std::path::PathBuf;

use codex_config::Environment;
use machine::Machine;

use crate::CommandError;

/// The machine of this shell. A working directory that is gone has no name.
pub(crate) fn machine(environment: &Environment) -> Result<Machine, CommandError> {
    let paths = crate::paths(environment)?;
    let this = std::env::current_exe()
        .and_then(dunce::canonicalize)
        .map_err(|error| CommandError::failed("cannot find `arize-codex`", error))?;
    Ok(Machine {
        paths,
        environment: environment.clone(),
        programs: this.parent().unwrap_or(&this).to_owned(),
        folder: std::env::current_dir().unwrap_or_default(),
        has_registry: cfg!(windows),
    })
}

/// A program of ours, from beside this one.
pub(crate) fn program(name: &str) -> Result<PathBuf, CommandError> {
    let this = std::env::current_exe()
        .map_err(|error| CommandError::failed("cannot find `arize-codex`", error))?;
    let path = this.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if path.exists() {
        return Ok(path);
    }
    Err(CommandError::NotFound {
        what: format!("`{}` does not exist", path.display()),
        hint: "all programs of arize-codex must be in one folder".to_owned(),
    })
}
