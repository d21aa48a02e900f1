//! The machine as the shell sees it that runs this command.

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
