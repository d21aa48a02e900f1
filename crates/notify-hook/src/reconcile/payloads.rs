//! Turns of which no transcript tells: Codex's payload says what they were.

use codex_turn::{LogEvent, NotifyPayload, TranscriptTurn, turn_from_events, turn_from_notify};
use otlp_model::turn::Outcome;

use super::complete::CompleteTurn;
use super::telemetry_patience;
use super::thread::Thread;
use crate::state::ThreadState;
use crate::telemetry::BufferedTelemetry;

/// The payloads that earlier runs could not deliver, and that of this run.
pub(super) fn all(
    thread: &Thread<'_>,
    state: &ThreadState,
    turns: Option<&[TranscriptTurn]>,
) -> Vec<NotifyPayload> {
    let earlier = state.pending().iter().filter_map(|text| NotifyPayload::decode(text).ok());
    let mut payloads: Vec<NotifyPayload> = earlier.collect();
    if let Some(payload) = thread.payload()
        && !payloads.iter().any(|earlier| earlier.key() == payload.key())
        && thread.trigger.can_stand_alone(turns.is_some())
    {
        payloads.push(payload.clone());
    }
    payloads
}

/// Whether the transcript has the turn of a payload. Up to Codex 0.98 payloads name no turn, and a
/// transcript that can be read has it, now or in the next run.
pub(super) fn is_covered_by(turns: Option<&[TranscriptTurn]>, payload: &NotifyPayload) -> bool {
    turns.is_some() && (payload.unique_turn_id().is_none() || subject(turns, payload).is_some())
}

/// The turn of a payload in the transcript.
pub(super) fn subject<'t>(
    turns: Option<&'t [TranscriptTurn]>,
    payload: &NotifyPayload,
) -> Option<&'t TranscriptTurn> {
    turns?.iter().find(|turn| turn.is_subject_of(payload))
}

/// The turn of a payload, with the thread's telemetry.
pub(super) fn complete<'e>(
    thread: &Thread<'_>,
    payload: &NotifyPayload,
    telemetry: &'e mut BufferedTelemetry<'_>,
) -> CompleteTurn<'e> {
    let ended = thread.payload_end();
    let until = thread.context.deadline.min(telemetry_patience(ended));
    // Without a transcript nothing says which batch is the last one.
    telemetry.wait(until, |_| false);
    let events: Vec<&LogEvent> = telemetry.events.iter().collect();
    // The trigger may name the thread as a file name.
    let session = payload.thread_id.as_deref().unwrap_or(thread.id);
    let mut turn = turn_from_events(payload, session, &events, ended)
        .unwrap_or_else(|| turn_from_notify(payload, session, ended));
    if thread.trigger.is_interrupt_of(payload) {
        turn.outcome = Outcome::Cancelled("interrupted".to_owned());
    }
    CompleteTurn { turn, key: payload.key(), events }
}
