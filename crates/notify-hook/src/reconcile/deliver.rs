//! The fifth step: a turn to all targets, or to a terminal.

use codex_config::Settings;
use dispatch::{Delivery, TargetOutcome};
use program_log::Log;

use super::Context;
use super::complete::CompleteTurn;
use super::debug_dump::DebugDump;
use super::dry_run::DryRun;
use crate::sending;
use crate::state::ThreadState;

/// A place for turns.
pub(super) trait TurnSink {
    /// Delivers a turn to it.
    fn deliver(&self, complete: &CompleteTurn<'_>, state: &ThreadState) -> TurnResult;
}

/// The result of exporting a turn.
pub(super) enum TurnResult {
    /// The settings leave the turn out.
    Excluded,
    /// There is no usable target, or it could not even be queued for one just now.
    NotTried,
    /// The turn was printed instead.
    Printed,
    /// What each target did that did not have the turn.
    Delivered(Vec<TargetOutcome>),
}

/// Where the settings want turns to go; none where they name no usable target.
pub(super) fn sink<'a>(context: &Context<'a>) -> Option<Box<dyn TurnSink + 'a>> {
    let Context { delivery, log, paths, secrets, .. } = *context;
    let (delivery, settings): (&Delivery, &Settings) = (delivery?, context.settings);
    let sink: Box<dyn TurnSink + 'a> = match settings.dry_run {
        true => Box::new(DryRun { delivery, settings }),
        false => Box::new(Targets { delivery, log }),
    };
    Some(match settings.trace_debug {
        true => {
            let content_free = settings.content_free;
            Box::new(DebugDump { next: sink, delivery, paths, content_free, secrets, log })
        }
        false => sink,
    })
}

/// All targets of the settings.
struct Targets<'a> {
    delivery: &'a Delivery,
    log: &'a Log,
}

impl TurnSink for Targets<'_> {
    fn deliver(&self, complete: &CompleteTurn<'_>, state: &ThreadState) -> TurnResult {
        let CompleteTurn { turn, key, events } = complete;
        let file = state.sending();
        let batches = self.delivery.assemble(turn, state.has_turn(key), sending::read(file, key));
        if let Err(error) = sending::write(file, key, &batches) {
            let file = file.display();
            self.log
                .verbose(format_args!("`{file}` cannot be written: {error}; sending all the same"));
        }
        let outcomes = self.delivery.send(turn, batches);
        for outcome in &outcomes {
            outcome.log(self.log, &turn.thread_id, events.len());
        }
        TurnResult::Delivered(outcomes)
    }
}
