//! Who allowed a tool call, or not, and how long it took a person.

use otlp_model::turn::ToolCall;
use otlp_model::{Attribute, UnixNanos};

/// The source of decisions that a person made; others are rules of the configuration.
const PERSON: &str = "User";

/// How much later than it was something may seem to have happened: times and durations are whole
/// milliseconds.
pub(crate) const ROUNDING: u64 = 1_000_000;

/// Someone's or something's word on a tool call.
///
/// Codex sends none for a question that was answered with Escape (0.130 to 0.169): the call is
/// aborted with its turn.
#[derive(Debug, Clone)]
pub(crate) struct Decision {
    pub(crate) time: UnixNanos,
    /// `approved`, `denied` and the like, as the version calls it.
    pub(crate) decision: String,
    pub(crate) source: Option<String>,
}

impl Decision {
    /// Of the decisions on calls of one id, the one on this call: the only one that there is, or
    /// where other calls have the id the last one within the call's time.
    pub(crate) fn on<'d>(
        call: &ToolCall,
        of_id: &'d [Self],
        id_is_shared: bool,
    ) -> Option<&'d Self> {
        let within = |decision: &&Self| {
            decision.time.plus(ROUNDING) >= call.start && decision.time <= call.end.plus(ROUNDING)
        };
        if id_is_shared { of_id.iter().rfind(within) } else { of_id.last() }
    }

    /// Whether the call was not to run.
    pub(crate) fn is_no(&self) -> bool {
        self.decision.starts_with("denied") || self.decision.starts_with("abort")
    }

    /// Notes the decision on the call, whose start is known already: Codex starts a call, asks, and
    /// counts the wait into its duration.
    pub(crate) fn note_on(&self, call: &mut ToolCall) {
        let attributes = &mut call.attributes;
        attributes.push(Attribute::new("codex.tool.approval_status", self.decision.clone()));
        let Some(source) = &self.source else { return };
        attributes.push(Attribute::new("codex.tool.approval_source", source.clone()));
        // A call of which no result was sent may seem to have begun when it was allowed.
        if source == PERSON && self.time.plus(ROUNDING) >= call.start {
            call.approval_wait = Some(self.time.since(call.start));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decision on a call that seems to have begun at this millisecond.
    fn check(start: u64, decided: u64, source: Option<&str>, wait: Option<u64>) {
        let start = UnixNanos::from_millis(start);
        let decision = Decision {
            time: UnixNanos::from_millis(decided),
            decision: "approved".to_owned(),
            source: source.map(str::to_owned),
        };
        let mut call = ToolCall { start, ..ToolCall::default() };
        decision.note_on(&mut call);
        assert_eq!(call.approval_wait, wait.map(|millis| millis * 1_000_000));
        let mut expected = vec![Attribute::new("codex.tool.approval_status", "approved")];
        let source = source.map(str::to_owned);
        expected.extend(source.map(|by| Attribute::new("codex.tool.approval_source", by)));
        assert_eq!(call.attributes, expected);
    }

    #[test]
    fn only_a_person_keeps_codex_waiting() {
        check(5_000, 6_026, Some("User"), Some(1_026));
        check(5_000, 6_026, Some("Config"), None);
        check(5_000, 6_026, None, None);
    }

    #[test]
    fn a_client_that_answers_at_once_keeps_codex_waiting_for_no_time() {
        check(5_000, 5_000, Some("User"), Some(0));
        check(5_001, 5_000, Some("User"), Some(0));
    }

    #[test]
    fn a_start_that_is_not_known_tells_no_wait() {
        check(5_000, 4_900, Some("User"), None);
    }
}
