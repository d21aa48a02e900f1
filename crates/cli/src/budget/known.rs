//! How far budgets are used.

use std::fmt::Write as _;

use budget::{Allowance, Allowances, LimitUse, Millis, Origin, Scope, Spending, Spent, limit_uses};
use codex_config::Environment;
use doctor::Style;
use jiff::ToSpan;
use serde_json::{Value, json};
use spending::{InForce, Session, measure};

use super::{Place, local, millis, timestamp};
use crate::{CommandError, usage};

/// How far the budgets are used that hold here.
pub(crate) struct Known {
    in_force: InForce,
    pub(crate) limit_uses: Vec<LimitUse>,
    allowances: Allowances,
    /// What the session spent that is asked about.
    session: Option<(String, Spent)>,
}

impl Known {
    pub(super) fn of(
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

    pub(super) fn text(&self, place: &Place, style: Style) -> String {
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

    pub(super) fn json(&self, place: &Place) -> String {
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
pub(super) fn of(limit_use: &LimitUse) -> String {
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
