//! How the end of a turn or of a step shows on its span.

use crate::content::without_nul;
use crate::names::{EXCEPTION_MESSAGE, EXCEPTION_TYPE, OUTPUT_MIME_TYPE, OUTPUT_VALUE};
use crate::span::{Attribute, SpanEvent, SpanStatus, UnixNanos, Value};
use crate::turn::Outcome;

/// An outcome as one word, for people and filters.
pub(crate) fn status_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Unknown => "unknown",
        Outcome::Ok => "completed",
        Outcome::Failed(_) => "failed",
        Outcome::Denied(_) => "denied",
        Outcome::Cancelled(_) => "interrupted",
    }
}

/// A tool's outcome as one word, for people and filters.
pub(crate) fn tool_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Unknown => "unknown",
        Outcome::Ok => "ok",
        Outcome::Failed(_) => "failed",
        Outcome::Denied(_) => "denied",
        Outcome::Cancelled(_) => "aborted",
    }
}

/// The status of a span that ended so at this time, and the exception of one that did not end well.
pub(crate) fn status_and_events(outcome: &Outcome, end: UnixNanos) -> (SpanStatus, Vec<SpanEvent>) {
    let (kind, message) = match outcome {
        Outcome::Unknown => return (SpanStatus::Unset, Vec::new()),
        Outcome::Ok => return (SpanStatus::Ok, Vec::new()),
        Outcome::Failed(message) => ("failed", message),
        Outcome::Denied(message) => ("denied", message),
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

/// Says in a turn's output how it ended, where it did not end well: views that show a conversation show
/// inputs and outputs alone.
pub(crate) fn push_end(to: &mut Vec<Attribute>, outcome: &Outcome) {
    let Some(sentence) = sentence(outcome) else { return };
    let output = to.iter_mut().find(|attribute| attribute.key == OUTPUT_VALUE);
    match output.map(|attribute| &mut attribute.value) {
        Some(Value::String(answer)) => *answer = format!("{answer}\n\n{sentence}").into(),
        _ => {
            to.push(Attribute::new(OUTPUT_VALUE, sentence));
            to.push(Attribute::new(OUTPUT_MIME_TYPE, "text/plain"));
        }
    }
}

/// The text in the place of an answer, or below it, where a turn did not end well.
fn sentence(outcome: &Outcome) -> Option<String> {
    Some(match outcome {
        Outcome::Unknown | Outcome::Ok => return None,
        Outcome::Failed(message) => format!("Failed: {}", shorten(message)),
        Outcome::Denied(message) => format!("Denied: {}", shorten(message)),
        // The reason that harnesses give where a person stopped it.
        Outcome::Cancelled(reason) if reason == "interrupted" => {
            "Interrupted by the user".to_owned()
        }
        Outcome::Cancelled(reason) => format!("Interrupted: {}", shorten(reason)),
    })
}

fn shorten(message: &str) -> String {
    const MAX_BYTES: usize = 1000;
    let message = without_nul(message);
    let cut = &message[..message.floor_char_boundary(MAX_BYTES)];
    if cut.len() < message.len() { format!("{cut}…") } else { message.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing of it happened, so that it is no success, and nothing failed.
    #[test]
    fn a_denied_call_is_an_error_of_its_own_kind() {
        let denied = Outcome::Denied("not here".to_owned());
        let (status, events) = status_and_events(&denied, UnixNanos(7));
        assert_eq!(status, SpanStatus::Error("not here".to_owned()));
        assert_eq!(events[0].attributes[0], Attribute::new(EXCEPTION_TYPE, "denied"));
        assert_eq!(tool_word(&denied), "denied");
    }
}
