//! OTLP over gRPC: what arrives, what an answer means, TLS, and that a call ends in time.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use exporters::{
    AnswerStatus, ConfigError, Connection, ExportError, Exporter, Otlp, OtlpCompression,
    OtlpConfig, OtlpEndpoint, OtlpProtocol, Probe, TlsFiles,
};
use otlp_model::{Attribute, SpanBatch};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::fake_grpc_server::{Behaviour, FakeGrpcServer};
use crate::fake_server::{self, FakeServer};
use crate::tls::{self, file};
use crate::{connection, everything_said, passes, request_of_turn, turn, wait_of};

const SECRET: &str = "other-secret-value";
const TIMEOUT: Duration = Duration::from_millis(400);

fn config(endpoint: String) -> OtlpConfig {
    OtlpConfig {
        endpoint: OtlpEndpoint::Server(endpoint),
        protocol: OtlpProtocol::Grpc,
        compression: OtlpCompression::Gzip,
        headers: vec![("X-Tenant".to_owned(), SECRET.to_owned())],
        connection: connection(),
    }
}

/// Exports a turn to a server that behaves like this; the error, after it was searched for secrets.
fn fail(behaviour: Behaviour) -> ExportError {
    let server = FakeGrpcServer::start([behaviour]);
    let error = Otlp::new(config(server.endpoint())).unwrap().export(&turn()).unwrap_err();
    assert_eq!(server.received().len(), 1);
    assert!(error.to_string().starts_with(&format!("`{}`: ", server.endpoint())), "{error}");
    assert!(!everything_said(&error).contains(SECRET), "{error:?}");
    error
}

#[test]
fn a_turn_arrives_with_its_metadata_however_it_is_compressed() {
    for (compression, encoding) in [
        (OtlpCompression::Gzip, Some("gzip")),
        (OtlpCompression::Zstd, Some("zstd")),
        (OtlpCompression::None, None),
    ] {
        let server = FakeGrpcServer::start([]);
        let otlp = Otlp::new(OtlpConfig { compression, ..config(server.endpoint()) }).unwrap();
        assert_eq!(otlp.target(), format!("otlp {}", server.endpoint()));
        assert_eq!(otlp.export(&turn()).unwrap().spans, 3);
        assert_eq!(otlp.export(&turn()).unwrap().spans, 3);
        assert_eq!(otlp.export(&SpanBatch { spans: vec![], ..turn() }).unwrap().spans, 0);

        let received = server.received();
        assert_eq!(received.len(), 2);
        for request in received {
            assert_eq!(request.traces, request_of_turn());
            assert_eq!(request.metadata("x-tenant"), Some(SECRET));
            assert_eq!(request.metadata("grpc-encoding"), encoding);
            let agent = request.metadata("user-agent").unwrap();
            assert!(agent.starts_with("a-program/1.2"), "{agent}");
        }
    }
}

#[test]
fn a_large_batch_travels_in_parts_that_a_server_takes() {
    let mut batch = turn();
    for span in &mut batch.spans {
        span.attributes.push(Attribute::new("output.value", "long text ".repeat(200_000)));
    }
    // The server refuses messages of more than 4 MiB, as gRPC servers do by default.
    let server = FakeGrpcServer::start([]);
    assert_eq!(Otlp::new(config(server.endpoint())).unwrap().export(&batch).unwrap().spans, 3);
    assert_eq!(server.received().len(), 3);

    batch.spans.truncate(1);
    batch.spans[0].attributes.push(Attribute::new("x", "more text ".repeat(300_000)));
    let error = Otlp::new(config(server.endpoint())).unwrap().export(&batch).unwrap_err();
    assert!(matches!(error, ExportError::TooLarge { .. }) && !passes(&error), "{error:?}");
}

#[test]
fn a_status_says_whether_another_attempt_has_a_point() {
    let error = fail(Behaviour::Refuse(Status::unauthenticated(format!("bad {SECRET}"))));
    let status = AnswerStatus::Grpc(Code::Unauthenticated as i32);
    assert!(matches!(&error, ExportError::Refused { status: s, .. } if *s == status));
    assert!(
        error.to_string().ends_with("rejected (grpc status Unauthenticated): bad …"),
        "{error}"
    );
    assert!(!passes(&error));

    let error = fail(Behaviour::Refuse(Status::unavailable("full")));
    assert!(passes(&error) && wait_of(&error).is_none(), "{error:?}");
    let error = fail(Behaviour::Refuse(Status::resource_exhausted("too much")));
    assert!(!passes(&error), "{error:?}");

    let wait = Duration::from_secs(7);
    let details = ErrorDetails::with_retry_info(Some(wait));
    let status = Status::with_error_details(Code::ResourceExhausted, "too fast", details);
    let error = fail(Behaviour::Refuse(status));
    assert!(passes(&error) && wait_of(&error) == Some(wait), "{error:?}");
}

#[test]
fn rejected_spans_are_an_error_that_no_repetition_cures() {
    let error = fail(Behaviour::RejectSpans(2, format!("too old, {SECRET}")));
    assert!(error.to_string().ends_with("2 spans rejected: too old, …"), "{error}");
    assert!(!passes(&error));
}

#[test]
fn silence_ends_with_the_timeout() {
    // The second one's system completes connections that no program accepts.
    let server = FakeGrpcServer::start([Behaviour::Hang]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    for endpoint in [server.endpoint(), silent] {
        let connection = Connection::direct(TIMEOUT);
        let otlp = Otlp::new(OtlpConfig { connection, ..config(endpoint) }).unwrap();
        let started = Instant::now();
        let error = otlp.export(&turn()).unwrap_err();
        let took = started.elapsed();
        assert!(matches!(error, ExportError::Timeout { .. }) && passes(&error), "{error:?}");
        assert!(took >= TIMEOUT && took < TIMEOUT * 4, "{took:?}");
    }
}

#[test]
fn a_closed_port_is_a_connect_error_that_passes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let otlp = Otlp::new(config(endpoint)).unwrap();
    for _ in 0..2 {
        let error = otlp.export(&turn()).unwrap_err();
        assert!(matches!(error, ExportError::Connect { .. }) && passes(&error), "{error:?}");
    }
}

#[test]
fn a_server_that_speaks_no_grpc_passes() {
    let answer = fake_server::answer(400, "", "HTTP/1.1 please");
    for behaviour in [fake_server::Behaviour::Garbage, answer] {
        let server = FakeServer::start([behaviour]);
        let error = Otlp::new(config(server.endpoint())).unwrap().export(&turn()).unwrap_err();
        assert!(matches!(error, ExportError::Interrupted { .. }), "{error:?}");
        assert!(passes(&error));
        // Where the server ends the connection while the batch is written, its answer is not read.
        let said = everything_said(&error);
        let is_explained =
            said.contains("is this the port for gRPC?") || said.contains("broken pipe");
        assert!(is_explained, "{error:?}");
    }
}

#[test]
fn a_connection_that_was_lost_is_made_again() {
    let server = FakeGrpcServer::start([]);
    let address = server.endpoint();
    let otlp = Otlp::new(config(address.clone())).unwrap();
    otlp.export(&turn()).unwrap();
    let port = server.port();
    drop(server);
    assert!(passes(&otlp.export(&turn()).unwrap_err()));
    let server = FakeGrpcServer::start_at(port);
    otlp.export(&turn()).unwrap();
    assert_eq!(server.received().len(), 1);
}

#[test]
fn a_private_authority_and_a_client_certificate_are_used() {
    let server = FakeGrpcServer::start_with_tls();
    let endpoint = format!("https://127.0.0.1:{}", server.port());
    let export = |tls| {
        let connection = Connection { tls, ..connection() };
        let config = OtlpConfig { connection, ..config(endpoint.clone()) };
        Otlp::new(config).unwrap().export(&turn())
    };
    let authority = TlsFiles { ca_file: Some(file("ca.pem")), ..TlsFiles::default() };
    assert_eq!(export(tls::files()).unwrap().spans, 3);
    let folder = tempfile::tempdir().unwrap();
    let in_one = TlsFiles { ca_file: authority.ca_file.clone(), ..tls::in_one_file(folder.path()) };
    assert_eq!(export(in_one).unwrap().spans, 3);
    for tls in [authority, TlsFiles::default()] {
        let error = export(tls).unwrap_err();
        assert!(passes(&error), "{error:?}");
    }
    assert_eq!(server.received().len(), 2);
}

#[test]
fn a_receiver_is_asked_without_being_given_spans() {
    let behaviours = [
        Behaviour::Accept,
        Behaviour::Refuse(Status::invalid_argument("no spans")),
        Behaviour::Refuse(Status::permission_denied("viewer")),
    ];
    let server = FakeGrpcServer::start(behaviours);
    let otlp = Otlp::new(config(server.endpoint())).unwrap();
    assert_eq!(otlp.probe().unwrap(), Probe { accepts: true, ..Probe::default() });
    assert_eq!(otlp.probe().unwrap(), Probe::default());
    assert!(matches!(otlp.probe(), Err(ExportError::Refused { .. })));
    assert!(server.received().iter().all(|request| request.traces.resource_spans.is_empty()));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for header in ["te", "grpc-timeout", "content-type"] {
        let headers = vec![(header.to_owned(), SECRET.to_owned())];
        let error = Otlp::new(OtlpConfig { headers, ..config("http://h".into()) }).unwrap_err();
        assert!(matches!(error, ConfigError::Header { .. }), "{error:?}");
    }
    let error = Otlp::new(config("http://h:4317/v1/traces".to_owned())).unwrap_err().to_string();
    assert!(
        error.starts_with("`http://h:4317/v1/traces`: with gRPC an endpoint has no"),
        "{error}"
    );
}
