//! Which turns are meant.

use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use otlp_model::UnixNanos;
use trace_store::usage::{TurnFilter, TurnStatus};

use crate::CommandError;
use crate::args::ShowFilters;

/// The filters of the command line for the store.
pub(super) fn filter(args: &ShowFilters, now: &Zoned) -> Result<TurnFilter, CommandError> {
    let statuses = [
        (args.failed, TurnStatus::Failed),
        (args.failed, TurnStatus::Denied),
        (args.interrupted, TurnStatus::Interrupted),
    ];
    let statuses = statuses.into_iter().filter_map(|(is_asked, status)| is_asked.then_some(status));
    Ok(TurnFilter {
        thread: args.thread.clone(),
        statuses: statuses.collect(),
        since: args.since.as_deref().map(|text| since(text, now)).transpose()?,
        folder: args.cwd.as_deref().map(folder),
        tag: args.tag.clone(),
        model: args.model.clone(),
        text: args.search.clone(),
        // A sub-agent's thread may be the one that is asked for.
        with_sub_agents: args.thread.is_some(),
        ..TurnFilter::default()
    })
}

/// The folder under which turns in this one are recorded: the top of its repository.
pub(super) fn folder(path: &Path) -> String {
    let path = dunce::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    codex_import::folder_of(&path.display().to_string())
}

/// A time of the user's day, or so long ago.
fn since(text: &str, now: &Zoned) -> Result<UnixNanos, CommandError> {
    let zone: &TimeZone = now.time_zone();
    let ago = || now.checked_sub(text.parse::<Span>().ok()?.abs()).ok();
    let at = || text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok();
    let Some(time) = at().or_else(ago) else {
        return Err(CommandError::Incomplete {
            what: format!("`{text}` is no time"),
            hint: "`--since` takes a time such as 2026-11-01 or 2026-11-01T08:30, or 2h or 7d"
                .to_owned(),
        });
    };
    let nanos = time.timestamp().as_nanosecond();
    Ok(UnixNanos(u64::try_from(nanos).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_day_a_minute_or_so_long_ago() {
        let now: Zoned = "2026-11-21T12:00:00-05:00[America/New_York]".parse().unwrap();
        let check = |text: &str, expected: &str| {
            let expected: jiff::Timestamp = expected.parse().unwrap();
            let nanos = u64::try_from(expected.as_nanosecond()).unwrap();
            assert_eq!(since(text, &now).unwrap(), UnixNanos(nanos), "{text}");
        };
        check("2026-11-01", "2026-11-01T04:00:00Z");
        check("2026-11-02T08:30", "2026-11-02T13:30:00Z");
        check("2h", "2026-11-21T15:00:00Z");
        check("7d", "2026-11-14T17:00:00Z");
        // A day with a change of the clock is a day.
        check("21d", "2026-10-31T16:00:00Z");
        for text in ["", "yesterday", "x"] {
            assert!(since(text, &now).is_err(), "{text}");
        }
    }
}
