//! Who called Codex.

use codex_config::Settings;
use otlp_model::turn::Caller;
use otlp_model::{Attribute, Turn};

/// Notes who called Codex: a pipeline that set `TRACEPARENT` for `codex exec`. In other front ends
/// the variable is whatever the first terminal had.
pub(crate) fn note_caller(turn: &mut Turn, settings: &Settings) {
    let is_exec = turn.attributes.iter().any(|attribute| {
        attribute.key == "codex.originator" && attribute.value == "codex_exec".into()
    });
    let header = settings.traceparent.as_deref().filter(|_| is_exec);
    let Some(caller) = header.and_then(Caller::from_traceparent) else { return };
    turn.attributes.push(Attribute::new("codex.caller.trace_id", caller.trace_id.to_string()));
    turn.attributes.push(Attribute::new("codex.caller.span_id", caller.span_id.to_string()));
    if settings.join_caller_trace {
        turn.caller = Some(caller);
    }
}
