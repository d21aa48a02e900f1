//! The machine as the shell sees it that runs this command.

use std::path::PathBuf;
use std::time::SystemTime;

use codex_config::{Environment, Paths, Settings};
use doctor::Place;

use crate::CommandError;

/// What there is to examine.
pub(crate) fn of_this_shell<'a>(
    environment: &'a Environment,
    paths: &'a Paths,
    settings: &'a Settings,
) -> Result<Place<'a>, CommandError> {
    let this = std::env::current_exe()
        .map_err(|error| CommandError::failed("cannot find `arize-codex`", error))?;
    Ok(Place {
        environment,
        paths,
        settings,
        programs: this.parent().unwrap_or(&this).to_owned(),
        // Of a directory that is gone, nothing is said of its project.
        directory: std::env::current_dir().unwrap_or_default(),
        now: SystemTime::now(),
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
