//! Spans as every later stage sees them: exporters encode them, stores keep them, viewers print them.

use std::borrow::Cow;
use std::time::SystemTime;

use crate::ids::{SpanId, TraceId};

/// A point in time: nanoseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixNanos(pub u64);

impl UnixNanos {
    /// From milliseconds since the Unix epoch.
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub fn millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// This time moved back by `nanos`, not before the epoch.
    pub fn minus(self, nanos: u64) -> Self {
        Self(self.0.saturating_sub(nanos))
    }

    /// This time moved forward by `nanos`.
    pub fn plus(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Nanoseconds from `earlier` to this time; zero where `earlier` is the later one.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A time before the epoch becomes the epoch.
impl From<SystemTime> for UnixNanos {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// The value of an attribute. There are no byte arrays: Phoenix drops a span that has one.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// UTF-8 text without NUL.
    String(Cow<'static, str>),
    /// A whole number; token counts must be this (a string count has no cost in Phoenix).
    Int(i64),
    /// A real number.
    Double(f64),
    /// True or false.
    Bool(bool),
    /// A list of texts.
    Strings(Vec<String>),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(Cow::Owned(text))
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::String(Cow::Borrowed(text))
    }
}

impl From<Cow<'static, str>> for Value {
    fn from(text: Cow<'static, str>) -> Self {
        Self::String(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Value {
    /// Numbers above `i64::MAX` become `i64::MAX`: OTLP has no unsigned numbers.
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Dotted name, such as `llm.model_name`.
    pub key: Cow<'static, str>,
    /// Its value.
    pub value: Value,
}

impl Attribute {
    /// Pairs a name with a value.
    pub fn new(key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// What a span is, in OpenInference's words (`openinference.span.kind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// A turn of an agent.
    Agent,
    /// One request to a model and its response.
    Llm,
    /// One tool call.
    Tool,
    /// A step that is none of the others.
    Chain,
}

impl SpanKind {
    /// The name on the wire, upper case: Phoenix prices `LLM` and not `llm`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "AGENT",
            Self::Llm => "LLM",
            Self::Tool => "TOOL",
            Self::Chain => "CHAIN",
        }
    }
}

/// How a span ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SpanStatus {
    /// Unknown.
    #[default]
    Unset,
    /// It did what it should.
    Ok,
    /// It failed, with the reason.
    Error(String),
}

/// Something that happened at one moment within a span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanEvent {
    /// Its name, such as `exception`.
    pub name: Cow<'static, str>,
    /// When.
    pub time: UnixNanos,
    /// Its details.
    pub attributes: Vec<Attribute>,
}

/// One finished span. A span is sent once, when it is complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span above it; none for the root.
    pub parent_id: Option<SpanId>,
    /// Its name.
    pub name: String,
    /// Its OpenInference kind, also among the attributes.
    pub kind: SpanKind,
    /// When it began.
    pub start: UnixNanos,
    /// When it ended; never before `start`.
    pub end: UnixNanos,
    /// In the order they should be read. No key occurs twice.
    pub attributes: Vec<Attribute>,
    /// In order of time.
    pub events: Vec<SpanEvent>,
    /// How it ended.
    pub status: SpanStatus,
}

impl Span {
    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.iter().find(|a| a.key == key).map(|a| &a.value)
    }

    /// The value of a text attribute; none where it is missing or not a text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.attribute(key)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a whole-number attribute; none where it is missing or something else.
    pub fn int(&self, key: &str) -> Option<i64> {
        match self.attribute(key)? {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The value of a number attribute, whole or not; none where it is missing or something else.
    pub fn double(&self, key: &str) -> Option<f64> {
        match self.attribute(key)? {
            Value::Double(number) => Some(*number),
            Value::Int(number) => Some(*number as f64),
            _ => None,
        }
    }
}

/// Spans of one trace that travel together, root first, and what sent them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanBatch {
    /// The sender: `service.name`, `service.version`, the project.
    pub resource: Vec<Attribute>,
    /// The spans.
    pub spans: Vec<Span>,
}

impl SpanBatch {
    /// How many spans of the batch are above a span.
    pub fn depth(&self, span: &Span) -> usize {
        let parent = |id: SpanId| self.spans.iter().find(|span| span.span_id == id);
        std::iter::successors(span.parent_id.and_then(parent), |above| {
            above.parent_id.and_then(parent)
        })
        .count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_of_the_clock() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(UnixNanos::from(epoch + Duration::new(1, 2)), UnixNanos(1_000_000_002));
        assert_eq!(UnixNanos::from(epoch - Duration::new(1, 0)), UnixNanos(0));
    }
}
