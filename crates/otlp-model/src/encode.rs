//! Spans as OTLP: protobuf for the wire, JSON for files and people.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span as OtlpSpan, Status, span, status,
};
use prost::Message;
use serde::Serialize;

use crate::span::{Attribute, Span, SpanBatch, SpanEvent, SpanKind, SpanStatus, Value};

/// The OTLP export request for a batch, under the given instrumentation scope.
pub fn export_request(batch: &SpanBatch, scope: &Scope<'_>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource(&batch.resource)),
            scope_spans: vec![ScopeSpans {
                scope: Some(self::scope(scope)),
                spans: batch.spans.iter().map(otlp_span).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

/// The library that made the spans, as OTLP's instrumentation scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
}

/// An export request as protobuf bytes.
pub fn to_protobuf(request: &impl Message) -> Vec<u8> {
    request.encode_to_vec()
}

/// An export request as OTLP JSON (hexadecimal ids, 64-bit numbers as strings).
pub fn to_json(request: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(request).unwrap_or_default()
}

/// The same as text, which takes less memory on the way.
pub fn to_json_text(request: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(request).unwrap_or_default()
}

pub(crate) fn otlp_span(span: &Span) -> OtlpSpan {
    OtlpSpan {
        trace_id: span.trace_id.0.to_vec(),
        span_id: span.span_id.0.to_vec(),
        parent_span_id: span.parent_id.map(|id| id.0.to_vec()).unwrap_or_default(),
        name: span.name.clone(),
        kind: match span.kind {
            SpanKind::Llm => span::SpanKind::Client as i32,
            SpanKind::Agent | SpanKind::Tool | SpanKind::Chain => span::SpanKind::Internal as i32,
        },
        start_time_unix_nano: span.start.0,
        end_time_unix_nano: span.end.0,
        attributes: key_values(&span.attributes),
        events: span.events.iter().map(otlp_event).collect(),
        status: Some(match &span.status {
            SpanStatus::Unset => Status::default(),
            SpanStatus::Ok => {
                Status { code: status::StatusCode::Ok as i32, message: String::new() }
            }
            SpanStatus::Error(message) => {
                Status { code: status::StatusCode::Error as i32, message: message.clone() }
            }
        }),
        ..OtlpSpan::default()
    }
}

fn otlp_event(event: &SpanEvent) -> span::Event {
    span::Event {
        time_unix_nano: event.time.0,
        name: event.name.clone().into_owned(),
        attributes: key_values(&event.attributes),
        dropped_attributes_count: 0,
    }
}

pub(crate) fn resource(attributes: &[Attribute]) -> Resource {
    Resource { attributes: key_values(attributes), ..Resource::default() }
}

pub(crate) fn scope(scope: &Scope<'_>) -> InstrumentationScope {
    InstrumentationScope {
        name: scope.name.to_owned(),
        version: scope.version.to_owned(),
        ..InstrumentationScope::default()
    }
}

pub(crate) fn key_values(attributes: &[Attribute]) -> Vec<KeyValue> {
    attributes
        .iter()
        .map(|attribute| KeyValue {
            key: attribute.key.clone().into_owned(),
            value: Some(any_value(&attribute.value)),
            ..KeyValue::default()
        })
        .collect()
}

fn any_value(value: &Value) -> AnyValue {
    let value = match value {
        Value::String(text) => any_value::Value::StringValue(text.clone().into_owned()),
        Value::Int(number) => any_value::Value::IntValue(*number),
        Value::Double(number) => any_value::Value::DoubleValue(*number),
        Value::Bool(truth) => any_value::Value::BoolValue(*truth),
        Value::Strings(texts) => any_value::Value::ArrayValue(ArrayValue {
            values: texts
                .iter()
                .map(|text| AnyValue { value: Some(any_value::Value::StringValue(text.clone())) })
                .collect(),
        }),
    };
    AnyValue { value: Some(value) }
}
