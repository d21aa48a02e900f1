//! What is kept of a log record: which thread it belongs to, when it happened, what it is called.

use std::borrow::Cow;

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::value::RawValue;

/// The attributes that may name the thread; the first that is not empty does.
const THREAD_KEYS: [&str; 8] = [
    "conversation.id",
    "conversation_id",
    "thread.id",
    "thread_id",
    "thread-id",
    "session.id",
    "session_id",
    "sender_thread_id",
];

/// A log record as both encodings of OTLP give it.
#[derive(Debug, Default)]
pub(crate) struct Record<'a> {
    /// Nanoseconds since the Unix epoch; zero if not said.
    pub(crate) time_ns: u64,
    /// When the sender's logging saw it, nanoseconds since the Unix epoch; zero if not said.
    pub(crate) observed_ns: u64,
    /// OTLP's own event name.
    pub(crate) event_name: Cow<'a, str>,
    /// What was logged.
    pub(crate) body: Value<'a>,
    /// Lower-case hexadecimal; empty if not said.
    pub(crate) trace_id: Cow<'a, str>,
    /// What was logged with it.
    pub(crate) attributes: Attributes<'a>,
}

/// Names and values, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a>(pub(crate) Vec<(Cow<'a, str>, Value<'a>)>);

/// A value of an attribute.
#[derive(Debug, Default)]
pub(crate) enum Value<'a> {
    /// Not said.
    #[default]
    Null,
    /// Text. Bytes, which Codex does not send, become text as well.
    Text(Cow<'a, str>),
    /// A whole number.
    Int(i64),
    /// A real number.
    Double(f64),
    /// True or false.
    Bool(bool),
    /// A list.
    List(Vec<Value<'a>>),
    /// Names and values.
    Map(Attributes<'a>),
}

/// An event as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// The thread's id.
    pub(crate) thread: String,
    /// When it happened, in nanoseconds since the Unix epoch.
    pub(crate) time_ns: u64,
    /// A JSON object: a `BufferedEvent` without `seq` and `time_ns`.
    pub(crate) body: String,
}

/// What becomes of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is kept.
    Keep(Event),
    /// It has nothing that a trace needs.
    Skip,
    /// It names no thread.
    Unthreaded,
}

/// Decides about a record; `received_ns` is its time if it has none of its own.
pub(crate) fn judge(record: &Record<'_>, resource: &RawValue, received_ns: u64) -> Verdict {
    let name = name(record);
    if is_stream_noise(name, &record.attributes) {
        return Verdict::Skip;
    }
    let Some(thread) = THREAD_KEYS.iter().find_map(|key| record.attributes.text(key)) else {
        return Verdict::Unthreaded;
    };
    let body = Body {
        name,
        trace_id: Some(record.trace_id.as_ref()).filter(|id| id.bytes().any(|digit| digit != b'0')),
        attributes: &record.attributes,
        resource,
    };
    // Text, numbers and maps with text keys can always be written as JSON.
    let body = serde_json::to_string(&body).unwrap_or_default();
    Verdict::Keep(Event { thread: thread.to_owned(), time_ns: time(record, received_ns), body })
}

/// Whether a record only says that one more piece of a response was streamed.
///
/// Codex logs `codex.sse_event` once per streamed delta, thousands in a long turn. Those that
/// matter are the ones with token counts, at the end of a response, and the ones with an error.
fn is_stream_noise(name: &str, attributes: &Attributes<'_>) -> bool {
    name == "codex.sse_event"
        && !attributes
            .0
            .iter()
            .any(|(key, _)| key.ends_with("token_count") || key == "error.message")
}

/// The event's name: the attribute, else a body or OTLP name that can be one, else empty.
fn name<'r>(record: &'r Record<'_>) -> &'r str {
    if let Some(name) = record.attributes.text("event.name") {
        return name.trim();
    }
    match &record.body {
        Value::Text(body) if is_name(body) => body,
        _ if is_name(&record.event_name) => &record.event_name,
        _ => "",
    }
}

/// Whether a text is an event's name, such as `codex.user_prompt`, and not a sentence or a place
/// in the source, such as `event otel/src/metrics/client.rs:171`.
fn is_name(text: &str) -> bool {
    text.contains('.')
        && text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The event's time. Codex leaves OTLP's own time at zero and has it in an attribute.
fn time(record: &Record<'_>, received_ns: u64) -> u64 {
    let attribute = record.attributes.text("event.timestamp").and_then(parse_time);
    let own = [record.time_ns, record.observed_ns].into_iter().find(|time| *time != 0);
    attribute.or(own).unwrap_or(received_ns)
}

fn parse_time(text: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339_weak(text.trim()).ok()?;
    let since_epoch = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since_epoch.as_nanos()).ok()
}

impl Attributes<'_> {
    /// The text of an attribute, if it has one that is not empty.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.iter().find_map(|(name, value)| match value {
            Value::Text(text) if name == key && !text.trim().is_empty() => Some(text.as_ref()),
            _ => None,
        })
    }
}

/// The stored JSON of an event.
#[derive(Serialize)]
struct Body<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    attributes: &'a Attributes<'a>,
    resource: &'a RawValue,
}

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Double(number) => serializer.serialize_f64(*number),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Map(attributes) => attributes.serialize(serializer),
            Self::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(value)?;
                }
                list.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(attributes: &[(&'a str, &'a str)]) -> Record<'a> {
        let pair = |(key, value): &(&'a str, &'a str)| {
            (Cow::Borrowed(*key), Value::Text(Cow::Borrowed(*value)))
        };
        Record {
            attributes: Attributes(attributes.iter().map(pair).collect()),
            ..Record::default()
        }
    }

    fn verdict(record: &Record<'_>) -> Verdict {
        judge(record, &RawValue::from_string("{}".to_owned()).unwrap(), 77)
    }

    #[test]
    fn trap_11_names_come_from_the_attribute_the_body_or_otlp() {
        let place = "event otel/src/events/session_telemetry.rs:1153";
        for (attribute, body, event_name, expected) in [
            ("codex.user_prompt", "codex.other", "codex.third", "codex.user_prompt"),
            (" codex.user_prompt ", "", "", "codex.user_prompt"),
            ("", "codex.other", "codex.third", "codex.other"),
            ("", "flushing OTEL metrics", "codex.third", "codex.third"),
            ("", "flushing OTEL metrics", place, ""),
            ("", "Done.", place, "Done."),
            ("", "", "", ""),
        ] {
            let mut record = record(&[("event.name", attribute)]);
            record.body = Value::Text(body.into());
            record.event_name = event_name.into();
            assert_eq!(name(&record), expected, "{attribute:?} {body:?} {event_name:?}");
        }
    }

    #[test]
    fn the_first_name_of_a_thread_that_is_not_empty_counts() {
        for (attributes, expected) in [
            (&[("thread.id", "b"), ("conversation.id", "a")][..], Some("a")),
            (&[("conversation.id", ""), ("session_id", "c")], Some("c")),
            (&[("sender_thread_id", "d")], Some("d")),
            (&[("other", "e"), ("thread-id", "  ")], None),
        ] {
            let found = match verdict(&record(attributes)) {
                Verdict::Keep(event) => Some(event.thread),
                Verdict::Unthreaded => None,
                Verdict::Skip => panic!("nothing here is noise"),
            };
            assert_eq!(found.as_deref(), expected, "{attributes:?}");
        }
    }

    #[test]
    fn trap_11_the_best_time_counts() {
        let own = 1_795_214_071_641_079_830;
        for (timestamp, time_ns, observed_ns, expected) in [
            ("2026-11-20T22:34:31.641Z", 5, 6, 1_795_214_071_641_000_000),
            ("yesterday", own, 6, own),
            ("1950-01-01T00:00:00Z", 0, 6, 6),
            ("", 0, 0, 77),
        ] {
            let mut record = record(&[("event.timestamp", timestamp)]);
            (record.time_ns, record.observed_ns) = (time_ns, observed_ns);
            assert_eq!(time(&record, 77), expected, "{timestamp}");
        }
    }

    #[test]
    fn only_deltas_of_a_stream_are_noise() {
        for (name, key, noise) in [
            ("codex.sse_event", "event.kind", true),
            ("codex.sse_event", "input_token_count", false),
            ("codex.sse_event", "error.message", false),
            ("codex.tool_result", "event.kind", false),
        ] {
            let record = record(&[("event.name", name), (key, "x"), ("thread_id", "t")]);
            assert_eq!(verdict(&record) == Verdict::Skip, noise, "{name} {key}");
        }
    }

    #[test]
    fn a_trace_id_of_zeros_is_none() {
        for (trace_id, kept) in [("", false), ("0000", false), ("00ab", true)] {
            let mut record = record(&[("thread_id", "t")]);
            record.trace_id = trace_id.into();
            let Verdict::Keep(event) = verdict(&record) else { panic!("it has a thread") };
            assert_eq!(event.body.contains("trace_id"), kept, "{trace_id}");
        }
    }
}
