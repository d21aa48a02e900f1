//! Budgets: the answer to Codex before a prompt or a tool call, and a watch over the turn meanwhile.
//!
//! Codex waits for the answer, so that nothing slow is done here: a read of the local store,
//! and what the session's transcripts say beyond it. Whatever fails lets Codex go on, and is logged.
//! The [watch](watch()), another run of this program that Codex does not wait for, keeps the store up
//! to date, gives notices, and stops a turn that the answers do not reach.

mod interrupt;
mod said;
mod watch;

use std::ffi::OsStr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use budget::{
    Allowances, Asked, Decision, LastMeasured, LimitUse, Memory, Millis, Spending, decide,
    limit_uses,
};
use codex_config::{Paths, Settings, Target};
use codex_import::{Facts, machine_name};
use codex_turn::{LifecycleQuestion, LifecycleStep};
use jiff::Zoned;
use program_log::{Log, chain};
use spending::{Home, InForce, Measured, Session, measure};

use crate::lifecycle;

pub(crate) use watch::watch;

/// The argument of the run that watches; behind it Codex's process.
pub(crate) const WATCH: &str = "--watch-budgets";

/// What answers Codex.
#[derive(Clone, Copy)]
pub(crate) struct Gate<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) paths: &'a Paths,
    pub(crate) log: &'a Log,
}

impl Gate<'_> {
    /// What Codex is to read; none where it goes on without a word.
    pub(crate) fn answer(&self, question: &LifecycleQuestion, payload: &[u8]) -> Option<String> {
        let in_force = self.in_force(question);
        if let Some(error) = &self.settings.unreadable {
            self.log.error(format_args!("no budget is in force: {}", chain(error)));
        }
        let is_prompt = question.about == LifecycleStep::Prompt;
        let refused = (!in_force.limits.is_empty())
            .then(|| match self.decide(question, &in_force) {
                Ok(Decision::Allow) => None,
                Ok(Decision::Refuse(reason)) => {
                    self.log.warn(format_args!("thread {}: {reason}", question.thread_id));
                    Some(LifecycleQuestion::refusal(question.about, &reason))
                }
                Err(error) => {
                    self.log.error(format_args!(
                        "budgets are not checked, Codex goes on: {}",
                        chain(&*error)
                    ));
                    None
                }
            })
            .flatten();
        let is_watched = !in_force.limits.is_empty() || self.settings.alerts.enabled;
        if is_prompt && refused.is_none() && is_watched {
            self.start_watch(payload);
        }
        refused.or_else(|| {
            let problems = is_prompt.then(|| not_in_force(&in_force)).flatten();
            problems.map(|problems| LifecycleQuestion::message(&problems))
        })
    }

    fn in_force(&self, question: &LifecycleQuestion) -> InForce {
        let folder = question.cwd.as_deref().map(Path::new);
        Home::new(self.paths).in_force(&self.settings.budgets, folder)
    }

    fn decide(&self, question: &LifecycleQuestion, in_force: &InForce) -> Result<Decision, Failed> {
        let policy = self.settings.budgets.policy;
        if !policy.hard_limit {
            return Ok(Decision::Allow);
        }
        let home = Home::new(self.paths);
        let limit_uses = match self.last_spending(question, &home) {
            Some(spending) => limit_uses(&in_force.limits, &spending),
            None => self.limit_uses(question, in_force)?.1,
        };
        let session = question.session_id.as_str();
        let allowances = Allowances::read(&home.allowances())?;
        let asked = match question.about {
            LifecycleStep::Prompt => Asked::Prompt,
            LifecycleStep::ToolCall => Asked::ToolCall { thread: &question.thread_id },
        };
        let file = home.session(session);
        let decide = |memory: &mut Memory| {
            decide(asked, &limit_uses, policy, &allowances, session, memory, millis())
        };
        // Nothing is locked or written while the limit is far.
        if limit_uses.iter().all(|limit_use| !limit_use.is_over()) && !file.exists() {
            return Ok(decide(&mut Memory::default()));
        }
        Ok(Memory::update(&file, decide)?)
    }

    /// What the watch has measured within the last seconds: a long turn takes longer to read than Codex
    /// is to wait. None before a prompt, of another turn, and where no watch is at work.
    fn last_spending(&self, question: &LifecycleQuestion, home: &Home) -> Option<Spending> {
        if question.about == LifecycleStep::Prompt {
            return None;
        }
        let last = LastMeasured::read(&home.measured(&question.session_id), millis());
        let last = last.inspect_err(|error| self.log.warn(format_args!("{}", chain(error))));
        let last = last.ok().flatten()?;
        let is_roots = question.thread_id == question.session_id;
        let is_meant =
            !is_roots || question.turn_id.as_deref().is_some_and(|turn| last.is_of_turn(turn));
        is_meant.then_some(last.spending)
    }

    /// How far the limits are reached, and what was measured for that.
    fn limit_uses(
        &self,
        question: &LifecycleQuestion,
        in_force: &InForce,
    ) -> Result<(Measured, Vec<LimitUse>), Failed> {
        let facts = self.facts();
        let transcript = question.transcript.as_deref().map(Path::new);
        // A sub-agent's question may name its own.
        let is_roots = |path: &&Path| {
            let name = codex_home::sessions::TranscriptName::of(path);
            name.is_some_and(|name| name.thread == question.session_id)
        };
        let measured = measure(&Session {
            codex_home: &self.paths.codex_home,
            store: &self.paths.traces_db,
            facts: &facts,
            thread: &question.session_id,
            transcript: transcript.filter(is_roots).filter(|path| path.exists()),
            turn: question.turn_id.as_deref().filter(|_| question.thread_id == question.session_id),
            now: &Zoned::now(),
        })?;
        let limit_uses = limit_uses(&in_force.limits, &measured.spending);
        Ok((measured, limit_uses))
    }

    fn facts(&self) -> Facts {
        let targets = &self.settings.targets;
        let is_local =
            |target: &&codex_config::TargetSettings| matches!(target.target, Ok(Target::Local));
        let project = targets.iter().find(is_local).or(targets.first());
        Facts {
            project: project.map_or_else(|| "codex".to_owned(), |t| t.project_name.clone()),
            user: self.settings.user_id.clone().unwrap_or_default(),
            machine: machine_name(),
            prices: dispatch::price_table(self.paths, self.log).into_owned(),
        }
    }

    fn start_watch(&self, payload: &[u8]) {
        let codex = interrupt::codex().map(|pid| pid.to_string()).unwrap_or_default();
        let arguments = [OsStr::new(WATCH), OsStr::new(&codex)];
        if let Err(error) = lifecycle::hand_over(payload, &arguments) {
            self.log.error(format_args!("the budgets are not watched: {error}"));
        }
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// What the user believes in and does not hold.
fn not_in_force(in_force: &InForce) -> Option<String> {
    let mut said: Vec<String> = in_force
        .problems
        .iter()
        .map(|problem| format!("a budget is not in force: {problem}"))
        .collect();
    if let Some(file) = in_force.repository.as_ref().filter(|file| !file.is_trusted) {
        said.push(format!(
            "the budgets in `{}` are not in force: `arize-codex budget trust` trusts the file",
            file.path.display()
        ));
    }
    (!said.is_empty()).then(|| terminal_text::line(&said.join("; ")))
}

fn millis() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
