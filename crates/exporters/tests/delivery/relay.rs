//! Log requests of Codex, passed on over gRPC.

use std::io::Write;

use exporters::{Connection, Relay, RelayError};
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;
use tonic::Status;

use crate::fake_grpc_server::{Behaviour, FakeGrpcServer};
use crate::{connection, tls};

const PROTOBUF: Option<&str> = Some("application/x-protobuf");
const SECRET: &str = "a-very-secret-value";

fn request() -> ExportLogsServiceRequest {
    let log_records =
        vec![LogRecord { event_name: "codex.tool_result".to_owned(), ..LogRecord::default() }];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

fn relay(endpoint: &str) -> Relay {
    let headers = [("signoz-ingestion-key".to_owned(), SECRET.to_owned())];
    Relay::over_grpc(endpoint, &headers, &connection()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_request_arrives_however_codex_wrote_it() {
    let server = FakeGrpcServer::start([]);
    let relay = relay(&format!("{}/", server.endpoint()));
    let (protobuf, json) = (request().encode_to_vec(), serde_json::to_vec(&request()).unwrap());
    for (kind, packing, body) in [
        (PROTOBUF, None, protobuf.clone()),
        (PROTOBUF, Some("gzip"), gzip(&protobuf)),
        (Some("application/json; charset=utf-8"), None, json.clone()),
        (Some("application/json"), Some("gzip"), gzip(&json)),
    ] {
        relay.post(kind, packing, &body).unwrap();
    }
    let logs = server.logs();
    assert_eq!(logs.len(), 4);
    for (metadata, logs) in logs {
        assert_eq!(logs, request());
        assert_eq!(metadata.get("signoz-ingestion-key").unwrap(), SECRET);
    }
}

#[test]
fn a_receiver_that_is_busy_or_away_may_be_asked_again_and_one_that_refuses_may_not() {
    let busy = Behaviour::Refuse(Status::unavailable(SECRET));
    let refuses = Behaviour::Refuse(Status::unauthenticated(SECRET));
    let server = FakeGrpcServer::start([busy, refuses]);
    let relay = relay(&server.endpoint());
    let body = request().encode_to_vec();
    for may_pass in [true, false] {
        let error = relay.post(PROTOBUF, None, &body).unwrap_err();
        assert_eq!(error.is_safe_to_repeat(), may_pass, "{error}");
        assert!(!format!("{error:?}{error}").contains(SECRET), "{error:?}");
    }
    let away = self::relay("http://127.0.0.1:9").post(PROTOBUF, None, &body).unwrap_err();
    assert!(away.is_safe_to_repeat(), "{away}");
}

#[test]
fn tls_and_a_client_certificate_are_used() {
    let server = FakeGrpcServer::start_with_tls();
    let connection = Connection { tls: tls::files(), ..connection() };
    let endpoint = format!("https://127.0.0.1:{}", server.port());
    let relay = Relay::over_grpc(&endpoint, &[], &connection).unwrap();
    relay.post(PROTOBUF, None, &request().encode_to_vec()).unwrap();
    assert_eq!(server.logs().len(), 1);
}

#[test]
fn what_is_no_message_is_given_up_without_asking() {
    let server = FakeGrpcServer::start([]);
    let relay = relay(&server.endpoint());
    let large = gzip(&vec![0; 5_000_000]);
    for (kind, packing, body, part) in [
        (Some("text/plain"), None, &b"a"[..], "the content type `text/plain` is not known"),
        (None, None, b"a", "the content type `` is not known"),
        (PROTOBUF, Some("br"), b"a", "the content encoding `br` is not known"),
        (PROTOBUF, Some("gzip"), b"a", "over gRPC: "),
        (PROTOBUF, Some("gzip"), &large[..], "larger than 4 MiB"),
        (Some("application/json"), None, b"{\n\"secret\": }", "line 2, column 11"),
    ] {
        let error = relay.post(kind, packing, body).unwrap_err();
        assert!(matches!(error, RelayError::Body(_)) && !error.is_safe_to_repeat(), "{error:?}");
        assert!(error.to_string().contains(part), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert_eq!(server.logs().len(), 0);
}
