//! OTLP as protobuf, read tolerantly: what makes no sense costs itself only.
//!
//! The messages are those of OTLP, as far as they are read, with two differences: texts are bytes, so
//! that one that is not UTF-8 does not cost the body, and records and attributes stay bytes until it is
//! their turn: slices of the body, which are not copied.

use std::borrow::Cow;

use prost::{Message, Oneof, bytes::Bytes};

use super::{DecodeError, Export, Logs, hex, sender};
use crate::event::{Attributes, Record, Value};

/// `ExportLogsServiceRequest`, and `ExportTraceServiceRequest` as well: the two agree down to the
/// record.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<ResourceRecords>,
}

/// `ResourceLogs`.
#[derive(Clone, PartialEq, Message)]
struct ResourceRecords {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<ScopeRecords>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    attributes: Vec<Bytes>,
}

/// `ScopeLogs`.
#[derive(Clone, PartialEq, Message)]
struct ScopeRecords {
    #[prost(bytes = "bytes", repeated, tag = "2")]
    records: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct LogRecord {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(fixed64, tag = "11")]
    observed_time_unix_nano: u64,
    #[prost(bytes = "bytes", tag = "5")]
    body: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "6")]
    attributes: Vec<Bytes>,
    #[prost(bytes = "bytes", tag = "9")]
    trace_id: Bytes,
    #[prost(bytes = "vec", tag = "12")]
    event_name: Vec<u8>,
}

/// The first field of a span, which is bytes where that of a log record is a number.
#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "bytes", tag = "1")]
    trace_id: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Any", tags = "1, 2, 3, 4, 5, 6, 7")]
    value: Option<Any>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Any {
    #[prost(bytes = "vec", tag = "1")]
    Text(Vec<u8>),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    List(List),
    #[prost(message, tag = "6")]
    Map(Map),
    #[prost(bytes = "bytes", tag = "7")]
    Bytes(Bytes),
}

#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, repeated, tag = "1")]
    values: Vec<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Map {
    #[prost(message, repeated, tag = "1")]
    values: Vec<KeyValue>,
}

pub(super) fn decode(body: Bytes, received_ns: u64) -> Result<Export, DecodeError> {
    let request = Request::decode(body).map_err(DecodeError::Protobuf)?;
    if holds_spans(&request) {
        return Ok(Export::Spans);
    }
    let mut logs = Logs::default();
    for of in request.resources {
        let from = sender(&attributes(of.resource.unwrap_or_default().attributes));
        for bytes in of.scopes.into_iter().flat_map(|scope| scope.records) {
            match LogRecord::decode(bytes) {
                Ok(log) => logs.add(&record(log), &from, received_ns),
                Err(_) => logs.malformed += 1,
            }
        }
    }
    Ok(Export::Logs(logs))
}

/// Whether the first record is one of a trace. Each span names its trace.
fn holds_spans(request: &Request) -> bool {
    let mut records = request.resources.iter().flat_map(|it| &it.scopes).flat_map(|it| &it.records);
    records.next().is_some_and(|bytes| {
        Span::decode(bytes.clone()).is_ok_and(|span| !span.trace_id.is_empty())
    })
}

fn record(log: LogRecord) -> Record<'static> {
    Record {
        time_ns: log.time_unix_nano,
        observed_ns: log.observed_time_unix_nano,
        event_name: text(log.event_name),
        body: AnyValue::decode(log.body).map(value).unwrap_or_default(),
        trace_id: Cow::Owned(hex(&log.trace_id)),
        attributes: attributes(log.attributes),
    }
}

fn attributes(pairs: Vec<Bytes>) -> Attributes<'static> {
    let pairs = pairs.into_iter().filter_map(|bytes| KeyValue::decode(bytes).ok());
    Attributes(pairs.map(pair).collect())
}

fn pair(pair: KeyValue) -> (Cow<'static, str>, Value<'static>) {
    (text(pair.key), pair.value.map(value).unwrap_or_default())
}

fn value(any: AnyValue) -> Value<'static> {
    match any.value {
        Some(Any::Text(bytes)) => Value::Text(text(bytes)),
        Some(Any::Bool(truth)) => Value::Bool(truth),
        Some(Any::Int(number)) => Value::Int(number),
        Some(Any::Double(number)) => Value::Double(number),
        Some(Any::Bytes(bytes)) => Value::Text(Cow::Owned(hex(&bytes))),
        Some(Any::List(list)) => Value::List(list.values.into_iter().map(value).collect()),
        Some(Any::Map(map)) => Value::Map(Attributes(map.values.into_iter().map(pair).collect())),
        None => Value::Null,
    }
}

/// What is not UTF-8 in a text becomes the mark for that.
fn text(bytes: Vec<u8>) -> Cow<'static, str> {
    Cow::Owned(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_their_attributes_are_slices_of_the_body() {
        let record =
            LogRecord { attributes: vec![Bytes::from_static(b"text")], ..Default::default() };
        let scope = ScopeRecords { records: vec![record.encode_to_vec().into()] };
        let resource = ResourceRecords { scopes: vec![scope], ..Default::default() };
        let body = Bytes::from(Request { resources: vec![resource] }.encode_to_vec());
        let place = body.as_ptr_range();

        let request = Request::decode(body.clone()).unwrap();
        let record = request.resources[0].scopes[0].records[0].clone();
        assert!(place.contains(&record.as_ptr()));
        let attribute = &LogRecord::decode(record).unwrap().attributes[0];
        assert_eq!(&**attribute, b"text");
        assert!(place.contains(&attribute.as_ptr()));
    }
}
