//! Asking a target without giving it anything: would it take a batch, and does it show a trace?

use std::time::{Duration, SystemTime};

use exporters::{
    AnswerStatus, ExportError, Exporter, LocalStore, Mlflow, MlflowAuth, MlflowConfig,
    MlflowExperiment, Otlp, OtlpCompression, OtlpConfig, OtlpEndpoint, OtlpProtocol, Phoenix,
    PhoenixApi, Probe,
};
use otlp_model::TraceId;

use crate::fake_server::{FakeServer, answer};
use crate::{connection, phoenix_with, turn};

const DATE: &str = "date: Fri, 20 Nov 2026 22:34:31 GMT\r\n";

fn phoenix(server: &FakeServer, project: &str) -> Phoenix {
    phoenix_with(PhoenixApi::Otlp, server, project)
}

fn mlflow(server: &FakeServer, experiment: MlflowExperiment) -> Mlflow {
    let (endpoint, auth) = (server.endpoint(), MlflowAuth::Bearer("token-of-ada".to_owned()));
    Mlflow::new(MlflowConfig { endpoint, auth, experiment, connection: connection() }).unwrap()
}

fn otlp(server: &FakeServer, protocol: OtlpProtocol) -> Otlp {
    let config = OtlpConfig {
        endpoint: OtlpEndpoint::Server(server.endpoint()),
        protocol,
        compression: OtlpCompression::Gzip,
        headers: Vec::new(),
        connection: connection(),
    };
    Otlp::new(config).unwrap()
}

fn accepted(server: Option<&str>) -> Probe {
    let clock = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_214_071);
    Probe { server: server.map(str::to_owned), accepts: true, clock: Some(clock) }
}

#[test]
fn phoenix_is_asked_as_for_a_delivery_and_gets_nothing() {
    let said = format!("{DATE}x-phoenix-server-version: 20.26.1\r\n");
    let server = FakeServer::start([answer(200, &said, ""), answer(401, "", "Invalid token")]);
    let phoenix = phoenix(&server, "codex");
    assert_eq!(phoenix.probe().unwrap(), accepted(Some("Phoenix 20.26.1")));
    let refused = phoenix.probe().unwrap_err();
    assert!(
        matches!(refused, ExportError::Refused { status: AnswerStatus::Http(401), .. }),
        "{refused:?}"
    );
    for request in server.received() {
        assert_eq!(request.line, "POST /v1/traces HTTP/1.1");
        assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(request.header("authorization"), Some("Bearer sk-very-secret-key"));
        assert!(request.body.is_empty());
    }
}

/// Servers of single-page applications answer every path with 200.
#[test]
fn a_web_page_is_no_yes() {
    let page = || answer(200, "content-type: text/html\r\n", "<html>");
    let server = FakeServer::start([page(), page(), page()]);
    let everybody: [Box<dyn Exporter>; 3] = [
        Box::new(phoenix(&server, "codex")),
        Box::new(otlp(&server, OtlpProtocol::HttpProtobuf)),
        Box::new(mlflow(&server, MlflowExperiment::Name("codex".to_owned()))),
    ];
    for target in everybody {
        let error = target.probe().unwrap_err();
        assert!(matches!(error, ExportError::WrongAddress { .. }), "{error:?}");
    }
}

#[test]
fn mlflow_is_asked_for_the_experiment_and_makes_none() {
    let json = "content-type: application/json\r\n";
    let missing = r#"{"error_code": "RESOURCE_DOES_NOT_EXIST"}"#;
    let found = r#"{"experiment": {"experiment_id": "7"}}"#;
    let said = format!("{DATE}content-type: text/html; charset=utf-8\r\n");
    let version = || answer(200, &said, "3.17.2");
    let answers = [answer(404, json, missing), version(), answer(200, json, found), version()];
    let server = FakeServer::start(answers);
    let by_name = mlflow(&server, MlflowExperiment::Name("codex".to_owned()));
    assert_eq!(by_name.probe().unwrap(), accepted(Some("MLflow 3.17.2")));
    let by_id = mlflow(&server, MlflowExperiment::Id("7".to_owned()));
    assert_eq!(by_id.probe().unwrap(), accepted(Some("MLflow 3.17.2")));
    let received = server.received();
    assert!(received.iter().all(|request| request.line.starts_with("GET ")));
    assert_eq!(received[0].header("authorization"), Some("Bearer token-of-ada"));
}

#[test]
fn a_receiver_that_wants_spans_was_reached_at_least() {
    let answers = [answer(200, DATE, ""), answer(400, "", "no spans"), answer(403, "", "no")];
    let server = FakeServer::start(answers);
    let otlp = otlp(&server, OtlpProtocol::HttpJson);
    assert_eq!(otlp.probe().unwrap(), accepted(None));
    assert_eq!(otlp.probe().unwrap(), Probe::default());
    let refused = otlp.probe().unwrap_err();
    assert!(
        matches!(refused, ExportError::Refused { status: AnswerStatus::Http(403), .. }),
        "{refused:?}"
    );
    assert_eq!(server.received()[0].body, br#"{"resourceSpans":[]}"#);
}

#[test]
fn the_spans_of_a_trace_are_counted() {
    let json = "content-type: application/json\r\n";
    let answers = [
        answer(404, json, "{}"),
        answer(200, json, r#"{"data": [{}, {}, {}]}"#),
        answer(404, json, r#"{"error_code": "RESOURCE_DOES_NOT_EXIST"}"#),
        answer(200, json, r#"{"trace": {"spans": [{}, {}]}}"#),
    ];
    let server = FakeServer::start(answers);
    let trace = TraceId([7; 16]);
    let phoenix_target = phoenix(&server, "my project");
    assert_eq!(phoenix_target.count_spans(trace).unwrap(), Some(0));
    assert_eq!(phoenix_target.count_spans(trace).unwrap(), Some(3));
    let mlflow = mlflow(&server, MlflowExperiment::Id("7".to_owned()));
    assert_eq!(mlflow.count_spans(trace).unwrap(), Some(0));
    assert_eq!(mlflow.count_spans(trace).unwrap(), Some(2));
    let lines: Vec<String> = server.received().into_iter().map(|request| request.line).collect();
    let id = "07".repeat(16);
    assert_eq!(
        lines[1],
        format!("GET /v1/projects/my%20project/spans?trace_id={id}&limit=100 HTTP/1.1")
    );
    assert_eq!(lines[3], format!("GET /api/3.0/mlflow/traces/get?trace_id=tr-{id} HTTP/1.1"));
    assert_eq!(phoenix(&server, "a/b").count_spans(trace).unwrap(), None);
    assert_eq!(otlp(&server, OtlpProtocol::HttpProtobuf).count_spans(trace).unwrap(), None);
}

#[test]
fn a_local_store_tells_without_being_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.db");
    let store = LocalStore::new(&path);
    let probe = Probe { accepts: true, ..Probe::default() };
    assert_eq!(store.probe().unwrap(), probe);
    assert!(!path.exists());
    let batch = turn();
    store.export(&batch).unwrap();
    assert_eq!(store.probe().unwrap(), probe);
    assert_eq!(store.count_spans(batch.spans[0].trace_id).unwrap(), Some(3));
    assert_eq!(store.count_spans(TraceId([7; 16])).unwrap(), Some(0));
    std::fs::write(&path, "this is no database, and longer than a header".repeat(10)).unwrap();
    assert!(store.probe().is_err());
}
