//! Any receiver of OTLP as a target: the forms of a request, and what a receiver may reject.

use exporters::{
    ConfigError, ExportError, Exporter, Otlp, OtlpCompression, OtlpConfig, OtlpEndpoint,
    OtlpProtocol,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;

use crate::fake_server::{FakeServer, Received, answer};
use crate::{connection, everything_said, passes, request_of_turn, turn};

const SECRET: &str = "other-secret-value";

fn config(endpoint: String) -> OtlpConfig {
    OtlpConfig {
        endpoint: OtlpEndpoint::Server(endpoint),
        protocol: OtlpProtocol::HttpProtobuf,
        compression: OtlpCompression::Gzip,
        headers: vec![("X-Tenant".to_owned(), SECRET.to_owned())],
        connection: connection(),
    }
}

/// The request that a turn becomes.
fn sent(change: impl FnOnce(&mut OtlpConfig)) -> Received {
    let server = FakeServer::start([answer(200, "", "")]);
    let mut config = config(server.endpoint());
    change(&mut config);
    assert_eq!(Otlp::new(config).unwrap().export(&turn()).unwrap().spans, 3);
    server.received().remove(0)
}

#[test]
fn by_default_a_turn_is_protobuf_and_gzip() {
    let request = sent(|_| {});
    assert_eq!((request.verdict, &request.traces), (200, &request_of_turn()));
    assert_eq!(request.header("x-tenant"), Some(SECRET));
}

#[test]
fn a_turn_may_be_sent_without_compression() {
    let request = sent(|config| config.compression = OtlpCompression::None);
    assert_eq!(request.header("content-encoding"), None);
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(ExportTraceServiceRequest::decode(&request.body[..]).unwrap(), request_of_turn());
}

#[test]
fn a_turn_may_be_compressed_with_zstd() {
    let request = sent(|config| config.compression = OtlpCompression::Zstd);
    assert_eq!(request.header("content-encoding"), Some("zstd"));
    let plain = zstd::decode_all(&request.body[..]).unwrap();
    assert!(request.body.len() < plain.len());
    assert_eq!(ExportTraceServiceRequest::decode(&plain[..]).unwrap(), request_of_turn());
}

#[test]
fn a_turn_may_be_sent_as_json() {
    let request = sent(|config| {
        config.compression = OtlpCompression::None;
        config.protocol = OtlpProtocol::HttpJson;
    });
    assert_eq!(request.header("content-type"), Some("application/json"));
    let sent: ExportTraceServiceRequest = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(sent, request_of_turn());
}

/// As MLflow's own client sends spans to a workspace of Databricks.
#[test]
fn databricks_gets_what_its_own_client_sends() {
    let request = sent(|config| {
        let OtlpEndpoint::Server(url) = &config.endpoint else { panic!("a server") };
        config.endpoint = OtlpEndpoint::Server(format!("{url}/api/2.0/otel"));
        config.compression = OtlpCompression::None;
        config.headers = vec![
            ("authorization".to_owned(), format!("Bearer {SECRET}")),
            ("X-Databricks-UC-Table-Name".to_owned(), "main.traces.codex_otel_spans".to_owned()),
        ];
    });
    assert_eq!(request.line, "POST /api/2.0/otel/v1/traces HTTP/1.1");
    for (header, value) in [
        ("content-type", Some("application/x-protobuf")),
        ("content-encoding", None),
        ("authorization", Some("Bearer other-secret-value")),
        ("x-databricks-uc-table-name", Some("main.traces.codex_otel_spans")),
    ] {
        assert_eq!(request.header(header), value, "{header}");
    }
    assert_eq!(ExportTraceServiceRequest::decode(&request.body[..]).unwrap(), request_of_turn());
}

#[test]
fn an_address_for_traces_is_used_as_it_is() {
    let server = FakeServer::start([answer(200, "", "")]);
    let url = format!("{}/custom/", server.endpoint());
    let config =
        OtlpConfig { endpoint: OtlpEndpoint::Traces(url.clone()), ..config(String::new()) };
    let otlp = Otlp::new(config).unwrap();
    otlp.export(&turn()).unwrap();
    assert_eq!(otlp.target(), format!("otlp {url}"));
    assert_eq!(server.received()[0].line, "POST /custom/ HTTP/1.1");
}

#[test]
fn rejected_spans_are_an_error_that_no_repetition_cures() {
    let partial_success = Some(ExportTracePartialSuccess {
        rejected_spans: 2,
        error_message: format!("too old, {SECRET}"),
    });
    let protobuf = ExportTraceServiceResponse { partial_success }.encode_to_vec();
    let protobuf = String::from_utf8(protobuf).unwrap();
    let json = format!(
        r#"{{"partialSuccess":{{"rejectedSpans":"2","errorMessage":"too old, {SECRET}"}}}}"#
    );
    for (kind, body) in [("application/x-protobuf", protobuf), ("application/json", json)] {
        let headers = format!("content-type: {kind}\r\n");
        let server = FakeServer::start([answer(200, &headers, &body)]);
        let error = Otlp::new(config(server.endpoint())).unwrap().export(&turn()).unwrap_err();
        assert!(matches!(error, ExportError::PartlyRejected { spans: 2, .. }), "{error:?}");
        assert!(error.to_string().ends_with("2 spans rejected: too old, …"), "{error}");
        assert!(!passes(&error));
        assert!(!everything_said(&error).contains(SECRET), "{error:?}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let refuse = |change: &dyn Fn(&mut OtlpConfig)| {
        let mut config = config("https://localhost".to_owned());
        change(&mut config);
        Otlp::new(config).unwrap_err()
    };
    let error = refuse(&|config| config.endpoint = OtlpEndpoint::Traces("http://h?x".to_owned()));
    assert!(matches!(error, ConfigError::Endpoint { .. }), "{error:?}");
    let error = refuse(&|config| config.headers[0].0 = "Content-Length".to_owned());
    assert!(matches!(error, ConfigError::Header { .. }), "{error:?}");

    let error = refuse(&|config| config.connection.tls.ca_file = Some("/nowhere/ca.pem".into()));
    let text = error.to_string();
    assert!(text.starts_with("`ca_file`: `/nowhere/ca.pem`: "), "{text}");
    // As each system says that nothing is there.
    assert!(text.ends_with(if cfg!(windows) { "(os error 3)" } else { "(os error 2)" }), "{text}");
    let error = refuse(&|config| config.connection.tls.ca_file = Some("Cargo.toml".into()));
    assert_eq!(error.to_string(), "`ca_file`: `Cargo.toml`: there is no PEM certificate in it");
    let error = refuse(&|config| config.connection.tls.client_key = Some("key.pem".into()));
    assert_eq!(error.to_string(), "`client_key` needs `client_certificate` beside it");
}

#[test]
fn debug_output_has_no_credentials() {
    let config = config(format!("http://me:{SECRET}@localhost"));
    let shown = format!("{config:?}");
    assert!(shown.contains("X-Tenant") && !shown.contains(SECRET), "{shown}");
}
