//! A watch over a session while a turn of it goes on.
//!
//! It sees what the answers to Codex do not: a turn that calls no tools, tools for which Codex runs no
//! hooks, and the time that is over after a limit was exceeded. It ends with the turn, or with Codex.

use std::cell::RefCell;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use ::alerts::Used;
use budget::{Allowances, LastMeasured, LimitUse, Memory, Notices, Scope};
use codex_config::{Paths, Settings};
use codex_import::{Request, import, record_spans};
use codex_live::LiveTurns;
use codex_turn::LifecycleQuestion;
use notices::{Notice, Sending};
use pricing::PriceTable;
use program_log::{Log, chain};
use spending::{Home, Measured};
use trace_store::TraceStore;

use super::{Failed, Gate, interrupt, millis, said};
use crate::alerts::{self, Alerts};
use crate::lifecycle;

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(500);

/// How often the store is brought up to date with what other sessions used.
const IMPORT_PERIOD: Duration = Duration::from_secs(60);

/// How often it looks for what alerts are about.
const ALERT_PERIOD: Duration = Duration::from_secs(2);

/// How long a turn may take to appear in its transcript.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long after an interruption another one is tried.
const AGAIN: Duration = Duration::from_secs(10);

/// How long it is remembered that a session was over a budget.
const REMEMBERED: Duration = Duration::from_secs(32 * 24 * 60 * 60);

/// A turn does not last longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Watches the session of the payload on stdin, which the Codex with this process id runs.
pub(crate) fn watch(codex: Option<u32>, settings: &Settings, paths: &Paths, log: &Log) {
    let gate = Gate { settings, paths, log };
    let question = lifecycle::payload().ok().and_then(|text| LifecycleQuestion::decode(&text));
    let Some(question) = question else { return };
    let lock = Home::new(paths).watch_lock(&question.session_id);
    let Some(_lock) = locked(&lock, log) else { return };
    let sending = RefCell::default();
    if let Some(before) = SystemTime::now().checked_sub(REMEMBERED)
        && let Err(error) = Home::new(paths).remove_sessions(before)
    {
        log.warn(format_args!("the budgets of old sessions are not forgotten: {error}"));
    }
    let watch = Watch { gate, question, codex, begun: Instant::now(), sending };
    if let Err(error) = watch.run() {
        log.error(format_args!("budgets are not watched any more: {}", chain(&*error)));
    }
    watch.sending.take().into_iter().for_each(|one| alerts::wait(one, log));
}

/// The lock, as soon as the watch over the turn before has ended.
fn locked(path: &std::path::Path, log: &Log) -> Option<std::fs::File> {
    let file = private_files::open(path);
    let file =
        file.inspect_err(|error| log.error(format_args!("budgets are not watched: {error}")));
    let file = file.ok()?;
    let until = Instant::now() + PATIENCE;
    while file.try_lock().is_err() {
        if Instant::now() >= until {
            return None;
        }
        sleep(PERIOD);
    }
    // It is in use again.
    let _ = file.set_modified(SystemTime::now());
    Some(file)
}

struct Watch<'a> {
    gate: Gate<'a>,
    question: LifecycleQuestion,
    codex: Option<u32>,
    begun: Instant,
    /// What sends notices.
    sending: RefCell<Vec<Sending>>,
}

impl Watch<'_> {
    fn run(&self) -> Result<(), Failed> {
        let (mut imported, mut interrupted): (Option<Instant>, Option<Instant>) = (None, None);
        let mut was_open = false;
        let mut looking = Looking::new(&self.gate, &self.question.session_id);
        while self.begun.elapsed() < LONGEST {
            let in_force = self.gate.in_force(&self.question);
            let has_limits = !in_force.limits.is_empty();
            if has_limits && imported.is_none_or(|last| last.elapsed() >= IMPORT_PERIOD) {
                self.import()?;
                imported = Some(Instant::now());
            }
            let (mut is_open, mut spent, mut over) = (false, Used::default(), None);
            if has_limits {
                let (measured, limit_uses) = self.gate.limit_uses(&self.question, &in_force)?;
                self.note(&measured);
                self.give_notices(&limit_uses)?;
                is_open = !measured.open.is_empty();
                spent = used(&measured);
                over = Some((measured, limit_uses));
            }
            if let Some(looking) = &mut looking {
                self.look(looking, spent);
                is_open |= looking.live.running().next().is_some();
            }
            let is_over = !is_open && (was_open || self.begun.elapsed() >= PATIENCE);
            if is_over || self.codex.is_some_and(|codex| !processes::is_alive(codex)) {
                return Ok(());
            }
            was_open |= is_open;
            let is_due = interrupted.is_none_or(|last| last.elapsed() >= AGAIN);
            if let Some((measured, limit_uses)) = over
                && is_due
                && !measured.open.is_empty()
                && self.is_to_end(&limit_uses)?
            {
                interrupted = Some(Instant::now());
                self.interrupt(&limit_uses, &measured);
            }
            sleep(PERIOD);
        }
        Ok(())
    }

    /// Writes down what was measured, for the answers to Codex.
    fn note(&self, measured: &Measured) {
        if !self.gate.settings.budgets.policy.hard_limit {
            return;
        }
        let file = Home::new(self.gate.paths).measured(&self.question.session_id);
        let last = LastMeasured { at: millis(), spending: measured.spending.clone() };
        // Without it each answer measures for itself.
        if let Err(error) = last.write(&file) {
            self.gate.log.warn(format_args!("{}", chain(&error)));
        }
    }

    /// Gives the alerts of the turns that changed.
    fn look(&self, looking: &mut Looking<'_>, session: Used) {
        if looking.at.is_some_and(|last| last.elapsed() < ALERT_PERIOD) {
            return;
        }
        looking.at = Some(Instant::now());
        let changed = looking.live.poll(SystemTime::now());
        let limits = looking.live.limits().cloned();
        for mut live in changed {
            looking.live.join_trace(&mut live);
            dispatch::price(&mut live.turn, &looking.prices);
            match looking.alerts.take(&live.turn, session, limits.as_ref()) {
                Ok(notices) => notices.iter().for_each(|notice| self.send(notice)),
                Err(error) => {
                    self.gate.log.error(format_args!("alerts are not given: {}", chain(&error)));
                }
            }
        }
    }

    /// Reads what other sessions used, so that days and months are whole.
    fn import(&self) -> Result<(), Failed> {
        let (facts, paths) = (self.gate.facts(), self.gate.paths);
        let mut store = TraceStore::open(&paths.traces_db)?;
        let found = codex_import::find(std::slice::from_ref(&paths.codex_home));
        // No budget is longer than a month.
        let month = millis().saturating_sub(32 * 24 * 60 * 60 * 1000) * 1_000_000;
        let request =
            Request { found: &found, facts: &facts, changed_since: Some(month), dry_run: false };
        import(&mut store, request, &mut |_| ())?;
        record_spans(&mut store, &facts)?;
        Ok(())
    }

    fn give_notices(&self, limit_uses: &[LimitUse]) -> Result<(), Failed> {
        let home = Home::new(self.gate.paths);
        for notice in Notices::take_in(&home.notices(), limit_uses)? {
            self.give(said::notice(&notice, &self.question.session_id));
        }
        Ok(())
    }

    /// Puts a notice of a budget into the log and the list, and sends it.
    fn give(&self, notice: Notice) {
        let Gate { log, paths, .. } = self.gate;
        log.warn(format_args!("{}", notice.text));
        alerts::note_budget(paths, log, &notice.text, &self.question.session_id);
        self.send(&notice);
    }

    fn send(&self, notice: &Notice) {
        let sending = dispatch::channels(self.gate.settings).send(notice);
        let mut all = self.sending.borrow_mut();
        // The watch may last for hours.
        let (over, rest) = all.drain(..).partition(Sending::is_over);
        *all = rest;
        all.extend(sending);
        let over: Vec<Sending> = over;
        over.into_iter().for_each(|one| alerts::wait(one, self.gate.log));
    }

    /// Whether a hard limit was exceeded so long ago that the time to save work is over.
    fn is_to_end(&self, limit_uses: &[LimitUse]) -> Result<bool, Failed> {
        let policy = self.gate.settings.budgets.policy;
        let home = Home::new(self.gate.paths);
        let session = &self.question.session_id;
        if !policy.hard_limit
            || !limit_uses.iter().any(LimitUse::is_over)
            || Allowances::read(&home.allowances())?.cover(session, millis())
        {
            return Ok(false);
        }
        let now = millis();
        let since =
            Memory::update(&home.session(session), |memory| *memory.over_since.get_or_insert(now))?;
        Ok(now.saturating_sub(since) >= policy.grace)
    }

    fn interrupt(&self, limit_uses: &[LimitUse], measured: &Measured) {
        let over = limit_uses.iter().find(|limit_use| limit_use.is_over()).map(LimitUse::text);
        let over = over.unwrap_or_default();
        let log = self.gate.log;
        let thread = &self.question.session_id;
        match interrupt::interrupt(self.codex, self.gate.paths, &measured.open) {
            Ok(()) => {
                self.give(said::interrupted(thread, &over));
            }
            Err(error) => log.error(format_args!(
                "thread {thread}: the turn cannot be interrupted ({error}); its tool calls are refused: {over}"
            )),
        }
    }
}

/// What alerts are made of while turns go on.
struct Looking<'a> {
    alerts: Alerts<'a>,
    live: LiveTurns,
    prices: PriceTable,
    /// When it was looked for them last.
    at: Option<Instant>,
}

impl<'a> Looking<'a> {
    /// None where the settings want no alerts.
    fn new(gate: &Gate<'a>, session: &str) -> Option<Self> {
        let Gate { settings, paths, log } = *gate;
        Some(Self {
            alerts: Alerts::new(settings, paths, log)?,
            live: LiveTurns::of_session(&paths.codex_home, session, SystemTime::now()),
            prices: dispatch::price_table(paths, log).into_owned(),
            at: None,
        })
    }
}

/// What the session used.
fn used(measured: &Measured) -> Used {
    let session = measured.spending.0.get(&Scope::Session);
    session.map_or(Used::default(), |(_, spent)| Used {
        tokens: spent.tokens,
        pico_usd: spent.pico_usd,
        calls: 0,
    })
}
