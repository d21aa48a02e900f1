//! How the end of a turn or of a step shows on its span.

use crate::content::without_nul;
use crate::names::{EXCEPTION_MESSAGE, EXCEPTION_TYPE};
use crate::span::{Attribute, SpanEvent, SpanStatus, UnixNanos};
use crate::turn::Outcome;

/// An outcome as one word, for people and filters.
pub(crate) fn status_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Unknown => "unknown",
        Outcome::Ok => "completed",
        Outcome::Failed(_) => "failed",
        Outcome::Cancelled(_) => "interrupted",
    }
}

/// The status of a span that ended so at this time, and the exception of one that did not end well.
pub(crate) fn status_and_events(outcome: &Outcome, end: UnixNanos) -> (SpanStatus, Vec<SpanEvent>) {
    let (kind, message) = match outcome {
        Outcome::Unknown => return (SpanStatus::Unset, Vec::new()),
        Outcome::Ok => return (SpanStatus::Ok, Vec::new()),
        Outcome::Failed(message) => ("failed", message),
        Outcome::Cancelled(message) => ("cancelled", message),
    };
    let message = shorten(message);
    let exception = SpanEvent {
        name: "exception".into(),
        time: end,
        attributes: vec![
            Attribute::new(EXCEPTION_TYPE, kind),
            Attribute::new(EXCEPTION_MESSAGE, message.clone()),
        ],
    };
    (SpanStatus::Error(message), vec![exception])
}

fn shorten(message: &str) -> String {
    const MAX_BYTES: usize = 1000;
    let message = without_nul(message);
    let cut = &message[..message.floor_char_boundary(MAX_BYTES)];
    if cut.len() < message.len() { format!("{cut}…") } else { message.into_owned() }
}
