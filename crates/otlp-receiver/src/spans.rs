//! Spans of an OTLP request → batches.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span as OtlpSpan;
use otlp_model::decode;
use otlp_model::names::{OPENINFERENCE_PROJECT_NAME, SERVICE_NAME};
use otlp_model::{Attribute, Span, SpanBatch, Value};
use serde_json::{Map, Value as Json};

use crate::gen_ai;

/// The spans that could not be read, and why the first of them could not.
#[derive(Debug, Default)]
pub(crate) struct Rejected {
    pub(crate) spans: i64,
    pub(crate) reason: String,
}

/// A batch for each sender of a request.
pub(crate) fn batches(request: ExportTraceServiceRequest) -> (Vec<SpanBatch>, Rejected) {
    let mut rejected = Rejected::default();
    let mut batches = Vec::new();
    for sent in request.resource_spans {
        let resource = readable(sent.resource.unwrap_or_default().attributes);
        let mut batch = SpanBatch {
            resource: with_project(decode::attributes(resource).unwrap_or_default()),
            spans: Vec::new(),
        };
        for span in sent.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            match read(span) {
                Ok(span) => batch.spans.push(span),
                Err(reason) => {
                    rejected.spans += 1;
                    if rejected.reason.is_empty() {
                        rejected.reason = reason;
                    }
                }
            }
        }
        if !batch.spans.is_empty() {
            batches.push(batch);
        }
    }
    (batches, rejected)
}

/// A program that names no project is one of its own.
fn with_project(mut resource: Vec<Attribute>) -> Vec<Attribute> {
    let find = |key: &str| resource.iter().find(|attribute| attribute.key == key);
    if find(OPENINFERENCE_PROJECT_NAME).is_none()
        && let Some(service) = find(SERVICE_NAME).map(|service| service.value.clone())
    {
        resource.push(Attribute { key: OPENINFERENCE_PROJECT_NAME.into(), value: service });
    }
    resource
}

fn read(mut span: OtlpSpan) -> Result<Span, String> {
    for (name, id) in [("trace id", &span.trace_id), ("span id", &span.span_id)] {
        if id.iter().all(|byte| *byte == 0) {
            return Err(format!("a span without a {name}"));
        }
    }
    if span.parent_span_id.iter().all(|byte| *byte == 0) {
        span.parent_span_id.clear();
    }
    span.attributes = readable(span.attributes);
    for event in &mut span.events {
        event.attributes = readable(std::mem::take(&mut event.attributes));
    }
    let mut span = decode::span(span).map_err(|error| error.to_string())?;
    span.end = span.end.max(span.start);
    span.events.sort_by_key(|event| event.time);
    gen_ai::complete(&mut span);
    Ok(span)
}

/// Attributes of the kinds that a [`Value`] has, each key once. Other values become their JSON, and
/// what has no value is left out.
fn readable(pairs: Vec<KeyValue>) -> Vec<KeyValue> {
    let mut readable: Vec<KeyValue> = Vec::with_capacity(pairs.len());
    for KeyValue { key, value, .. } in pairs {
        let Some(value) = value.and_then(|value| value.value) else { continue };
        let value = AnyValue { value: Some(simple(value)) };
        match readable.iter_mut().find(|pair| pair.key == key) {
            Some(pair) => pair.value = Some(value),
            None => readable.push(KeyValue { key, value: Some(value), ..KeyValue::default() }),
        }
    }
    readable
}

fn simple(value: any_value::Value) -> any_value::Value {
    use any_value::Value as V;
    let is_text = |value: &AnyValue| matches!(value.value, Some(V::StringValue(_)));
    match value {
        // A database behind a target may refuse text with NUL.
        V::StringValue(text) if text.contains('\0') => V::StringValue(text.replace('\0', "")),
        V::StringValue(_) | V::IntValue(_) | V::DoubleValue(_) | V::BoolValue(_) => value,
        V::ArrayValue(array) if array.values.iter().all(is_text) => V::ArrayValue(array),
        V::BytesValue(_) => V::StringValue("<bytes>".to_owned()),
        other => V::StringValue(json_of(other).to_string()),
    }
}

fn json_of(value: any_value::Value) -> Json {
    use any_value::Value as V;
    let inner = |value: AnyValue| value.value.map_or(Json::Null, json_of);
    match value {
        V::StringValue(text) => text.into(),
        V::IntValue(number) => number.into(),
        V::DoubleValue(number) => number.into(),
        V::BoolValue(truth) => truth.into(),
        V::ArrayValue(array) => array.values.into_iter().map(inner).collect(),
        V::KvlistValue(list) => {
            let pairs = list.values.into_iter();
            let pairs = pairs.map(|pair| (pair.key, pair.value.map_or(Json::Null, inner)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
        // Nobody reads them in a trace.
        V::BytesValue(_) => "<bytes>".into(),
        _ => Json::Null,
    }
}

/// The text of an attribute, or its JSON.
pub(crate) fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
