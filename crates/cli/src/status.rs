//! `arize-codex status`.

use std::time::SystemTime;

use codex_config::{Environment, Settings};
use doctor::status::{overview, text};
use doctor::{Context, Style};
use jiff::tz::TimeZone;

use crate::args::Status;
use crate::{CommandError, place};

/// Says what is going on.
pub(crate) fn status(
    args: &Status,
    environment: &Environment,
    style: Style,
) -> Result<String, CommandError> {
    let machine = &place::machine(environment)?;
    let settings = &Settings::load(&machine.paths, environment);
    let context = Context { machine, settings, now: SystemTime::now() };
    let zone = TimeZone::system();
    let overview = overview(&context, &zone);
    Ok(if args.json {
        overview.json()
    } else {
        text(&overview, &machine.paths.home, context.now, &zone, style)
    })
}
