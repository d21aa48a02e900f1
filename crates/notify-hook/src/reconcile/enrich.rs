//! The fourth step: costs, the caller, and no secrets.

use dispatch::price;

use super::complete::CompleteTurn;
use super::thread::Thread;
use crate::caller::note_caller;

/// Adds what the settings know of a turn, then takes out secrets: nothing may be added after that.
pub(super) fn enrich<'e>(thread: &Thread<'_>, mut complete: CompleteTurn<'e>) -> CompleteTurn<'e> {
    let turn = &mut complete.turn;
    price(turn, thread.context.prices);
    if thread.trigger.has_environment_of(turn) {
        note_caller(turn, thread.context.settings);
    }
    thread.context.secrets.scrub_turn(turn);
    complete
}
