//! One look at a thread: read what is new, trace what has ended, remember it.

mod files;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use buffer_api::Client;
use codex_config::{Paths, Settings, TracingStart};
use codex_turn::{
    LogEvent, NotifyPayload, TranscriptTurn, covers, events_of, turn_from_events, turn_from_notify,
};
use otlp_model::turn::Outcome;
use otlp_model::{Turn, UnixNanos};
use pricing::PriceTable;
use program_log::chain;

use crate::gather::Gathered;
use crate::lineage::note_caller;
use crate::price::price;
use crate::read::ReadLimit;
use crate::secrets::Secrets;
use crate::state::ThreadState;
use crate::trigger::{Cause, Trigger};
use dispatch::Delivery;
use dispatch::ledger;
use dispatch::{DeliveryStatus, TargetOutcome};
use program_log::Log;

use crate::{debug, dry_run, sending};

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
    /// How much of a transcript is read.
    pub reading: ReadLimit,
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
            log.error(format_args!("{}; the turn could not be sent", chain(&error)));
            return Report { unsent: 1, ..Report::default() };
        }
    };
    let mut look = Look {
        context,
        trigger,
        state,
        gives_up: false,
        told_through: None,
        since: trigger
            .cause
            .since()
            .or_else(|| TracingStart::of(context.paths).noted().map(UnixNanos::from)),
        begun: now(),
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
    /// When tracing began, where somebody noted it.
    since: Option<UnixNanos>,
    /// When the look began. A turn that only a payload tells had ended by then.
    begun: UnixNanos,
    report: Report,
}

impl Look<'_> {
    /// Tells what is due, and returns the events that it had for it.
    fn trace(&mut self) -> Gathered {
        let mut gathered = Gathered::default();
        let Some(reading) = self.trace_files(&mut gathered) else { return gathered };
        let turns = Some(&*reading.turns).filter(|_| !reading.files.is_empty());
        self.trace_payloads(turns, &mut gathered);
        gathered
    }

    fn payload(&self) -> Option<&NotifyPayload> {
        self.trigger.cause.payload()
    }

    /// Whether a turn is told elsewhere, or is history: it ended before this home was traced, in a
    /// thread that is new to us. The turn at whose end Codex runs us is none, whatever clocks say.
    fn is_left_out(&self, turn: &TranscriptTurn) -> bool {
        let is_before = self.since.is_some_and(|since| turn.end < since);
        let is_named = || self.payload().is_some_and(|payload| turn.is_subject_of(payload));
        turn.is_copied() || (is_before && self.state.is_new() && !is_named())
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
        let until = self.context.deadline.min(telemetry_patience(turns[last].end));
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
            _ => self.begun,
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
        let file = self.state.sending();
        let parcels = delivery.assemble(&turn, self.state.has_turn(key), sending::read(file, key));
        if let Err(error) = sending::write(file, key, &parcels) {
            let file = file.display();
            log.verbose(format_args!("`{file}` cannot be written: {error}; sending all the same"));
        }
        let told = delivery.send(&turn, parcels);
        for told in &told {
            told.log(log, &turn.thread_id, events.len());
        }
        self.remember(&turn, key, told)
    }

    /// Remembers where a turn was told; says whether that is everywhere.
    fn remember(&mut self, turn: &Turn, key: &str, told: Vec<TargetOutcome>) -> bool {
        let mut everywhere = true;
        for told in told {
            match told.status {
                DeliveryStatus::Accepted
                | DeliveryStatus::Queued { .. }
                | DeliveryStatus::DeadLettered(_)
                | DeliveryStatus::SampledOut => {
                    self.state.mark_partly_sent(key, told.name);
                }
                DeliveryStatus::Failed(_) => everywhere = false,
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
    SystemTime::now().into()
}
