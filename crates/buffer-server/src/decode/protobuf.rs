//! OTLP as protobuf, read tolerantly: what makes no sense costs itself only.
//!
//! The messages are those of OTLP, as far as they are read, with two differences: texts are bytes, so
//! that one that is not UTF-8 does not cost the body, and records and attributes stay bytes until it is
//! their turn.

use std::borrow::Cow;

use prost::{Message, Oneof};

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
    #[prost(bytes = "vec", repeated, tag = "1")]
    attributes: Vec<Vec<u8>>,
}

/// `ScopeLogs`.
#[derive(Clone, PartialEq, Message)]
struct ScopeRecords {
    #[prost(bytes = "vec", repeated, tag = "2")]
    records: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct LogRecord {
    #[prost(fixed64, tag = "1")]
    time_unix_nano: u64,
    #[prost(fixed64, tag = "11")]
    observed_time_unix_nano: u64,
    #[prost(bytes = "vec", tag = "5")]
    body: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    attributes: Vec<Vec<u8>>,
    #[prost(bytes = "vec", tag = "9")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "12")]
    event_name: Vec<u8>,
}

/// The first field of a span, which is bytes where that of a log record is a number.
#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
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
    #[prost(bytes = "vec", tag = "7")]
    Bytes(Vec<u8>),
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

pub(super) fn decode(body: &[u8], received_ns: u64) -> Result<Export, DecodeError> {
    let request = Request::decode(body).map_err(DecodeError::Protobuf)?;
    if holds_spans(&request) {
        return Ok(Export::Spans);
    }
    let mut logs = Logs::default();
    for of in request.resources {
        let from = sender(&attributes(of.resource.unwrap_or_default().attributes));
        for bytes in of.scopes.into_iter().flat_map(|scope| scope.records) {
            match LogRecord::decode(&*bytes) {
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
        Span::decode(&**bytes).is_ok_and(|span| !span.trace_id.is_empty())
    })
}

fn record(log: LogRecord) -> Record<'static> {
    Record {
        time_ns: log.time_unix_nano,
        observed_ns: log.observed_time_unix_nano,
        event_name: text(log.event_name),
        body: AnyValue::decode(&*log.body).map(value).unwrap_or_default(),
        trace_id: Cow::Owned(hex(&log.trace_id)),
        attributes: attributes(log.attributes),
    }
}

fn attributes(pairs: Vec<Vec<u8>>) -> Attributes<'static> {
    let pairs = pairs.iter().filter_map(|bytes| KeyValue::decode(&**bytes).ok());
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
