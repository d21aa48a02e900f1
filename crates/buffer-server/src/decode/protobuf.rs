//! OTLP as protobuf.

use std::borrow::Cow;

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::LogRecord,
};
use prost::Message;

use super::{DecodeError, Export, Logs, hex, sender};
use crate::event::{Attributes, Record, Value};

pub(super) fn decode(body: &[u8], received_ns: u64) -> Result<Export, DecodeError> {
    let request = match ExportLogsServiceRequest::decode(body) {
        Ok(request) => request,
        // The two messages agree down to the record, whose first field is a number in the one
        // and bytes in the other.
        Err(error) => match ExportTraceServiceRequest::decode(body) {
            Ok(_) => return Ok(Export::Spans),
            Err(_) => return Err(DecodeError::Protobuf(error)),
        },
    };
    let mut logs = Logs::default();
    for logs_of in request.resource_logs {
        let resource = logs_of.resource.map(|resource| attributes(resource.attributes));
        let from = sender(&resource.unwrap_or_default());
        for log in logs_of.scope_logs.into_iter().flat_map(|scope| scope.log_records) {
            logs.add(&record(log), &from, received_ns);
        }
    }
    Ok(Export::Logs(logs))
}

fn record(log: LogRecord) -> Record<'static> {
    Record {
        time_ns: log.time_unix_nano,
        observed_ns: log.observed_time_unix_nano,
        event_name: Cow::Owned(log.event_name),
        body: value(log.body),
        trace_id: Cow::Owned(hex(&log.trace_id)),
        attributes: attributes(log.attributes),
    }
}

fn attributes(pairs: Vec<KeyValue>) -> Attributes<'static> {
    Attributes(pairs.into_iter().map(|pair| (Cow::Owned(pair.key), value(pair.value))).collect())
}

fn value(any: Option<AnyValue>) -> Value<'static> {
    use any_value::Value as Any;
    match any.and_then(|any| any.value) {
        Some(Any::StringValue(text)) => Value::Text(Cow::Owned(text)),
        Some(Any::BoolValue(truth)) => Value::Bool(truth),
        Some(Any::IntValue(number)) => Value::Int(number),
        Some(Any::DoubleValue(number)) => Value::Double(number),
        Some(Any::BytesValue(bytes)) => Value::Text(Cow::Owned(hex(&bytes))),
        Some(Any::ArrayValue(list)) => {
            Value::List(list.values.into_iter().map(|any| value(Some(any))).collect())
        }
        Some(Any::KvlistValue(map)) => Value::Map(attributes(map.values)),
        // An index into a table that only profiles have.
        Some(Any::StringValueStrindex(_)) | None => Value::Null,
    }
}
