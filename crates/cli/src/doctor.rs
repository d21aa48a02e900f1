//! `arize-codex doctor`.

use codex_config::{Environment, Settings};
use doctor::{Level, Style};

use crate::args::Doctor;
use crate::{CommandError, ExitCode, place};

/// Examines the machine; a failure that is found is an exit code, not an error of the command.
pub(crate) fn doctor(
    args: &Doctor,
    environment: &Environment,
    style: Style,
) -> Result<(String, ExitCode), CommandError> {
    let paths = crate::paths(environment)?;
    let settings = Settings::load(&paths, environment);
    let place = place::of_this_shell(environment, &paths, &settings)?;
    let report = if args.send { doctor::examine_and_send(&place) } else { doctor::examine(&place) };
    let text = if args.json { report.json() } else { doctor::findings(&report, style) };
    let code = if report.level == Level::Failure { ExitCode::Failure } else { ExitCode::Success };
    Ok((text, code))
}
