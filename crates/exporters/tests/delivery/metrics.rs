//! Numbers beside the spans, to receivers that take them and to others.

use std::io::Read;

use exporters::{
    ExportError, Exporter, JsonFile, Memory, Otlp, OtlpCompression, OtlpConfig, OtlpEndpoint,
    OtlpProtocol, PhoenixApi,
};
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use otlp_model::metrics::{Metric, MetricKind, Point};
use otlp_model::{Attribute, MetricBatch, UnixNanos, export_metrics_request};
use prost::Message;

use crate::fake_grpc_server::FakeGrpcServer;
use crate::fake_server::{FakeServer, answer};
use crate::{SCOPE, connection, phoenix_with, turn};

fn metrics() -> MetricBatch {
    MetricBatch {
        resource: vec![Attribute::new("service.name", "codex")],
        start: UnixNanos(1_795_214_071_000_000_000),
        end: UnixNanos(1_795_214_072_000_000_000),
        metrics: vec![Metric {
            name: "gen_ai.client.token.usage".into(),
            unit: "{token}",
            kind: MetricKind::Histogram(&[1.0, 4.0]),
            points: vec![Point {
                attributes: vec![Attribute::new("gen_ai.token.type", "input")],
                values: vec![1.0, 3.0, 3.0],
            }],
        }],
    }
}

fn expected() -> ExportMetricsServiceRequest {
    export_metrics_request(&metrics(), &SCOPE)
}

fn otlp(endpoint: OtlpEndpoint, protocol: OtlpProtocol) -> Otlp {
    let config = OtlpConfig {
        endpoint,
        protocol,
        compression: OtlpCompression::Gzip,
        headers: vec![("x-tenant".to_owned(), "blue".to_owned())],
        connection: connection(),
    };
    Otlp::new(config).unwrap()
}

#[test]
fn a_file_has_them_in_a_line_of_their_own_and_a_memory_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.jsonl");
    let file = JsonFile::new(&path, None).with_scope(SCOPE);
    file.export(&turn()).unwrap();
    assert!(file.export_metrics(&metrics()).unwrap());
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("{\"resourceSpans\""), "{}", lines[0]);
    let read: ExportMetricsServiceRequest = serde_json::from_str(lines[1]).unwrap();
    assert_eq!(read, expected());

    let memory = Memory::new();
    assert!(memory.export_metrics(&metrics()).unwrap());
    assert_eq!(memory.metrics(), [metrics()]);
}

#[test]
fn they_go_beside_the_traces_with_the_same_headers() {
    for protocol in [OtlpProtocol::HttpProtobuf, OtlpProtocol::HttpJson] {
        let server = FakeServer::start([answer(200, "", "")]);
        let otlp = otlp(OtlpEndpoint::Server(server.endpoint()), protocol);
        assert!(otlp.export_metrics(&metrics()).unwrap());
        let request = server.received().remove(0);
        assert_eq!(request.line, "POST /v1/metrics HTTP/1.1");
        assert_eq!(request.header("x-tenant"), Some("blue"));
        let mut plain = Vec::new();
        GzDecoder::new(&request.body[..]).read_to_end(&mut plain).unwrap();
        let sent: ExportMetricsServiceRequest = match protocol {
            OtlpProtocol::HttpJson => serde_json::from_slice(&plain).unwrap(),
            _ => Message::decode(&plain[..]).unwrap(),
        };
        assert_eq!(sent, expected());
    }
}

#[test]
fn they_go_to_an_address_of_their_own_with_its_headers() {
    let (traces, numbers) = (FakeServer::start([]), FakeServer::start([answer(200, "", "")]));
    let otlp = otlp(OtlpEndpoint::Server(traces.endpoint()), OtlpProtocol::HttpProtobuf);
    let config = OtlpConfig {
        endpoint: OtlpEndpoint::Traces(format!("{}/numbers", numbers.endpoint())),
        protocol: OtlpProtocol::HttpProtobuf,
        compression: OtlpCompression::None,
        headers: vec![("x-numbers".to_owned(), "1".to_owned())],
        connection: connection(),
    };
    let otlp = otlp.with_metrics_at(&config).unwrap();
    assert!(otlp.export_metrics(&metrics()).unwrap());
    let request = numbers.received().remove(0);
    assert_eq!(request.line, "POST /numbers HTTP/1.1");
    assert_eq!((request.header("x-numbers"), request.header("x-tenant")), (Some("1"), None));
    assert!(traces.received().is_empty());
}

#[test]
fn a_receiver_of_traces_alone_takes_none_and_that_is_no_error() {
    for status in [404, 405, 501] {
        let server = FakeServer::start([answer(status, "", "no such thing")]);
        let otlp = otlp(OtlpEndpoint::Server(server.endpoint()), OtlpProtocol::HttpProtobuf);
        assert!(!otlp.export_metrics(&metrics()).unwrap(), "{status}");
    }
    // The server of the stories knows the service of traces alone.
    let server = FakeGrpcServer::start([]);
    let grpc = otlp(OtlpEndpoint::Server(server.endpoint()), OtlpProtocol::Grpc);
    assert!(!grpc.export_metrics(&metrics()).unwrap());
    assert_eq!(server.received().len(), 0);
}

#[test]
fn an_address_for_traces_alone_says_nothing_of_metrics() {
    let server = FakeServer::start([]);
    let endpoint = OtlpEndpoint::Traces(format!("{}/custom", server.endpoint()));
    assert!(!otlp(endpoint, OtlpProtocol::HttpProtobuf).export_metrics(&metrics()).unwrap());
    assert_eq!(server.received().len(), 0);
}

#[test]
fn backends_of_spans_are_not_even_asked() {
    let server = FakeServer::start([]);
    let phoenix = phoenix_with(PhoenixApi::Otlp, &server, "p");
    assert!(!phoenix.export_metrics(&metrics()).unwrap());
    assert_eq!(server.received().len(), 0);
}

#[test]
fn a_refusal_and_rejected_numbers_are_errors() {
    let json = r#"{"partialSuccess": {"rejectedDataPoints": "2", "errorMessage": "too old"}}"#;
    let partial_success = Some(ExportMetricsPartialSuccess {
        rejected_data_points: 3,
        error_message: "too many".to_owned(),
    });
    let protobuf = ExportMetricsServiceResponse { partial_success }.encode_to_vec();
    let protobuf = String::from_utf8(protobuf).unwrap();
    for (behaviour, expected) in [
        (answer(401, "", "who are you"), "rejected (http status 401): who are you"),
        (answer(503, "", "busy"), "503"),
        (
            answer(200, "content-type: application/json\r\n", json),
            "2 data points rejected: too old",
        ),
        (answer(200, "", &protobuf), "3 data points rejected: too many"),
    ] {
        let server = FakeServer::start([behaviour]);
        let otlp = otlp(OtlpEndpoint::Server(server.endpoint()), OtlpProtocol::HttpProtobuf);
        let error: ExportError = otlp.export_metrics(&metrics()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(server.received().len(), 1, "never asked twice");
    }
}
