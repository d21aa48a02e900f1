//! `arize-codex doctor`.

use std::time::SystemTime;

use codex_config::{Environment, Settings};
use doctor::{Level, Place, Style};

use crate::args::Doctor;
use crate::{CommandError, ExitCode};

/// Examines the machine; a failure that is found is an exit code, not an error of the command.
pub(crate) fn doctor(
    args: &Doctor,
    environment: &Environment,
    is_terminal: bool,
) -> Result<(String, ExitCode), CommandError> {
    let paths = crate::paths(environment)?;
    let settings = Settings::load(&paths, environment);
    let this = std::env::current_exe()
        .map_err(|error| CommandError::failed("cannot find `arize-codex`", error))?;
    let place = Place {
        environment,
        paths: &paths,
        settings: &settings,
        programs: this.parent().unwrap_or(&this).to_owned(),
        // Of a directory that is gone, nothing is said of its project.
        directory: std::env::current_dir().unwrap_or_default(),
        now: SystemTime::now(),
    };
    let report = if args.send { doctor::examine_and_send(&place) } else { doctor::examine(&place) };
    let text = if args.json {
        report.json()
    } else {
        doctor::findings(&report, Style::of(is_terminal, environment))
    };
    let code = if report.level == Level::Failure { ExitCode::Failure } else { ExitCode::Success };
    Ok((text, code))
}
