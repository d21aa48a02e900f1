//! The last step: what was exported, for later runs, for `status` and for the buffer service.

use codex_turn::{NotifyPayload, RateLimits, TranscriptTurn};
use dispatch::{DeliveryStatus, TargetOutcome, ledger};
use otlp_model::{Turn, UnixNanos};
use program_log::chain;

use super::Report;
use super::complete::CompleteTurn;
use super::deliver::TurnResult;
use super::payloads::subject;
use super::thread::Thread;
use crate::state::ThreadState;
use crate::telemetry::BufferedTelemetry;
use crate::thread_reading::FileReading;
use crate::transcript_reader::Stopped;

/// The thread's memory, and what this run has added to it.
pub(super) struct Record {
    state: ThreadState,
    report: Report,
    /// A turn could be neither sent nor queued: the other turns need not try.
    is_blocked: bool,
    /// All turns up to this time are exported: the buffer service may forget their events.
    exported_through: Option<UnixNanos>,
    /// What was last said of the limits of a subscription.
    pub(super) limits: Option<RateLimits>,
}

impl Record {
    pub(super) fn new(state: ThreadState) -> Self {
        Self {
            state,
            report: Report::default(),
            is_blocked: false,
            exported_through: None,
            limits: None,
        }
    }

    pub(super) fn state(&self) -> &ThreadState {
        &self.state
    }

    /// Whether trying further turns has no use in this run.
    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// Saves what was exported before the next turn is. The last turn is saved at the end of the run. A
    /// crash in between sends it again, with the same ids.
    pub(super) fn save_between_turns(&mut self, thread: &Thread<'_>) {
        if self.report.traced > 0
            && let Err(error) = self.state.save(true)
        {
            thread.context.log.error(format_args!("{}", chain(&error)));
        }
    }

    /// Records the result of a turn; says whether nothing of it is left to be exported.
    pub(super) fn turn(
        &mut self,
        thread: &Thread<'_>,
        CompleteTurn { turn, key, .. }: &CompleteTurn<'_>,
        result: TurnResult,
    ) -> bool {
        match result {
            TurnResult::Excluded => self.state.mark_sent(key),
            TurnResult::Printed => {}
            TurnResult::NotTried => {
                self.report.unsent += 1;
                return false;
            }
            TurnResult::Delivered(outcomes) => {
                if !self.is_everywhere(key, outcomes) {
                    self.report.unsent += 1;
                    self.is_blocked = true;
                    return false;
                }
                self.append_to_ledger(thread, turn, key);
                self.state.mark_sent(key);
                self.report.traced += 1;
            }
        }
        true
    }

    /// Notes which targets have a turn; says whether all have.
    fn is_everywhere(&mut self, key: &str, outcomes: Vec<TargetOutcome>) -> bool {
        let mut everywhere = true;
        for outcome in outcomes {
            match outcome.status {
                DeliveryStatus::Accepted
                | DeliveryStatus::Queued { .. }
                | DeliveryStatus::DeadLettered(_)
                | DeliveryStatus::SampledOut => self.state.mark_partly_sent(key, outcome.name),
                DeliveryStatus::Failed(_) => everywhere = false,
            }
        }
        everywhere
    }

    fn append_to_ledger(&self, thread: &Thread<'_>, turn: &Turn, key: &str) {
        let context = thread.context;
        let sampled_out = context.delivery.map(|delivery| delivery.without(turn));
        let sampled_out = sampled_out.unwrap_or_default();
        let mut targets = self.state.has_turn(key).to_vec();
        targets.retain(|name| !sampled_out.contains(&name.as_str()));
        if let Err(error) = ledger::append(context.paths, &ledger::Entry::of(turn, targets)) {
            context.log.warn(format_args!("the ledger cannot be written: {error}"));
        }
    }

    /// All turns up to this time are exported.
    pub(super) fn exported_through(&mut self, end: UnixNanos) {
        self.exported_through = Some(end);
    }

    /// A payload's turn is in the transcript. Once that is exported, a repeated trigger knows by the
    /// payload's name that there is nothing to wait for.
    pub(super) fn covered(&mut self, turns: Option<&[TranscriptTurn]>, payload: &NotifyPayload) {
        if subject(turns, payload).is_some_and(|turn| self.state.is_sent(&turn.key())) {
            self.state.mark_sent(&payload.key());
        }
    }

    /// Payloads that are left for a later run.
    pub(super) fn pending(&mut self, payloads: Vec<String>) {
        self.state.set_pending(payloads);
    }

    /// Saves the memory and acknowledges telemetry; a dry run leaves nothing behind.
    pub(super) fn close(
        mut self,
        thread: &Thread<'_>,
        telemetry: &BufferedTelemetry<'_>,
    ) -> Report {
        let context = thread.context;
        if context.settings.dry_run {
            return self.report;
        }
        if self.is_worth_remembering(thread)
            && let Err(error) = self.state.save(self.report.unsent > 0)
        {
            context.log.error(format_args!("{}", chain(&error)));
            // The spans will be sent again, and their numbers with them.
            context.delivery.inspect(|delivery| delivery.metrics().forget());
        }
        // Not before: a run that has forgotten what was sent must send the same again.
        if let Some(through) = self.exported_through {
            telemetry.acknowledge(through);
        }
        self.report
    }

    /// A sweep that meets a thread without anything to export leaves it unknown: a later notify then
    /// exports all of it.
    fn is_worth_remembering(&self, thread: &Thread<'_>) -> bool {
        let is_sweep = thread.trigger.since().is_some();
        !(is_sweep && thread.is_new && self.report == Report::default())
    }
}

/// How far the turns of a file are dealt with.
pub(super) struct FileProgress {
    all_settled: bool,
}

impl Default for FileProgress {
    fn default() -> Self {
        Self { all_settled: true }
    }
}

impl FileProgress {
    /// Passes a turn; says whether it and all before it are exported or left out. Reading then goes on
    /// behind it.
    pub(super) fn pass(
        &mut self,
        thread: &Thread<'_>,
        record: &mut Record,
        file: &FileReading,
        turn: &TranscriptTurn,
    ) -> bool {
        self.all_settled &= thread.is_left_out(turn) || record.state.is_sent(&turn.key());
        if self.all_settled {
            record.state.set_mark(&file.file, file.mark(turn.checkpoint));
        }
        self.all_settled
    }

    /// Passes the end of the file.
    pub(super) fn end(self, record: &mut Record, file: &FileReading) {
        // The rest of a turn that was cut is not to be read from the turn's beginning again.
        if self.all_settled && file.stopped == Some(Stopped::OutOfTime) {
            record.state.set_mark(&file.file, file.mark(file.end));
        }
        record.state.set_settled(&file.file, self.all_settled.then_some(file.end.offset));
    }
}
