//! Which records of a transcript say what a turn used: few, and small. To count,
//! the others, which have the contents, need not be decoded.

use memchr::memmem;

use super::Transcript;

/// So much of a record says what it is, in bytes.
const HEAD: usize = 512;

/// The events that say something of a turn as a whole.
const EVENTS: [&[u8]; 9] = [
    b"task_started",
    b"turn_started",
    b"task_complete",
    b"turn_complete",
    b"turn_aborted",
    b"token_count",
    b"thread_settings_applied",
    b"error",
    b"stream_error",
];

impl Transcript {
    /// Whether a line may say what a turn used, when it began or how it ended. To count, the
    /// others need not be read. `line` may be the beginning of it. Of a version (up to 0.144) of which also
    /// other records say so, and of one that is not known, it is each line.
    pub fn may_count(&self, line: &[u8]) -> bool {
        !self.meta.tells_apart_counts() || may_count(line)
    }
}

/// A line that is not written as Codex writes it may say anything.
fn may_count(line: &[u8]) -> bool {
    let head = &line[..line.len().min(HEAD)];
    let Some((kind, rest)) = next_type(head) else { return true };
    let counts = match kind {
        b"response_item"
        | b"world_state"
        | b"compacted"
        | b"inter_agent_communication_metadata" => false,
        b"event_msg" => match next_type(rest) {
            Some((b"item_completed", rest)) => memmem::find(rest, b"ReviewMode\"").is_some(),
            Some((event, _)) => EVENTS.contains(&event),
            None => true,
        },
        _ => true,
    };
    counts || has_second_record(line)
}

/// Whether a line, or a piece of one, has a record behind a torn one. In texts within a record quotes
/// have a backslash before them.
pub fn has_second_record(line: &[u8]) -> bool {
    memmem::find_iter(line, b"{\"timestamp\":").any(|at| at > 0)
}

/// The value of the next field `type`, and what stands behind it.
fn next_type(text: &[u8]) -> Option<(&[u8], &[u8])> {
    const FIELD: &[u8] = b"\"type\":\"";
    let at = memmem::find(text, FIELD)? + FIELD.len();
    let end = memchr::memchr(b'"', &text[at..])? + at;
    Some((&text[at..end], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_records_with_contents_are_passed_over() {
        let record = |kind: &str, payload: &str| {
            format!(r#"{{"timestamp":"t","ordinal":1,"type":"{kind}","payload":{{{payload}}}}}"#)
        };
        for (kind, payload, expected) in [
            ("session_meta", r#""id":"x""#, true),
            ("turn_context", r#""turn_id":"x""#, true),
            ("token_usage_record", r#""usage":{}"#, true),
            ("event_msg", r#""type":"token_count""#, true),
            ("event_msg", r#""type":"task_complete""#, true),
            ("event_msg", r#""type":"agent_message","message":"x""#, false),
            ("event_msg", r#""type":"item_completed","item":{"type":"AgentMessage"}"#, false),
            ("event_msg", r#""type":"item_completed","item":{"type":"EnteredReviewMode"}"#, true),
            ("response_item", r#""type":"message""#, false),
            ("something_new", r#""a":1"#, true),
        ] {
            assert_eq!(may_count(record(kind, payload).as_bytes()), expected, "{kind} {payload}");
        }
        assert!(may_count(b"{}") && may_count(b"") && may_count(b"no record"));
        assert!(may_count(br#"{"timestamp": "t", "type": "response_item"}"#));
        let torn = br#"{"timestamp":"t","type":"response_item","payload":{"typ{"timestamp":"t","type":"x"}"#;
        assert!(may_count(torn));
    }
}
