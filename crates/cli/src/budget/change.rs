//! What a person allows and trusts.

use std::fmt::Write as _;

use budget::{Allowance, Allowances, Millis};
use jiff::civil::{DateTime, Time};
use jiff::{Span, Timestamp, Zoned};

use super::{Allow, Place, Trust, local, millis};
use crate::CommandError;

pub(super) fn allow(args: &Allow, place: &Place) -> Result<String, CommandError> {
    let file = place.home.allowances();
    let failed = |error| CommandError::failed("nothing was changed", error);
    if args.clear {
        let count = Allowances::clear_in(&file).map_err(failed)?;
        return Ok(format!("{count} allowances taken back\n"));
    }
    let until = match &args.until {
        Some(text) => Some(until(text, &place.now)?),
        None if args.session.is_some() => None,
        None => {
            place.now.tomorrow().and_then(|day| day.start_of_day()).ok().map(|end| millis(&end))
        }
    };
    let allowance = Allowance { session: args.session.clone(), until };
    Allowances::add_in(&file, allowance, millis(&place.now)).map_err(failed)?;
    let session =
        args.session.as_deref().map_or("all sessions".to_owned(), |id| format!("session {id}"));
    let until = until.map_or(String::new(), |until| format!(" until {}", local(until, place)));
    Ok(format!("budgets stop no work of {session}{until}\n"))
}

pub(super) fn trust(args: &Trust, place: &Place) -> Result<String, CommandError> {
    let in_force = place.in_force(args.folder.as_deref());
    let Some(file) = in_force.repository else {
        return Err(CommandError::NotFound {
            what: format!("there is no `{}` here", codex_config::REPOSITORY_FILE),
            hint: "name a folder of the repository".to_owned(),
        });
    };
    let name = file.path.display().to_string();
    if let Some(problem) = in_force.problems.iter().find(|problem| problem.contains(&name)) {
        return Err(CommandError::Failed { what: problem.clone(), source: None });
    }
    budget::Trusted::add_in(&place.home.trusted(), &name, &file.digest)
        .map_err(|error| CommandError::failed("nothing was changed", error))?;
    let mut text = format!("`{name}` is trusted as it is now:\n");
    for limit in &file.limits {
        let _ = writeln!(text, "  {limit}");
    }
    Ok(text)
}

/// Reads a time to come.
fn until(text: &str, now: &Zoned) -> Result<Millis, CommandError> {
    let of_day = || {
        let time: Time = text.parse().ok()?;
        let today = now.with().time(time).build().ok()?;
        if today > *now { Some(today) } else { today.tomorrow().ok() }
    };
    let in_zone = || text.parse::<DateTime>().ok()?.to_zoned(now.time_zone().clone()).ok();
    let after = || now.checked_add(text.parse::<Span>().ok()?).ok();
    let at = || Some(text.parse::<Timestamp>().ok()?.to_zoned(now.time_zone().clone()));
    let until = at().or_else(in_zone).or_else(of_day).or_else(after);
    match until.filter(|until| until > now) {
        Some(until) => Ok(millis(&until)),
        None => Err(CommandError::Incomplete {
            what: format!("`{text}` is no time to come"),
            hint: "such as 2h, 18:00 or 2026-12-24T18:00".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_come() {
        let now: Zoned = "2026-12-01T12:00[Europe/Berlin]".parse().unwrap();
        for (text, expected) in [
            ("2h", Some("2026-12-01T14:00[Europe/Berlin]")),
            ("18:00", Some("2026-12-01T18:00[Europe/Berlin]")),
            ("06:00", Some("2026-12-02T06:00[Europe/Berlin]")),
            ("2026-12-24T18:00", Some("2026-12-24T18:00[Europe/Berlin]")),
            ("2026-12-24T18:00Z", Some("2026-12-24T19:00[Europe/Berlin]")),
            ("2026-11-01", None),
            ("-2h", None),
            ("soon", None),
        ] {
            let expected = expected.map(|time| millis(&time.parse().unwrap()));
            assert_eq!(until(text, &now).ok(), expected, "{text}");
        }
    }
}
