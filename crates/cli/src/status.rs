//! `arize-codex status`.

use codex_config::{Environment, Settings};
use doctor::Style;
use doctor::status::{overview, text};
use jiff::tz::TimeZone;

use crate::args::Status;
use crate::{CommandError, place};

/// Says what is going on.
pub(crate) fn status(
    args: &Status,
    environment: &Environment,
    style: Style,
) -> Result<String, CommandError> {
    let paths = crate::paths(environment)?;
    let settings = Settings::load(&paths, environment);
    let place = place::of_this_shell(environment, &paths, &settings)?;
    let zone = TimeZone::system();
    let overview = overview(&place, &zone);
    Ok(if args.json {
        overview.json()
    } else {
        text(&overview, &paths.home, place.now, &zone, style)
    })
}
