//! `arize-codex report --check`.

use std::fmt::Write as _;

use budget::LimitUse;
use codex_config::Environment;

use super::Place;
use super::known::{Known, of};
use crate::{CommandError, ExitCode, usage};

/// How a check of the budgets ends (`arize-codex report --check`).
pub(crate) fn check(
    environment: &Environment,
    check: usage::Check,
) -> Result<(String, ExitCode), CommandError> {
    let unknown = match check {
        usage::Check::Strict => ExitCode::NotReported,
        usage::Check::AllowUnknown => ExitCode::Success,
    };
    let place = Place::new(environment)?;
    let in_force = place.in_force(None);
    if let Some(problem) = in_force.problems.first() {
        return Ok((format!("a budget is not in force: {problem}\n"), ExitCode::CheckUsage));
    }
    if in_force.limits.is_empty() {
        return Ok(("no budget is set\n".to_owned(), ExitCode::CheckUsage));
    }
    let known = match Known::of(&place, None, environment) {
        Ok(known) => known,
        Err(error) => return Ok((format!("{}\n", error.report()), unknown)),
    };
    let mut text = String::new();
    for limit_use in &known.limit_uses {
        let word = match limit_use {
            over if over.is_over() => "over",
            unknown if unknown.is_unknown() => "unknown",
            _ => "within",
        };
        let _ = writeln!(text, "{word}: {}{}", limit_use.text(), of(limit_use));
    }
    if known.limit_uses.is_empty() {
        let text = "no budget of a day, month, project or repository is set\n".to_owned();
        return Ok((text, ExitCode::CheckUsage));
    }
    let code = match &known.limit_uses {
        all if all.iter().any(LimitUse::is_over) => ExitCode::Failure,
        all if all.iter().any(LimitUse::is_unknown) => unknown,
        _ => ExitCode::Success,
    };
    Ok((text, code))
}
