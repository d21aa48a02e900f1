//! `arize-codex budget`: how far budgets are used, and what a person allows.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use budget::{Allowance, Allowances, LimitUse, Millis, Origin, Scope, Spending, Spent, limit_uses};
use codex_config::{Environment, Paths, Settings};
use doctor::Style;
use jiff::civil::{DateTime, Time};
use jiff::{Span, Timestamp, ToSpan, Zoned};
use serde_json::{Value, json};
use spending::{Home, InForce, Session, measure};

use crate::{CommandError, ExitCode, examples, usage};

/// Print how far each budget is used, or lift them.
///
/// Budgets are set in `config.yaml` (`arize-codex config set harnesses.codex.budgets.day.usd 20`) or in
/// `.arize-codex.yaml` in a repository.
#[derive(Debug, clap::Args)]
#[command(after_help = examples::BUDGET, args_conflicts_with_subcommands = true)]
pub(crate) struct Budget {
    #[command(subcommand)]
    pub(crate) command: Option<BudgetCommand>,
    /// Also the budgets of this session, a thread with its sub-agents [default: that which runs this command].
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum BudgetCommand {
    Allow(Allow),
    Trust(Trust),
}

/// Let Codex work on although a budget is used up.
#[derive(Debug, clap::Args)]
pub(crate) struct Allow {
    /// Only in this session.
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Until then, such as 2h, 18:00 or 2026-12-24T18:00; without it, for ever in a session, and else until midnight.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Take back all that was allowed.
    #[arg(long, conflicts_with_all = ["session", "until"])]
    pub(crate) clear: bool,
}

/// Trust the budgets of a repository as they are now.
#[derive(Debug, clap::Args)]
pub(crate) struct Trust {
    /// A folder of the repository [default: the current one].
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

/// What holds for all of these commands.
pub(crate) struct Place {
    pub(crate) paths: Paths,
    home: Home,
    pub(crate) settings: Settings,
    now: Zoned,
}

impl Place {
    pub(crate) fn new(environment: &Environment) -> Result<Self, CommandError> {
        let paths = crate::paths(environment)?;
        let settings = Settings::load(&paths, environment);
        Ok(Self { home: Home::new(&paths), settings, paths, now: Zoned::now() })
    }

    fn in_force(&self, folder: Option<&Path>) -> InForce {
        let here = std::env::current_dir().ok();
        self.home.in_force(&self.settings.budgets, folder.or(here.as_deref()))
    }
}

/// Runs the command.
pub(crate) fn budget(
    args: &Budget,
    environment: &Environment,
    style: Style,
) -> Result<(String, ExitCode), CommandError> {
    let place = Place::new(environment)?;
    let text = match &args.command {
        Some(BudgetCommand::Allow(allow)) => self::allow(allow, &place)?,
        Some(BudgetCommand::Trust(trust)) => self::trust(trust, &place)?,
        None => {
            // Codex says so to the commands that it runs: an agent asks about itself.
            let session = args.session.as_deref().or_else(|| environment.get("CODEX_SESSION_ID"));
            // In a sandbox that lets nothing be written, what is known may be a little old.
            let known = Known::of(&place, session, environment).or_else(|error| {
                let as_it_is = Known::as_it_is(&place, session, environment);
                as_it_is.map(|(known, _)| known).map_err(|_| error)
            })?;
            if args.json { known.json(&place) } else { known.text(&place, style) }
        }
    };
    Ok((text, ExitCode::Success))
}

/// How far the budgets are used that hold here.
pub(crate) struct Known {
    in_force: InForce,
    pub(crate) limit_uses: Vec<LimitUse>,
    allowances: Allowances,
    /// What the session spent that is asked about.
    session: Option<(String, Spent)>,
}

impl Known {
    fn of(
        place: &Place,
        session: Option<&str>,
        environment: &Environment,
    ) -> Result<Self, CommandError> {
        let month = place.now.saturating_sub(32.days()).timestamp().as_nanosecond();
        usage::current(
            &place.paths.traces_db,
            true,
            &place.paths,
            environment,
            u64::try_from(month).ok(),
        )?;
        Self::as_it_is(place, session, environment).map(|(known, _)| known)
    }

    /// What the store and the transcripts of the session say; nothing is written, and what other sessions
    /// used since the last report is missing.
    pub(crate) fn as_it_is(
        place: &Place,
        session: Option<&str>,
        environment: &Environment,
    ) -> Result<(Self, Spending), CommandError> {
        let facts = usage::facts(&place.paths, environment);
        let measured = measure(&Session {
            codex_home: &place.paths.codex_home,
            store: &place.paths.traces_db,
            facts: &facts,
            thread: session.unwrap_or_default(),
            transcript: None,
            turn: None,
            now: &place.now,
        });
        let measured = measured
            .map_err(|error| CommandError::failed("it is not known what was spent", error))?;
        let in_force = place.in_force(None);
        let allowances = Allowances::read(&place.home.allowances())
            .map_err(|error| CommandError::failed("it is not known what was allowed", error))?;
        let limit_uses = limit_uses(&in_force.limits, &measured.spending);
        let session = measured.spending.0.get(&Scope::Session).cloned();
        Ok((Self { in_force, limit_uses, allowances, session }, measured.spending))
    }

    /// What the session spent that is asked about.
    pub(crate) fn session_spent(&self) -> Option<Spent> {
        self.session.as_ref().map(|(_, spent)| *spent)
    }

    fn text(&self, place: &Place, style: Style) -> String {
        let mut text = String::new();
        let policy = place.settings.budgets.policy;
        if self.in_force.limits.is_empty() {
            text += "no budget is set (`arize-codex config set harnesses.codex.budgets.day.usd 20` sets one)\n";
        }
        for limit_use in &self.limit_uses {
            let percent = format!("{:>4} %", limit_use.percent());
            let percent = match limit_use.percent() {
                100.. => style.red(&percent),
                80.. => style.yellow(&percent),
                _ => percent,
            };
            let _ = writeln!(text, "{percent}  {}{}", limit_use.text(), of(limit_use));
        }
        let is_measured = |limit: &&budget::Limit| {
            self.limit_uses.iter().all(|limit_use| limit_use.limit != **limit)
        };
        for limit in self.in_force.limits.iter().filter(is_measured) {
            let _ = writeln!(text, "        {limit}");
        }
        if !self.in_force.limits.is_empty() {
            let stops = match policy.hard_limit {
                true => format!("on, with {} s to save work", policy.grace / 1000),
                false => "off: Codex is not stopped".to_owned(),
            };
            let _ = writeln!(text, "hard limit: {stops}");
        }
        for allowance in self.live_allowances(place) {
            let session = allowance.session.as_deref().unwrap_or("all sessions");
            let until = allowance.until.map_or("without an end".to_owned(), |until| {
                format!("until {}", local(until, place))
            });
            let _ = writeln!(text, "allowed: {session}, {until}");
        }
        if let Some(file) = &self.in_force.repository {
            let trust = match file.is_trusted {
                true => "trusted",
                false => "not trusted, so not in force (`arize-codex budget trust`)",
            };
            let _ = writeln!(text, "`{}`: {trust}", file.path.display());
        }
        for problem in &self.in_force.problems {
            let _ = writeln!(text, "{} {problem}", style.red("not in force:"));
        }
        text
    }

    pub(crate) fn value(&self, place_policy: budget::Policy) -> Value {
        let limit_use = |limit_use: &LimitUse| {
            json!({
                "scope": limit_use.limit.scope.word(),
                "unit": limit_use.limit.unit.word(),
                "limit": amount(limit_use, limit_use.limit.amount),
                "spent": amount(limit_use, limit_use.spent),
                "left": amount(limit_use, limit_use.limit.amount.saturating_sub(limit_use.spent)),
                "percent": limit_use.percent(),
                "instance": limit_use.instance,
                "is_over": limit_use.is_over(),
                "unpriced_calls": limit_use.unpriced_calls,
                "is_unknown": limit_use.is_unknown(),
                "from_repository": limit_use.limit.origin == Origin::Repository,
            })
        };
        json!({
            "budgets": self.limit_uses.iter().map(limit_use).collect::<Vec<_>>(),
            "hard_limit": place_policy.hard_limit,
            "grace_seconds": place_policy.grace / 1000,
            "problems": self.in_force.problems,
        })
    }

    fn json(&self, place: &Place) -> String {
        let mut value = self.value(place.settings.budgets.policy);
        let time = |until: Millis| timestamp(until).to_string();
        let allowed = self.live_allowances(place).map(
            |allowance| json!({ "session": allowance.session, "until": allowance.until.map(time) }),
        );
        value["allowed"] = allowed.collect();
        value["session"] = self.session.as_ref().map_or(Value::Null, |(id, spent)| {
            json!({
                "id": id,
                "tokens": spent.tokens,
                "usd": spent.pico_usd as f64 / 1e12,
                "unpriced_calls": spent.unpriced_calls,
            })
        });
        value["repository"] = self.in_force.repository.as_ref().map_or(
            Value::Null,
            |file| json!({ "path": file.path.display().to_string(), "trusted": file.is_trusted }),
        );
        format!("{value:#}\n")
    }

    fn live_allowances(&self, place: &Place) -> impl Iterator<Item = &Allowance> {
        let now = millis(&place.now);
        self.allowances.list.iter().filter(move |one| one.until.is_none_or(|until| until > now))
    }
}

/// Which project or repository it is of.
fn of(limit_use: &LimitUse) -> String {
    match limit_use.limit.scope {
        Scope::Project | Scope::Repository => format!(" ({})", limit_use.instance),
        _ => String::new(),
    }
}

fn amount(limit_use: &LimitUse, amount: u64) -> Value {
    match limit_use.limit.unit {
        budget::Unit::Usd | budget::Unit::Credits => json!(amount as f64 / 1e12),
        budget::Unit::Tokens => json!(amount),
    }
}

fn allow(args: &Allow, place: &Place) -> Result<String, CommandError> {
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

fn trust(args: &Trust, place: &Place) -> Result<String, CommandError> {
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

fn millis(time: &Zoned) -> Millis {
    u64::try_from(time.timestamp().as_millisecond()).unwrap_or(0)
}

fn timestamp(time: Millis) -> Timestamp {
    i64::try_from(time)
        .ok()
        .and_then(|time| Timestamp::from_millisecond(time).ok())
        .unwrap_or_default()
}

fn local(time: Millis, place: &Place) -> String {
    let time = timestamp(time).to_zoned(place.now.time_zone().clone());
    time.strftime("%Y-%m-%d %H:%M %Z").to_string()
}

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
