//! One look at a thread: read what is new, trace what has ended, remember it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use buffer_api::Client;
use buffer_api::log::chain;
use codex_config::{Paths, Settings};
use codex_turn::{
    LogEvent, NotifyPayload, TranscriptTurn, covers, events_of, fuse, turn_from_events,
    turn_from_notify,
};
use otlp_model::turn::Outcome;
use otlp_model::{Attribute, Turn, UnixNanos};
use pricing::PriceTable;

use crate::deliver::Delivery;
use crate::gather::Gathered;
use crate::git::Dirty;
use crate::lane::Fate;
use crate::lineage::note_caller;
use crate::log::Log;
use crate::price::price;
use crate::read::{self, READING, Reading, SILENCE, Stopped, Until};
use crate::secrets::Secrets;
use crate::state::ThreadState;
use crate::told::Told;
use crate::trigger::{Cause, Trigger};
use crate::{debug, dry_run, find, ledger, parents, sweep};

/// How long a transcript may take to show a turn's end after its notify. Codex writes it 0.1–5 ms
/// later; a busy disk takes longer.
const TRANSCRIPT_PATIENCE: Duration = Duration::from_secs(2);

/// How long after a turn's end its last telemetry may arrive: Codex sends every second.
pub(crate) const TELEMETRY_PATIENCE: Duration = Duration::from_millis(1300);

/// What a look at a thread needs.
pub struct Context<'a> {
    /// The user's settings.
    pub settings: &'a Settings,
    /// Where things are.
    pub paths: &'a Paths,
    /// Where what happened goes.
    pub log: &'a Log,
    /// What tokens cost.
    pub prices: &'a PriceTable,
    /// What is kept out of all that is sent and written.
    pub secrets: &'a Secrets<'a>,
    /// The target; none where there is none that can be used.
    pub delivery: Option<&'a Delivery>,
    /// The buffer service; none where there is none.
    pub buffer: Option<Client>,
    /// When to stop waiting for others.
    pub deadline: Instant,
}

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Turns that every target accepted, or that wait for it in its outbox.
    pub traced: usize,
    /// Turns that ended and wait for another look.
    pub unsent: usize,
}

/// Traces every turn of a thread that has ended and was not sent yet.
///
/// What cannot be sent stays unsent and is tried again at the next look. Looking twice changes
/// nothing.
pub fn trace_thread(context: &Context<'_>, trigger: &Trigger) -> Report {
    let log = context.log;
    let state = match ThreadState::open(context.paths, &trigger.thread_id, context.deadline) {
        Ok(state) => state,
        Err(error) => {
            log.error(format_args!("{}; the turn stays unsent", chain(&error)));
            return Report { unsent: 1, ..Report::default() };
        }
    };
    let mut look = Look {
        context,
        trigger,
        state,
        gives_up: false,
        told_through: None,
        report: Report::default(),
    };
    let gathered = look.trace();
    if context.settings.dry_run {
        return look.report;
    }
    if look.is_worth_remembering()
        && let Err(error) = look.state.save(look.report.unsent > 0)
    {
        log.error(format_args!("{}", chain(&error)));
        // The spans will be sent again, and their numbers with them.
        context.delivery.inspect(|delivery| delivery.metrics().forget());
    }
    // Not before: a look that has forgotten what it sent must send the same again.
    if let Some(through) = look.told_through {
        gathered.acknowledge(context.buffer.as_ref(), &trigger.thread_id, through, log);
    }
    look.report
}

struct Look<'a> {
    context: &'a Context<'a>,
    trigger: &'a Trigger,
    state: ThreadState,
    /// A turn could neither be sent nor put away: the rest of the turns need not try.
    gives_up: bool,
    /// The events up to this time are told: the buffer service may forget them.
    told_through: Option<UnixNanos>,
    report: Report,
}

impl Look<'_> {
    /// Tells what is due, and returns the events that it had for it.
    fn trace(&mut self) -> Gathered {
        let mut gathered = Gathered::default();
        let log = self.context.log;
        let thread = &self.trigger.thread_id;
        let path = self.transcript_path();
        if path.is_none() && self.is_hidden() {
            log.verbose(format_args!(
                "thread {thread} is one that codex runs for itself: left out"
            ));
            return gathered;
        }
        let reading = path.as_deref().and_then(|path| self.trace_path(path, &mut gathered));
        self.trace_payloads(reading.as_ref().map(|reading| &*reading.turns), &mut gathered);
        gathered
    }

    fn payload(&self) -> Option<&NotifyPayload> {
        self.trigger.cause.payload()
    }

    /// Codex's title thread has a payload and no transcript.
    fn is_hidden(&self) -> bool {
        let title = self.payload().is_some_and(NotifyPayload::is_title_generation);
        title && !self.context.settings.helper_threads
    }

    /// Whether a turn is told elsewhere, or is history: it ended before this home was traced, in a
    /// thread that only a sweep has met.
    fn is_left_out(&self, turn: &TranscriptTurn) -> bool {
        let is_before = self.trigger.cause.since().is_some_and(|since| turn.end < since);
        turn.is_copied() || (is_before && self.state.is_new())
    }

    /// A sweep that meets a thread and finds nothing to tell leaves it unknown: a notify that comes
    /// later tells all of it.
    fn is_worth_remembering(&self) -> bool {
        let is_sweep = self.trigger.cause.since().is_some();
        !(is_sweep && self.state.is_new() && self.report == Report::default())
    }

    /// Whether a turn is to be sent: it has ended, as far as the transcript or Codex says.
    fn is_due(&self, turn: &TranscriptTurn) -> bool {
        (turn.has_ended() || self.trigger.cause.says_ended(turn))
            && !self.state.is_sent(&turn.key())
            && !self.is_left_out(turn)
    }

    fn transcript_path(&self) -> Option<PathBuf> {
        let known = self.state.transcript().filter(|path| path.exists()).map(Path::to_owned);
        known
            .or_else(|| find::transcript(&self.context.paths.codex_home, &self.trigger.thread_id))
            .or_else(|| {
                let named = self.trigger.cause.transcript()?;
                named.is_file().then(|| named.to_owned())
            })
    }

    /// Tells what a transcript has beyond the checkpoint, in parts where that is much, and returns the
    /// last of them; none where it cannot be read.
    fn trace_path(&mut self, path: &Path, gathered: &mut Gathered) -> Option<Reading> {
        let until = Instant::now() + READING;
        loop {
            let before = self.state.checkpoint(path);
            let mut reading = self.read(path, until)?;
            self.log_limits(path, &reading);
            self.trace_transcript(path, &mut reading, gathered);
            let goes_on = reading.stopped == Some(Stopped::Full)
                && self.state.checkpoint(path) != before
                && Instant::now() < until;
            if !goes_on {
                return Some(reading);
            }
        }
    }

    /// Says what a look leaves out because it is too much.
    fn log_limits(&self, path: &Path, reading: &Reading) {
        let path = path.display();
        if let Some(offset) = reading.left_out {
            self.context.log.limit(format_args!(
                "the first look at `{path}` begins at byte {offset}; turns before it are left out"
            ));
        }
        if reading.stopped == Some(Stopped::OutOfTime) {
            self.context.log.limit(format_args!(
                "`{path}` was read for {} s, up to byte {}; a turn that goes on there is cut",
                READING.as_secs(),
                reading.length
            ));
        }
    }

    /// The turns since the checkpoint; none where the transcript cannot be read.
    fn read(&self, path: &Path, read: Instant) -> Option<Reading> {
        let awaited = self.payload().filter(|payload| !self.state.is_sent(&payload.key()));
        let mut wait = self.context.deadline;
        if !self.trigger.cause.is_early() {
            wait = wait.min(Instant::now() + TRANSCRIPT_PATIENCE);
        }
        let until = Until { read, wait };
        let limits = self.context.settings.targets.iter();
        let text_limit = limits.map(|target| target.content.max_attribute_bytes).max();
        let silence =
            if self.trigger.cause.is_final() { read::silence_after_end() } else { SILENCE };
        let checkpoint = self.state.checkpoint(path);
        let text_limit = text_limit.unwrap_or_default();
        let reading = read::turns(path, checkpoint, awaited, silence, text_limit, until);
        let unreadable = |error| {
            let path = path.display();
            self.context.log.error(format_args!("transcript `{path}` cannot be read: {error}"));
        };
        reading.map_err(unreadable).ok()
    }

    fn trace_transcript(&mut self, path: &Path, reading: &mut Reading, gathered: &mut Gathered) {
        let turns = &mut *reading.turns;
        let last = turns.iter().rposition(|turn| self.is_due(turn));
        let dirty = Dirty::ask(last.and_then(|last| turns[last].directory()));
        if let Some(last) = last {
            // Once per turn, not with each look at it while it goes on.
            for problem in &reading.problems {
                self.context.log.warn(format_args!("transcript `{}`: {problem}", path.display()));
            }
            self.wait_for_telemetry(turns, last, gathered);
        }
        let dirty = dirty.answer();
        let mut all_sent = true;
        for index in 0..turns.len() {
            if self.is_due(&turns[index]) {
                let events = self.events_of(turns, index, &gathered.events);
                let turn = &mut turns[index];
                let mut told = fuse(turn, &events);
                turn.forget_contents();
                parents::resolve(&mut told, turn, &self.context.paths.codex_home);
                // Of earlier turns nobody knows any more.
                if let Some(dirty) = dirty.filter(|_| Some(index) == last) {
                    told.attributes.push(Attribute::new("codex.git.dirty", dirty));
                }
                let sent = self.send(told, &turn.key(), &events);
                if sent && all_sent {
                    self.told_through = Some(turn.end);
                }
            }
            let turn = &turns[index];
            // Reading goes on before the first turn that is still wanted.
            all_sent &= self.is_left_out(turn) || self.state.is_sent(&turn.key());
            if all_sent {
                self.state.set_checkpoint(path, turn.checkpoint);
            }
        }
        self.state.set_settled(all_sent.then_some(reading.length));
    }

    fn events_of<'e>(
        &self,
        turns: &[TranscriptTurn],
        index: usize,
        events: &'e [LogEvent],
    ) -> Vec<&'e LogEvent> {
        let previous = index.checked_sub(1).map(|previous| &turns[previous]);
        events_of(&turns[index], previous, turns.get(index + 1), events)
    }

    /// Waits for the batch that reaches the end of the last turn, but not for one that should have
    /// come long ago.
    fn wait_for_telemetry(&self, turns: &[TranscriptTurn], last: usize, gathered: &mut Gathered) {
        let until = match self.trigger.cause.is_final() {
            true => Instant::now(),
            false => self.context.deadline.min(telemetry_patience(turns[last].end)),
        };
        let enough =
            |events: &[LogEvent]| covers(&turns[last], &self.events_of(turns, last, events));
        gathered.wait(
            self.context.buffer.as_ref(),
            &self.trigger.thread_id,
            until,
            self.context.log,
            enough,
        );
    }

    /// Turns that no transcript tells: this run's payload, and those of earlier runs.
    fn trace_payloads(&mut self, turns: Option<&[TranscriptTurn]>, gathered: &mut Gathered) {
        let earlier =
            self.state.pending().iter().filter_map(|text| NotifyPayload::decode(text).ok());
        let mut payloads: Vec<NotifyPayload> = earlier.collect();
        if let Some(payload) = self.payload()
            && !payloads.iter().any(|earlier| earlier.key() == payload.key())
            && self.trigger.cause.can_stand_alone(turns.is_some())
        {
            payloads.push(payload.clone());
        }
        let mut pending = Vec::new();
        for payload in payloads {
            if self.is_told_by(turns, &payload) || self.state.is_sent(&payload.key()) {
                continue;
            }
            if !self.trace_payload(&payload, gathered) {
                pending.push(self.context.secrets.payload_to_keep(&payload));
            }
        }
        self.state.set_pending(pending);
    }

    /// Whether the transcript tells the turn of a payload. Up to Codex 0.98 payloads name no turn,
    /// and a transcript that can be read is believed to tell it, now or at the next look.
    fn is_told_by(&mut self, turns: Option<&[TranscriptTurn]>, payload: &NotifyPayload) -> bool {
        let Some(turns) = turns else { return false };
        let subject = turns.iter().find(|turn| turn.is_subject_of(payload));
        if subject.is_some_and(|turn| self.state.is_sent(&turn.key())) {
            // By this name a repeated trigger knows that there is nothing to wait for.
            self.state.mark_sent(&payload.key());
        }
        subject.is_some() || payload.unique_turn_id().is_none()
    }

    fn trace_payload(&mut self, payload: &NotifyPayload, gathered: &mut Gathered) -> bool {
        let thread = &self.trigger.thread_id;
        let ended = match self.trigger.cause {
            Cause::Lifecycle { at, .. } => at,
            _ => now(),
        };
        let until = self.context.deadline.min(telemetry_patience(ended));
        // Without a transcript nothing says which batch is the last one.
        let never_enough = |_: &[LogEvent]| false;
        gathered.wait(self.context.buffer.as_ref(), thread, until, self.context.log, never_enough);
        let events: Vec<&LogEvent> = gathered.events.iter().collect();
        // The trigger may name the thread as a file name.
        let session = payload.thread_id.as_deref().unwrap_or(thread);
        let mut turn = turn_from_events(payload, session, &events, ended)
            .unwrap_or_else(|| turn_from_notify(payload, session, ended));
        if self.trigger.cause.is_interrupt_of(payload) {
            turn.outcome = Outcome::Cancelled("interrupted".to_owned());
        }
        let sent = self.send(turn, &payload.key(), &events);
        if sent {
            self.told_through = Some(ended);
        }
        sent
    }

    /// Sends a turn and remembers it; says whether it is sent.
    fn send(&mut self, mut turn: Turn, key: &str, events: &[&LogEvent]) -> bool {
        let Context { settings, paths, log, delivery, .. } = self.context;
        let cwd = turn.metadata.get("cwd").and_then(|cwd| cwd.as_str());
        if !settings.folders.cover(cwd.map(Path::new)) {
            log.verbose(format_args!("a turn of {} ran elsewhere: left out", turn.thread_id));
            self.state.mark_sent(key);
            return true;
        }
        let Some(delivery) = delivery.filter(|_| !self.gives_up) else {
            self.report.unsent += 1;
            return false;
        };
        price(&mut turn, self.context.prices);
        if self.trigger.cause.has_environment_of(&turn) {
            note_caller(&mut turn, settings);
        }
        self.context.secrets.scrub_turn(&mut turn);
        if settings.trace_debug {
            let (batch, secrets) = (delivery.preview(&turn), self.context.secrets);
            debug::dump(paths, &turn, events, &batch, secrets, log);
        }
        if settings.dry_run {
            dry_run::print(settings, &delivery.preview(&turn));
            return true;
        }
        // What was sent before is remembered before the next turn is; the last one is remembered at
        // the end of the look. A crash in between sends it again, with the same ids.
        if self.report.traced > 0
            && let Err(error) = self.state.save(true)
        {
            log.error(format_args!("{}", chain(&error)));
        }
        let told = delivery.send(&turn, self.state.has_turn(key));
        for told in &told {
            told.log(log, &turn.thread_id, events.len());
        }
        self.remember(&turn, key, told)
    }

    /// Remembers where a turn was told; says whether that is everywhere.
    fn remember(&mut self, turn: &Turn, key: &str, told: Vec<Told>) -> bool {
        let mut everywhere = true;
        for told in told {
            match told.fate {
                Fate::Accepted | Fate::Waiting { .. } | Fate::SetAside(_) | Fate::SampledOut => {
                    self.state.mark_partly_sent(key, told.name);
                }
                Fate::Lost(_) => everywhere = false,
            }
        }
        if !everywhere {
            self.report.unsent += 1;
            self.gives_up = true;
            return false;
        }
        let without = self.context.delivery.map(|delivery| delivery.without(turn));
        let without = without.unwrap_or_default();
        let mut targets = self.state.has_turn(key).to_vec();
        targets.retain(|name| !without.contains(&name.as_str()));
        let entry = ledger::Entry::of(turn, targets);
        if let Err(error) = ledger::append(self.context.paths, &entry) {
            self.context.log.warn(format_args!("the ledger cannot be written: {error}"));
        }
        self.state.mark_sent(key);
        self.report.traced += 1;
        true
    }
}

/// How long the telemetry of a turn that ended then is waited for.
fn telemetry_patience(end: UnixNanos) -> Instant {
    let since_end = Duration::from_nanos(now().since(end));
    Instant::now() + TELEMETRY_PATIENCE.saturating_sub(since_end)
}

fn now() -> UnixNanos {
    sweep::nanos(SystemTime::now())
}
