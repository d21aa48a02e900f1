//! What was encoded is decoded to the same, whatever it holds.

use std::borrow::Cow;
use std::io::Cursor;

use otlp_model::decode::{DecodeError, from_protobuf};
use otlp_model::encode::{Scope, export_request, to_protobuf};
use otlp_model::stream::{ReadError, SpanReader, write_spans};
use otlp_model::{
    Attribute, Span, SpanBatch, SpanEvent, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos, Value,
};
use proptest::collection::vec;
use proptest::prelude::*;

const SCOPE: Scope<'_> = Scope { name: "test", version: "1" };

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("equal to itself", |number| !number.is_nan())
            .prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        vec(any::<String>(), 0..4).prop_map(Value::Strings),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    let attribute = (any::<String>(), value());
    vec(attribute.prop_map(|(key, value)| Attribute { key: key.into(), value }), 0..6)
}

fn event() -> impl Strategy<Value = SpanEvent> {
    (any::<String>(), any::<u64>(), attributes()).prop_map(|(name, time, attributes)| SpanEvent {
        name: name.into(),
        time: UnixNanos(time),
        attributes,
    })
}

fn status() -> impl Strategy<Value = SpanStatus> {
    prop_oneof![
        Just(SpanStatus::Unset),
        Just(SpanStatus::Ok),
        any::<String>().prop_map(SpanStatus::Error),
    ]
}

fn span() -> impl Strategy<Value = Span> {
    let kinds = [SpanKind::Agent, SpanKind::Llm, SpanKind::Tool, SpanKind::Chain];
    let ids = (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<Option<[u8; 8]>>());
    let what = (any::<String>(), prop::sample::select(kinds.to_vec()), attributes());
    let when = (any::<u64>(), any::<u64>(), vec(event(), 0..3), status());
    (ids, what, when).prop_map(|(ids, (name, kind, mut attributes), when)| {
        let (trace_id, span_id, parent_id) = ids;
        let (start, end, events, status) = when;
        attributes.insert(0, Attribute::new("openinference.span.kind", kind.as_str()));
        Span {
            trace_id: TraceId(trace_id),
            span_id: SpanId(span_id),
            parent_id: parent_id.map(SpanId),
            name,
            kind,
            start: UnixNanos(start),
            end: UnixNanos(end),
            attributes,
            events,
            status,
        }
    })
}

fn encoded(batch: &SpanBatch) -> Vec<u8> {
    to_protobuf(&export_request(batch, &SCOPE))
}

/// The same, written span by span.
fn streamed(batch: &SpanBatch) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let spans = batch.spans.iter().map(|span| Ok(Cow::Borrowed(span)));
    let written = write_spans(&mut out, &batch.resource, &SCOPE, spans);
    assert_eq!(written.ok(), Some(batch.spans.len()));
    out.into_inner()
}

/// Reads span by span, and passes over those that `skips` says.
fn read(bytes: &[u8], skips: impl Fn(usize) -> bool) -> Result<SpanBatch, ReadError> {
    let mut reader = SpanReader::new(Cursor::new(bytes), bytes.len() as u64)?;
    let mut batch = SpanBatch { resource: reader.resource().to_vec(), spans: Vec::new() };
    for number in 0.. {
        if reader.next_size()?.is_none() {
            break;
        }
        if skips(number) {
            reader.skip()?;
        } else {
            batch.spans.extend(reader.read()?);
        }
    }
    Ok(batch)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_comes_back_as_it_was(resource in attributes(), spans in vec(span(), 0..4)) {
        let batch = SpanBatch { resource, spans };
        prop_assert_eq!(from_protobuf(&encoded(&batch)), Ok(batch));
    }

    #[test]
    fn a_batch_comes_back_span_by_span(
        resource in attributes(),
        spans in vec(span(), 0..5),
        skipped in any::<u8>(),
    ) {
        let mut batch = SpanBatch { resource, spans };
        for bytes in [encoded(&batch), streamed(&batch)] {
            prop_assert_eq!(from_protobuf(&bytes), Ok(batch.clone()));
            prop_assert_eq!(&read(&bytes, |_| false).unwrap(), &batch);
        }
        let is_skipped = |number: usize| skipped >> number & 1 == 1;
        let bytes = streamed(&batch);
        let mut number = 0..;
        batch.spans.retain(|_| !number.next().is_some_and(is_skipped));
        prop_assert_eq!(&read(&bytes, is_skipped).unwrap(), &batch);
    }

    #[test]
    fn bytes_that_were_damaged_end_nothing(
        spans in vec(span(), 1..3),
        (cut, at, byte) in (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()),
    ) {
        let mut bytes = encoded(&SpanBatch { resource: Vec::new(), spans });
        let cut = cut.index(bytes.len());
        prop_assert!(read(&bytes[..cut], |number| number == 1).is_err());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = from_protobuf(&bytes);
        let _ = read(&bytes, |number| number == 0);
        let _ = from_protobuf(&bytes[..cut]);
    }
}

#[test]
fn what_no_batch_can_hold_is_an_error() {
    let batch = SpanBatch { resource: vec![Attribute::new("a", 1_i64)], spans: Vec::new() };
    let request = export_request(&batch, &SCOPE);
    let check = |change: fn(&mut _), expected: DecodeError| {
        let mut request = request.clone();
        change(&mut request);
        assert_eq!(from_protobuf(&to_protobuf(&request)).unwrap_err(), expected);
    };
    check(|request| request.resource_spans.push(Default::default()), DecodeError::Several);
    check(
        |request| request.resource_spans[0].scope_spans.push(Default::default()),
        DecodeError::Several,
    );
    check(
        |request| request.resource_spans[0].scope_spans[0].spans.push(Default::default()),
        DecodeError::Id(0),
    );
    check(
        |request| request.resource_spans[0].resource.as_mut().unwrap().attributes[0].value = None,
        DecodeError::Value("a".to_owned()),
    );
    assert!(matches!(from_protobuf(b"\xff"), Err(DecodeError::Protobuf(_))));
    assert_eq!(from_protobuf(b"").unwrap(), SpanBatch::default());
}
