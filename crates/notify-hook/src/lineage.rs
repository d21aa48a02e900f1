//! Who called Codex.

use codex_config::Settings;
use otlp_model::turn::Caller;
use otlp_model::{Attribute, SpanId, TraceId, Turn};

/// Notes who called Codex: a pipeline that set `TRACEPARENT` for `codex exec`. In other front ends
/// the variable is whatever the first terminal had.
pub(crate) fn note_caller(turn: &mut Turn, settings: &Settings) {
    let is_exec = turn.attributes.iter().any(|attribute| {
        attribute.key == "codex.originator" && attribute.value == "codex_exec".into()
    });
    let Some(caller) = settings.traceparent.as_deref().filter(|_| is_exec).and_then(parse) else {
        return;
    };
    turn.attributes.push(Attribute::new("codex.caller.trace_id", caller.trace_id.to_string()));
    turn.attributes.push(Attribute::new("codex.caller.span_id", caller.span_id.to_string()));
    if settings.join_caller_trace {
        turn.caller = Some(caller);
    }
}

/// Reads a W3C `traceparent`: `00-<trace id>-<span id>-<flags>`.
fn parse(header: &str) -> Option<Caller> {
    let mut parts = header.trim().split('-').skip(1);
    let trace_id = TraceId::from_hex(parts.next()?)?;
    let span_id = SpanId::from_hex(parts.next()?)?;
    Some(Caller { trace_id, span_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparents() {
        let check = |header, expected: Option<&str>| {
            assert_eq!(
                parse(header).map(|caller| caller.trace_id.to_string()).as_deref(),
                expected
            );
        };
        let trace = "0af7651916cd43dd8448eb211c80319c";
        check("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some(trace));
        check("00-00000000000000000000000000000000-b7ad6b7169203331-01", None);
        check("00-0af7651916cd43dd8448eb211c80319c", None);
        check("nonsense", None);
    }
}
