//! Reconciles a thread: each turn that has ended is at its targets, or in their queues, once.
//!
//! | Step | From | To |
//! | --- | --- | --- |
//! | read | the thread's memory and files | what is new in them |
//! | due | the turns that were read | those that have ended and were not exported |
//! | complete | a due turn, telemetry, git, other threads | a [`Turn`](otlp_model::Turn) |
//! | enrich | the turn, prices, caller | the turn with costs and without secrets |
//! | deliver | the turn | what each target did with it |
//! | record | these results | memory, ledger, acknowledged telemetry |
//!
//! A turn of which no transcript tells begins at the third step, with Codex's payload (`payloads.rs`).

mod complete;
mod debug_dump;
mod deliver;
mod dry_run;
mod enrich;
mod payloads;
mod read;
mod record;
mod thread;

use std::time::{Duration, Instant, SystemTime};

use buffer_api::Client;
use codex_config::{Paths, Settings};
use codex_turn::{NotifyPayload, TranscriptTurn};
use dispatch::{Delivery, Secrets};
use otlp_model::UnixNanos;
use pricing::PriceTable;
use program_log::{Log, chain};

use crate::alerts::Alerts;
use crate::forks;
use crate::parents::Parents;
use crate::state::ThreadState;
use crate::telemetry::BufferedTelemetry;
use crate::thread_reading::Reading;
use crate::transcript_reader::ReadLimit;
use crate::trigger::Trigger;

use complete::{CompleteTurn, Completion};
use deliver::{TurnResult, TurnSink, sink};
use enrich::enrich;
use record::{FileProgress, Record};
use thread::Thread;

/// How long after a turn's end its last telemetry may arrive: Codex sends every second.
pub(crate) const TELEMETRY_PATIENCE: Duration = Duration::from_millis(1300);

/// What reconciling a thread needs.
pub struct Context<'a> {
    /// The user's settings.
    pub settings: &'a Settings,
    /// The files and folders of the home.
    pub paths: &'a Paths,
    /// The log for results and errors.
    pub log: &'a Log,
    /// The prices of tokens.
    pub prices: &'a PriceTable,
    /// What is kept out of all that is sent and written.
    pub secrets: &'a Secrets<'a>,
    /// The targets; none where the settings cannot be read.
    pub delivery: Option<&'a Delivery>,
    /// The buffer service; none where its address makes no sense.
    pub buffer: Option<Client>,
    /// How much of a transcript is read.
    pub reading: ReadLimit,
    /// When waiting for other processes and for targets ends.
    pub deadline: Instant,
}

/// The result of reconciling a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Turns that every target accepted, or has in its queue.
    pub traced: usize,
    /// Turns that ended and are left for a later run.
    pub unsent: usize,
}

/// Exports every turn of a thread that has ended and was not exported yet.
///
/// A turn that cannot be exported is tried again by the next run. A second run changes nothing.
pub fn reconcile_thread(context: &Context<'_>, thread_id: &str, trigger: &Trigger) -> Report {
    let state = match ThreadState::open(context.paths, thread_id, context.deadline) {
        Ok(state) => state,
        Err(error) => {
            context.log.error(format_args!("{}; the turn could not be sent", chain(&error)));
            return Report { unsent: 1, ..Report::default() };
        }
    };
    let thread = Thread::new(context, thread_id, trigger, state.is_new());
    let sink = sink(context);
    let mut record = Record::new(state);
    let mut telemetry = BufferedTelemetry::new(context.buffer.as_ref(), thread_id, context.log);
    let until = context.reading.starting_now();
    let mut parents = Parents::new(&context.paths.codex_home, until);
    // A long transcript is read in parts; what was exported of one need not be kept in memory.
    let reading = loop {
        let before = record.state().progress();
        let Some(mut reading) = read::read(&thread, record.state(), until) else { break None };
        forks::mark_copies(&mut reading.turns, &context.paths.codex_home, until, context.log);
        reconcile_reading(
            &thread,
            sink.as_deref(),
            &mut reading,
            &mut telemetry,
            &mut parents,
            &mut record,
        );
        if !reading.is_full() || record.state().progress() == before || until.has_come() {
            break Some(reading);
        }
    };
    let turns = reading.as_ref().filter(|reading| !reading.files.is_empty());
    let turns = turns.map(|reading| &*reading.turns);
    if reading.is_some() || !thread.is_hidden() {
        reconcile_payloads(&thread, sink.as_deref(), turns, &mut telemetry, &mut record);
    }
    record.close(&thread, &telemetry)
}

/// Exports the turns of a transcript that are due, in their order.
fn reconcile_reading(
    thread: &Thread<'_>,
    sink: Option<&dyn TurnSink>,
    reading: &mut Reading,
    telemetry: &mut BufferedTelemetry<'_>,
    parents: &mut Parents<'_>,
    record: &mut Record,
) {
    record.limits = reading.limits.take().or(record.limits.take());
    let due: Vec<usize> = (0..reading.turns.len())
        .filter(|index| thread.is_due(record.state(), &reading.turns[*index]))
        .collect();
    let mut completion = Completion::of(thread, reading, &due, telemetry);
    let Reading { turns, files, .. } = reading;
    let mut all_before = true;
    for (place, file) in files.iter().enumerate() {
        let mut progress = FileProgress::default();
        for index in file.turns.clone() {
            if thread.is_due(record.state(), &turns[index]) {
                let turn = completion.complete(thread, files, place, index, turns, parents);
                let end = turn.turn.end;
                if export(thread, sink, turn, record) && all_before {
                    record.exported_through(end);
                }
            }
            all_before &= progress.pass(thread, record, file, &turns[index]);
        }
        progress.end(record, file);
    }
}

/// Exports turns of which no transcript tells: that of this run's payload, and those of payloads that
/// earlier runs could not deliver.
fn reconcile_payloads(
    thread: &Thread<'_>,
    sink: Option<&dyn TurnSink>,
    turns: Option<&[TranscriptTurn]>,
    telemetry: &mut BufferedTelemetry<'_>,
    record: &mut Record,
) {
    let (covered, others): (Vec<_>, Vec<_>) = payloads::all(thread, record.state(), turns)
        .into_iter()
        .partition(|payload| payloads::is_covered_by(turns, payload));
    covered.iter().for_each(|payload| record.covered(turns, payload));
    let mut pending = Vec::new();
    for payload in others {
        if record.state().is_sent(&payload.key()) {
            continue;
        }
        let turn = payloads::complete(thread, &payload, telemetry);
        if export(thread, sink, turn, record) {
            record.exported_through(thread.payload_end());
        } else {
            pending.push(payload_to_keep(&payload, thread.context.secrets));
        }
    }
    record.pending(pending);
}

/// Exports one turn, from whichever source; says whether nothing of it is left to be exported.
fn export(
    thread: &Thread<'_>,
    sink: Option<&dyn TurnSink>,
    turn: CompleteTurn<'_>,
    record: &mut Record,
) -> bool {
    if !thread.covers_folder_of(&turn.turn) {
        return record.turn(thread, &turn, TurnResult::Excluded);
    }
    let Some(sink) = sink.filter(|_| !record.is_blocked()) else {
        return record.turn(thread, &turn, TurnResult::NotTried);
    };
    let turn = enrich(thread, turn);
    record.save_between_turns(thread);
    let result = sink.deliver(&turn, record.state());
    let is_exported = record.turn(thread, &turn, result);
    if let Some(alerts) = is_exported
        .then(|| {
            let Context { settings, paths, log, .. } = *thread.context;
            Alerts::new(settings, paths, log)
        })
        .flatten()
    {
        alerts.ended(&turn.turn, record.limits.as_ref());
    }
    is_exported
}

/// When waiting for the telemetry of a turn that ended then has no use any more.
fn telemetry_patience(end: UnixNanos) -> Instant {
    let since_end = Duration::from_nanos(now().since(end));
    Instant::now() + TELEMETRY_PATIENCE.saturating_sub(since_end)
}

fn now() -> UnixNanos {
    SystemTime::now().into()
}

/// A payload as it is remembered. Up to Codex 0.98 what was said is what tells it from others, and
/// stays.
fn payload_to_keep(payload: &NotifyPayload, secrets: &Secrets<'_>) -> String {
    let text = payload.encode();
    match payload.unique_turn_id() {
        Some(_) => secrets.scrub(&text).into_owned(),
        None => text,
    }
}
