//! Spans from OTLP protobuf: what [`encode`](crate::encode) wrote, back again without loss.
//!
//! This reads our own batches, which were queued before they were delivered. What OTLP can say and a
//! [`SpanBatch`] cannot is an error, not left out.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{Span as OtlpSpan, Status, span, status};
use prost::Message;

use crate::ids::{SpanId, TraceId};
use crate::names::OPENINFERENCE_SPAN_KIND;
use crate::span::{Attribute, Span, SpanBatch, SpanEvent, SpanKind, SpanStatus, UnixNanos, Value};

/// Says why bytes are no batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They are not an export request.
    #[error("not an OTLP export request")]
    Protobuf(#[from] prost::DecodeError),
    /// They have several senders.
    #[error("the spans of several resources or scopes")]
    Several,
    /// An id is not of the length that ids have.
    #[error("an id of {0} bytes")]
    Id(usize),
    /// An attribute has a value of a kind that no batch has.
    #[error("the attribute `{0}` has a value of an unknown kind")]
    Value(String),
}

/// Reads a batch from an export request.
pub fn from_protobuf(bytes: &[u8]) -> Result<SpanBatch, DecodeError> {
    let request = ExportTraceServiceRequest::decode(bytes)?;
    let mut resources = request.resource_spans.into_iter();
    let (resource, others) = (resources.next().unwrap_or_default(), resources.next());
    let mut scopes = resource.scope_spans.into_iter();
    let (scope, more) = (scopes.next().unwrap_or_default(), scopes.next());
    if others.is_some() || more.is_some() {
        return Err(DecodeError::Several);
    }
    let attributes = resource.resource.unwrap_or_default().attributes;
    Ok(SpanBatch {
        resource: self::attributes(attributes)?,
        spans: scope.spans.into_iter().map(span).collect::<Result<_, _>>()?,
    })
}

/// Reads one span.
pub fn span(span: OtlpSpan) -> Result<Span, DecodeError> {
    let attributes = attributes(span.attributes)?;
    let parent = (!span.parent_span_id.is_empty()).then_some(span.parent_span_id);
    Ok(Span {
        trace_id: TraceId(id(span.trace_id)?),
        span_id: SpanId(id(span.span_id)?),
        parent_id: parent.map(|parent| id(parent).map(SpanId)).transpose()?,
        name: span.name,
        kind: kind(&attributes, span.kind),
        start: UnixNanos(span.start_time_unix_nano),
        end: UnixNanos(span.end_time_unix_nano),
        attributes,
        events: span.events.into_iter().map(event).collect::<Result<_, _>>()?,
        status: status(span.status.unwrap_or_default()),
    })
}

fn id<const N: usize>(bytes: Vec<u8>) -> Result<[u8; N], DecodeError> {
    bytes.try_into().map_err(|bytes: Vec<u8>| DecodeError::Id(bytes.len()))
}

/// The kind is among the attributes; OTLP's own has fewer.
fn kind(attributes: &[Attribute], otlp: i32) -> SpanKind {
    let named = attributes.iter().find(|attribute| attribute.key == OPENINFERENCE_SPAN_KIND);
    let all = [SpanKind::Agent, SpanKind::Llm, SpanKind::Tool, SpanKind::Chain];
    let named = named
        .and_then(|named| all.into_iter().find(|kind| named.value == Value::from(kind.as_str())));
    let is_client = otlp == span::SpanKind::Client as i32;
    named.unwrap_or(if is_client { SpanKind::Llm } else { SpanKind::Chain })
}

fn status(status: Status) -> SpanStatus {
    match status.code() {
        status::StatusCode::Unset => SpanStatus::Unset,
        status::StatusCode::Ok => SpanStatus::Ok,
        status::StatusCode::Error => SpanStatus::Error(status.message),
    }
}

fn event(event: span::Event) -> Result<SpanEvent, DecodeError> {
    Ok(SpanEvent {
        name: event.name.into(),
        time: UnixNanos(event.time_unix_nano),
        attributes: attributes(event.attributes)?,
    })
}

/// Reads attributes.
pub fn attributes(pairs: Vec<KeyValue>) -> Result<Vec<Attribute>, DecodeError> {
    let attribute = |pair: KeyValue| match pair.value.and_then(value) {
        Some(value) => Ok(Attribute { key: pair.key.into(), value }),
        None => Err(DecodeError::Value(pair.key)),
    };
    pairs.into_iter().map(attribute).collect()
}

fn value(value: AnyValue) -> Option<Value> {
    Some(match value.value? {
        any_value::Value::StringValue(text) => text.into(),
        any_value::Value::IntValue(number) => number.into(),
        any_value::Value::DoubleValue(number) => number.into(),
        any_value::Value::BoolValue(truth) => truth.into(),
        any_value::Value::ArrayValue(array) => {
            let texts = array.values.into_iter().map(|value| match value.value {
                Some(any_value::Value::StringValue(text)) => Some(text),
                _ => None,
            });
            Value::Strings(texts.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
