//! Arize AX as a target: a reader that knows only its interface must find everything in its place.

use std::collections::BTreeSet;

use exporters::{Arize, ArizeConfig, ArizeProtocol, ConfigError, Connection, Exporter};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use tonic::Status;

use crate::fake_grpc_server::{Behaviour, FakeGrpcServer};
use crate::fake_server::FakeServer;
use crate::{connection, everything_said, tls, turn};

const KEY: &str = "ak-very-secret-key";

fn config(endpoint: String) -> ArizeConfig {
    ArizeConfig {
        endpoint,
        protocol: ArizeProtocol::Grpc,
        api_key: format!(" {KEY} "),
        space_id: "U3BhY2U6MTIz".to_owned(),
        project: "my project".to_owned(),
        project_type: "harness".to_owned(),
        connection: connection(),
    }
}

fn text<'a>(attributes: &'a [KeyValue], name: &str) -> Vec<&'a str> {
    let found = attributes.iter().filter(|attribute| attribute.key == name);
    found
        .map(|attribute| match &attribute.value {
            Some(AnyValue { value: Some(Value::StringValue(text)) }) => text.as_str(),
            other => panic!("{name} is {other:?}"),
        })
        .collect()
}

#[track_caller]
fn is_in_project(traces: &ExportTraceServiceRequest) {
    let [resource] = &traces.resource_spans[..] else { panic!("{traces:?}") };
    let spans = &resource.scope_spans[0].spans;
    assert_eq!(spans.len(), 3);
    let attributes = &resource.resource.as_ref().unwrap().attributes;
    assert_eq!(text(attributes, "arize.project.type"), ["harness"]);
    assert_eq!(text(attributes, "service.name"), ["codex_cli_rs"]);
    for attributes in spans.iter().map(|span| &span.attributes).chain([attributes]) {
        assert_eq!(text(attributes, "openinference.project.name"), ["my project"]);
        assert_eq!(text(attributes, "arize.project.name"), ["my project"]);
    }
}

#[test]
fn metadata_resource_and_spans_name_key_space_and_project() {
    let server = FakeGrpcServer::start([]);
    let arize = Arize::new(config(server.endpoint())).unwrap();
    assert_eq!(arize.export(&turn()).unwrap().spans, 3);

    let [request] = &server.received()[..] else { panic!("one request") };
    let names: BTreeSet<&str> =
        request.metadata.as_ref().keys().map(|name| name.as_str()).collect();
    let expected = [
        "api_key",
        "arize-interface",
        "arize-space-id",
        "authorization",
        "content-type",
        "grpc-accept-encoding",
        "grpc-encoding",
        "space_id",
        "te",
        "user-agent",
    ];
    assert_eq!(names, BTreeSet::from(expected));
    for (name, expected) in [
        ("authorization", KEY),
        ("api_key", KEY),
        ("arize-space-id", "U3BhY2U6MTIz"),
        ("space_id", "U3BhY2U6MTIz"),
        ("arize-interface", "otel"),
    ] {
        assert_eq!(request.metadata(name), Some(expected), "{name}");
    }
    is_in_project(&request.traces);
}

#[test]
fn http_is_there_for_networks_that_grpc_does_not_get_through() {
    let server = FakeServer::start([]);
    let endpoint = format!("{}/v1", server.endpoint());
    let config = ArizeConfig { protocol: ArizeProtocol::Http, ..config(endpoint) };
    Arize::new(config).unwrap().export(&turn()).unwrap();
    let [request] = &server.received()[..] else { panic!("one request") };
    assert_eq!((request.line.as_str(), request.verdict), ("POST /v1/traces HTTP/1.1", 200));
    assert_eq!(request.header("authorization"), Some(KEY));
    assert_eq!(request.header("space_id"), Some("U3BhY2U6MTIz"));
    is_in_project(&request.traces);
}

#[test]
fn an_address_without_a_scheme_is_one_with_tls() {
    let server = FakeGrpcServer::start_with_tls();
    let connection = Connection { tls: tls::files(), ..connection() };
    let endpoint = format!("127.0.0.1:{}", server.port());
    let arize = Arize::new(ArizeConfig { connection, ..config(endpoint) }).unwrap();
    assert_eq!(arize.target(), format!("arize https://127.0.0.1:{}", server.port()));
    arize.export(&turn()).unwrap();
    is_in_project(&server.received()[0].traces);
}

#[test]
fn neither_key_nor_space_get_into_a_message() {
    let refusal = Status::permission_denied(format!("{KEY} may not write to U3BhY2U6MTIz"));
    let server = FakeGrpcServer::start([Behaviour::Refuse(refusal)]);
    let arize = Arize::new(config(server.endpoint())).unwrap();
    let error = arize.export(&turn()).unwrap_err();
    assert!(error.to_string().ends_with("(grpc status PermissionDenied): … may not write to …"));
    let config = ArizeConfig { api_key: "schlüssel-ü".to_owned(), ..config("h:1".to_owned()) };
    let refused = Arize::new(config.clone()).unwrap_err();
    assert!(matches!(refused, ConfigError::ApiKey { .. }), "{refused:?}");
    let said = format!("{}{refused:?}{arize:?}{config:?}", everything_said(&error));
    assert!(
        !said.contains(KEY) && !said.contains("U3BhY2U6MTIz") && !said.contains("schl"),
        "{said}"
    );
}
