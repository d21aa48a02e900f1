//! From a batch to the bodies of the requests that carry it.

use otlp_model::encode::{Scope, export_request, to_json_text, to_protobuf};
use otlp_model::{
    Attribute, MetricBatch, Span, SpanBatch, SpanEvent, SpanStatus, Value, export_metrics_request,
};
use prost::Message;
use serde::Serialize;

/// How spans are written into a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OtlpEncoding {
    /// `http/protobuf`, which every receiver takes.
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "files are JSON"))]
    Protobuf,
    /// `http/json`: Phoenix does not take it, nor do older MLflows.
    Json,
}

impl OtlpEncoding {
    /// An export request in this form.
    fn encode(self, request: &(impl Message + Serialize)) -> Vec<u8> {
        match self {
            Self::Protobuf => to_protobuf(request),
            Self::Json => to_json_text(request),
        }
    }
}

/// Largest body before compression, in bytes of protobuf: below the 4 MiB that gRPC servers and
/// collectors accept, with room for what a collector adds.
pub const MAX_BODY_BYTES: usize = 3_670_016;

/// The same for JSON, in which a batch is longer. No gRPC server has to take it.
const MAX_JSON_BYTES: usize = 2 * MAX_BODY_BYTES;

/// The scope where the caller names none.
pub(crate) const SCOPE: Scope<'static> =
    Scope { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// The OTLP bodies for a batch, uncompressed: one, or several where one would be too large.
///
/// Spans are never cut: one that is too large alone travels alone.
pub(crate) fn bodies(batch: &SpanBatch, scope: &Scope<'_>, encoding: OtlpEncoding) -> Vec<Vec<u8>> {
    let limit = match encoding {
        OtlpEncoding::Protobuf => MAX_BODY_BYTES,
        OtlpEncoding::Json => MAX_JSON_BYTES,
    };
    bodies_within(batch, scope, encoding, limit)
}

/// The size of a request as protobuf, in bytes, without encoding it: not too low, and not much too high.
#[derive(Debug, Clone, Copy)]
pub struct RequestSize(usize);

impl RequestSize {
    /// A request without spans.
    pub fn of(resource: &[Attribute]) -> Self {
        Self(estimate_attributes(resource) + SPAN_BYTES)
    }

    /// Adds a span; says whether all that were added fit into one request.
    pub fn add(&mut self, span: &Span) -> bool {
        self.0 = self.0.saturating_add(estimate_span(span));
        self.0 <= MAX_BODY_BYTES
    }
}

fn estimate_span(span: &Span) -> usize {
    let event = |event: &SpanEvent| event.name.len() + estimate_attributes(&event.attributes);
    let status = match &span.status {
        SpanStatus::Error(message) => message.len(),
        SpanStatus::Ok | SpanStatus::Unset => 0,
    };
    let events: usize = span.events.iter().map(|each| event(each) + SPAN_BYTES).sum();
    SPAN_BYTES + span.name.len() + status + estimate_attributes(&span.attributes) + events
}

fn estimate_attributes(attributes: &[Attribute]) -> usize {
    let value = |value: &Value| match value {
        Value::String(text) => text.len(),
        Value::Strings(texts) => texts.iter().map(|text| text.len() + FIELD_BYTES).sum(),
        Value::Int(_) | Value::Double(_) | Value::Bool(_) => 10,
    };
    let sizes = attributes.iter().map(|pair| pair.key.len() + value(&pair.value));
    sizes.map(|bytes| bytes + 4 * FIELD_BYTES).sum()
}

/// What a field needs beside its contents.
const FIELD_BYTES: usize = 5;

/// What a span needs beside its texts and attributes.
const SPAN_BYTES: usize = 75;

/// The OTLP body for metrics, uncompressed. They are small.
pub(crate) fn metrics_body(
    batch: &MetricBatch,
    scope: &Scope<'_>,
    encoding: OtlpEncoding,
) -> Vec<u8> {
    encoding.encode(&export_metrics_request(batch, scope))
}

fn bodies_within(
    batch: &SpanBatch,
    scope: &Scope<'_>,
    encoding: OtlpEncoding,
    limit: usize,
) -> Vec<Vec<u8>> {
    let body = encoding.encode(&export_request(batch, scope));
    if body.len() <= limit || batch.spans.len() < 2 {
        return vec![body];
    }
    drop(body);
    let (earlier, later) = batch.spans.split_at(batch.spans.len() / 2);
    [earlier, later]
        .into_iter()
        .map(|spans| SpanBatch { resource: batch.resource.clone(), spans: spans.to_vec() })
        .flat_map(|half| bodies_within(&half, scope, encoding, limit))
        .collect()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use otlp_model::{SpanId, SpanKind, TraceId, UnixNanos};
    use prost::Message;

    use super::*;

    fn span(number: usize, bytes: usize) -> Span {
        Span {
            trace_id: TraceId::derive(&["t"]),
            span_id: SpanId::derive(&[&number.to_string()]),
            parent_id: None,
            name: number.to_string(),
            kind: SpanKind::Llm,
            start: UnixNanos(1),
            end: UnixNanos(2),
            attributes: vec![Attribute::new("input.value", "x".repeat(bytes))],
            events: vec![],
            status: SpanStatus::Ok,
        }
    }

    /// Spans by the size of their content; the spans of each body by number.
    fn check(sizes: &[usize], limit: usize, expected: &[&[&str]]) {
        let spans = sizes.iter().enumerate().map(|(number, bytes)| span(number, *bytes)).collect();
        let resource = vec![Attribute::new("openinference.project.name", "p")];
        let bodies =
            bodies_within(&SpanBatch { resource, spans }, &SCOPE, OtlpEncoding::Protobuf, limit);
        let names: Vec<Vec<String>> = bodies
            .iter()
            .map(|body| {
                let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
                let resource = &request.resource_spans[0];
                assert_eq!(resource.resource.as_ref().unwrap().attributes.len(), 1);
                let spans = &resource.scope_spans[0].spans;
                assert!(body.len() <= limit || spans.len() == 1);
                spans.iter().map(|span| span.name.clone()).collect()
            })
            .collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn the_size_of_a_request_is_known_before_it_is_encoded() {
        let batch = |spans: usize, bytes| {
            let mut span = span(0, bytes);
            let event = SpanEvent {
                name: "exception".into(),
                time: UnixNanos(1),
                attributes: vec![Attribute::new("exception.message", "no")],
            };
            span.events = vec![event; 3];
            span.attributes.push(Attribute::new("tags", Value::Strings(vec!["a".to_owned(); 9])));
            SpanBatch { resource: Vec::new(), spans: vec![span; spans] }
        };
        for (spans, bytes) in [(1, 0), (100, 30_000), (30, 120_000), (9_000, 0), (1, 3_600_000)] {
            let batch = batch(spans, bytes);
            let encoded = OtlpEncoding::Protobuf.encode(&export_request(&batch, &SCOPE)).len();
            let mut size = RequestSize::of(&batch.resource);
            let fits =
                batch.spans.iter().map(|span| size.add(span)).fold(true, |all, fits| all & fits);
            let RequestSize(estimate) = size;
            assert!(estimate >= encoded && estimate < 3 * encoded, "{encoded} {estimate}");
            assert_eq!(fits, spans != 9_000 && encoded < MAX_BODY_BYTES);
        }
    }

    #[test]
    fn a_batch_is_split_between_spans_and_only_when_it_must_be() {
        check(&[100, 100, 100, 100], 2000, &[&["0", "1", "2", "3"]]);
        check(&[700, 700, 700, 700], 2000, &[&["0", "1"], &["2", "3"]]);
        check(&[10, 10, 5000, 10], 2000, &[&["0", "1"], &["2"], &["3"]]);
        check(&[5000], 2000, &[&["0"]]);
    }
}
