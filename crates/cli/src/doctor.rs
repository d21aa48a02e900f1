//! `arize-codex doctor`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use codex_config::{Environment, Settings};
use doctor::{Context, Level, Style};

use crate::args::Doctor;
use crate::{CommandError, ExitCode, place};

/// Examines the machine; a failure that is found is an exit code, not an error of the command.
pub(crate) fn doctor(
    args: &Doctor,
    environment: &Environment,
    style: Style,
) -> Result<(String, ExitCode), CommandError> {
    let machine = &place::machine(environment)?;
    let settings = &Settings::load(&machine.paths, environment);
    let context = Context { machine, settings, now: SystemTime::now() };
    let report =
        if args.send { doctor::examine_and_send(&context) } else { doctor::examine(&context) };
    let code = if report.level == Level::Failure { ExitCode::Failure } else { ExitCode::Success };
    if let Some(file) = &args.report {
        let file = file.clone().unwrap_or_else(|| default_file(context.now));
        write_report(&file, &doctor::bundle(&context, &report), args.force)?;
        return Ok((format!("{}\n", file.display()), code));
    }
    let text = if args.json { report.json() } else { doctor::findings(&report, style) };
    Ok((text, code))
}

/// A new file for each report.
fn default_file(now: SystemTime) -> PathBuf {
    let time = humantime::format_rfc3339_seconds(now).to_string();
    let time: String = time.chars().filter(char::is_ascii_digit).collect();
    PathBuf::from(format!("arize-codex-report-{time}.md"))
}

/// Writes the report for its owner only.
fn write_report(file: &Path, text: &str, force: bool) -> Result<(), CommandError> {
    if !force && file.symlink_metadata().is_ok() {
        return Err(CommandError::Incomplete {
            what: format!("`{}` exists", file.display()),
            hint: "name another file, or replace this one with --force".to_owned(),
        });
    }
    let what = || format!("`{}` cannot be written", file.display());
    private_files::write_text(file, text)
        .map_err(|error| CommandError::failed(what(), error.source))
}
