//! From a batch to the bodies of the requests that carry it.

use otlp_model::encode::{Scope, export_request};
use otlp_model::{MetricBatch, SpanBatch, export_metrics_request};

use crate::otlp_http::OtlpEncoding;

/// Largest body before compression, in bytes: below the 4 MiB that gRPC servers and collectors
/// accept, with room for what a collector adds.
const MAX_BODY_BYTES: usize = 3_670_016;

pub(crate) const SCOPE: Scope<'_> =
    Scope { name: "arize-codex", version: env!("CARGO_PKG_VERSION") };

/// The OTLP bodies for a batch, uncompressed: one, or several where one would be too large.
///
/// Spans are never cut: one that is too large alone travels alone.
pub(crate) fn bodies(batch: &SpanBatch, encoding: OtlpEncoding) -> Vec<Vec<u8>> {
    bodies_within(batch, encoding, MAX_BODY_BYTES)
}

/// The OTLP body for metrics, uncompressed. They are small.
pub(crate) fn metrics_body(batch: &MetricBatch, encoding: OtlpEncoding) -> Vec<u8> {
    encoding.encode(&export_metrics_request(batch, &SCOPE))
}

fn bodies_within(batch: &SpanBatch, encoding: OtlpEncoding, limit: usize) -> Vec<Vec<u8>> {
    let body = encoding.encode(&export_request(batch, &SCOPE));
    if body.len() <= limit || batch.spans.len() < 2 {
        return vec![body];
    }
    drop(body);
    let (earlier, later) = batch.spans.split_at(batch.spans.len() / 2);
    [earlier, later]
        .into_iter()
        .map(|spans| SpanBatch { resource: batch.resource.clone(), spans: spans.to_vec() })
        .flat_map(|half| bodies_within(&half, encoding, limit))
        .collect()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use otlp_model::{Attribute, Span, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos};
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
        let bodies = bodies_within(&SpanBatch { resource, spans }, OtlpEncoding::Protobuf, limit);
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
    fn a_batch_is_split_between_spans_and_only_when_it_must_be() {
        check(&[100, 100, 100, 100], 2000, &[&["0", "1", "2", "3"]]);
        check(&[700, 700, 700, 700], 2000, &[&["0", "1"], &["2", "3"]]);
        check(&[10, 10, 5000, 10], 2000, &[&["0", "1"], &["2"], &["3"]]);
        check(&[5000], 2000, &[&["0"]]);
    }
}
