//! A watch over a session while a turn of it goes on.
//!
//! It sees what the answers to Codex do not: a turn that calls no tools, tools for which Codex runs no
//! hooks, and the time that is over after a limit was exceeded. It ends with the turn, or with Codex.

use std::cell::RefCell;
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use budget::{Allowances, LimitUse, Memory, Notices};
use codex_config::{Paths, Settings};
use codex_import::{Request, import, record_spans};
use codex_turn::LifecycleQuestion;
use program_log::{Log, chain};
use serde_json::Value;
use spending::{Home, Measured};
use trace_store::TraceStore;

use super::{Failed, Gate, interrupt, millis, notify};
use crate::lifecycle;

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(500);

/// How often the store is brought up to date with what other sessions used.
const IMPORT_PERIOD: Duration = Duration::from_secs(60);

/// How long a turn may take to appear in its transcript.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long after an interruption another one is tried.
const AGAIN: Duration = Duration::from_secs(10);

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
    let watch = Watch { gate, question, codex, begun: Instant::now(), sending };
    if let Err(error) = watch.run() {
        log.error(format_args!("budgets are not watched any more: {}", chain(&*error)));
    }
    for thread in watch.sending.take() {
        // It has logged what failed.
        let _ = thread.join();
    }
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
    Some(file)
}

struct Watch<'a> {
    gate: Gate<'a>,
    question: LifecycleQuestion,
    codex: Option<u32>,
    begun: Instant,
    /// What sends notices.
    sending: RefCell<Vec<JoinHandle<()>>>,
}

impl Watch<'_> {
    fn run(&self) -> Result<(), Failed> {
        let (mut imported, mut interrupted): (Option<Instant>, Option<Instant>) = (None, None);
        let mut was_open = false;
        while self.begun.elapsed() < LONGEST {
            if imported.is_none_or(|last| last.elapsed() >= IMPORT_PERIOD) {
                self.import()?;
                imported = Some(Instant::now());
            }
            let in_force = self.gate.in_force(&self.question);
            let (measured, limit_uses) = self.gate.limit_uses(&self.question, &in_force)?;
            self.give_notices(&limit_uses)?;
            let is_open = !measured.open.is_empty();
            let is_over = !is_open && (was_open || self.begun.elapsed() >= PATIENCE);
            if is_over || self.codex.is_some_and(|codex| !processes::is_alive(codex)) {
                return Ok(());
            }
            was_open |= is_open;
            let is_due = interrupted.is_none_or(|last| last.elapsed() >= AGAIN);
            if is_due && is_open && self.is_to_end(&limit_uses)? {
                interrupted = Some(Instant::now());
                self.interrupt(&limit_uses, &measured);
            }
            sleep(PERIOD);
        }
        Ok(())
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
            let text = notice.text();
            self.gate.log.warn(format_args!("{text}"));
            self.send(&text, &notify::payload(&notice, &self.question.session_id));
        }
        Ok(())
    }

    fn send(&self, text: &str, payload: &Value) {
        let channels = &self.gate.settings.budgets.channels;
        let threads = notify::send(channels, self.gate.log, text, payload);
        self.sending.borrow_mut().extend(threads);
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
                let text = format!("the turn was interrupted: the budget is used up: {over}");
                log.warn(format_args!("thread {thread}: {text}"));
                self.send(&text, &notify::interrupted(thread, &over));
            }
            Err(error) => log.error(format_args!(
                "thread {thread}: the turn cannot be interrupted ({error}); its tool calls are refused: {over}"
            )),
        }
    }
}
