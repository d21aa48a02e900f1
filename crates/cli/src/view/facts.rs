//! What the pages show beside the store.

use std::time::SystemTime;

use alerts::Given;
use codex_config::{Environment, Settings, TargetSettings};
use dashboard::health::{Finding, Health, Level, Target};
use dashboard::{BudgetUse, Elsewhere, Facts};
use doctor::Context;
use doctor::checks::outbox;

use crate::{budget, place};

/// Facts about this installation, as of the moment in which they are asked for.
#[derive(Debug)]
pub(super) struct OfThisHome {
    environment: Environment,
}

impl OfThisHome {
    pub(super) fn new(environment: &Environment) -> Self {
        Self { environment: environment.clone() }
    }
}

impl Facts for OfThisHome {
    /// What the doctor finds, and the queues.
    fn health(&self) -> Health {
        let Ok(machine) = place::machine(&self.environment) else { return Health::default() };
        let settings = Settings::load(&machine.paths, &self.environment);
        let context = Context { machine: &machine, settings: &settings, now: SystemTime::now() };
        let findings = doctor::examine(&context).findings.into_iter().map(|finding| Finding {
            check: finding.check.to_owned(),
            level: match finding.level {
                doctor::Level::Ok => Level::Ok,
                doctor::Level::Warning => Level::Warning,
                doctor::Level::Failure => Level::Failure,
            },
            message: finding.message,
            command: finding.command,
        });
        let targets = outbox::inspect(&settings, &machine.paths).into_iter().filter_map(|facts| {
            let summary = facts.summary.ok()?;
            let age = |since: SystemTime| context.now.duration_since(since).unwrap_or_default();
            let dead = summary.rejected.into_iter().map(|batch| (batch.trace_id, batch.answer));
            Some(Target {
                name: facts.queue,
                queued: summary.queued as u64,
                oldest_seconds: summary.oldest.map(|oldest| age(oldest).as_secs()),
                accepted: summary.accepted,
                last_error: summary.last_error,
                dead_letters: dead.collect(),
            })
        });
        Health { findings: findings.collect(), targets: targets.collect() }
    }

    /// Those of this home; none where the list cannot be read, which the next alert writes anew.
    fn alerts(&self) -> Vec<Given> {
        let Ok(paths) = crate::paths(&self.environment) else { return Vec::new() };
        dispatch::shown(&paths).last().unwrap_or_default()
    }

    /// Those of the settings that are for no session; none where it is not known what was spent.
    fn budgets(&self) -> Vec<BudgetUse> {
        let uses = budget::Place::new(&self.environment).and_then(|place| {
            budget::Known::as_it_is(&place, None, &self.environment).map(|(known, _)| known)
        });
        let uses = uses.map(|known| known.limit_uses).unwrap_or_default();
        let of = |used: &::budget::LimitUse| BudgetUse {
            scope: used.limit.scope.word().to_owned(),
            percent: used.percent(),
            text: used.text(),
            is_over: used.is_over(),
        };
        uses.iter().map(of).collect()
    }

    fn elsewhere(&self, trace_id: &str) -> Vec<Elsewhere> {
        let Ok(paths) = crate::paths(&self.environment) else { return Vec::new() };
        let settings = Settings::load(&paths, &self.environment);
        let page = |target: &TargetSettings| {
            let address = target.trace_page(trace_id)?;
            Some(Elsewhere { name: target.name.clone(), address })
        };
        settings.targets.iter().filter_map(page).collect()
    }
}
