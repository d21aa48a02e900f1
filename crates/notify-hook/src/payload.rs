//! Codex's payloads: from an argument or stdin to a thread.

use std::ffi::OsStr;

use codex_turn::{LifecycleError, LifecyclePayload, NotifyError, NotifyPayload};
use program_log::Log;

use crate::reconcile::Context;
use crate::{lifecycle, transcript_lookup};

/// The notify payload; none, with a line in the log, where it cannot be used.
pub(crate) fn notify_payload(argument: Option<&OsStr>, log: &Log) -> Option<NotifyPayload> {
    let Some(argument) = argument else {
        log.error(format_args!("no notify payload: Codex passes it as the last argument"));
        return None;
    };
    match NotifyPayload::decode(&argument.to_string_lossy()) {
        Ok(payload) => Some(payload),
        Err(error @ NotifyError::OtherType(_)) => {
            log.verbose(format_args!("{error}: ignored"));
            None
        }
        Err(error) => {
            log.error(format_args!("{error}"));
            None
        }
    }
}

/// The lifecycle payload on stdin; none, with a line in the log, where it cannot be used.
pub(crate) fn lifecycle_payload(log: &Log) -> Option<LifecyclePayload> {
    let text = lifecycle::receive().map_err(|error| {
        log.error(format_args!("the lifecycle payload cannot be read: {error}"));
    });
    match LifecyclePayload::decode(&text.ok()?) {
        Ok(payload) => Some(payload),
        Err(error @ LifecycleError::OtherEvent(_)) => {
            log.verbose(format_args!("{error}: ignored"));
            None
        }
        Err(error) => {
            log.error(format_args!("{error}"));
            None
        }
    }
}

/// The payload's thread, or for Codex 0.44, which does not name it, the one that gave this answer
/// last.
pub(crate) fn thread_of(payload: &NotifyPayload, context: &Context<'_>) -> Option<String> {
    if let Some(thread_id) = &payload.thread_id {
        return Some(thread_id.clone());
    }
    let found = transcript_lookup::latest_thread_with_answer(
        &context.paths.codex_home,
        payload.last_assistant_message.as_deref(),
        context.reading.starting_now(),
    );
    if found.is_none() {
        context.log.error(format_args!(
            "the notify payload has no `thread-id`, and no recent transcript ends with its answer"
        ));
    }
    found
}
