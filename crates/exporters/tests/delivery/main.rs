//! Deliveries to a strict server on this machine, and to files.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

mod arize;
mod fake_grpc_server;
mod fake_proxy;
mod fake_server;
mod grpc;
mod json_lines;
mod local_store;
mod metrics;
mod mlflow;
mod otlp;
mod phoenix;
mod phoenix_rest;
mod probe;
mod proxy;
mod relay;
mod tls;

use std::time::Duration;

use exporters::{Connection, ExportError, Phoenix, PhoenixApi, PhoenixConfig, RetryClass};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use otlp_model::encode::{Scope, export_request};
use otlp_model::{Attribute, Span, SpanBatch, SpanEvent, SpanId, SpanKind, SpanStatus, TraceId};
use otlp_model::{UnixNanos, Value};

use crate::fake_server::FakeServer;

/// The program that sends.
const SCOPE: Scope<'static> = Scope { name: "a-program", version: "1.2" };

/// A turn with one LLM call and one failed tool call.
fn turn() -> SpanBatch {
    let mut root = span("Turn", None, SpanKind::Agent);
    root.attributes.push(Attribute::new("input.value", "fix the typo in größe.md"));
    let mut llm = span("gpt-5.1-codex", Some("Turn"), SpanKind::Llm);
    llm.attributes.extend([
        Attribute::new("llm.model_name", "gpt-5.1-codex"),
        Attribute::new("llm.token_count.prompt", 1000_i64),
        Attribute::new("llm.token_count.completion", 100_i64),
        Attribute::new("llm.cost.total", 1.0),
    ]);
    let mut tool = span("exec_command", Some("gpt-5.1-codex"), SpanKind::Tool);
    tool.status = SpanStatus::Error("exit code 1".to_owned());
    tool.attributes.push(Attribute::new("tag.tags", Value::Strings(vec!["a".into(), "b".into()])));
    tool.events.push(SpanEvent {
        name: "exception".into(),
        time: UnixNanos(1_795_214_071_000_000_500),
        attributes: vec![Attribute::new("exception.message", "exit code 1")],
    });
    SpanBatch {
        resource: vec![
            Attribute::new("service.name", "codex_cli_rs"),
            Attribute::new("openinference.project.name", "my project"),
        ],
        spans: vec![root, llm, tool],
    }
}

/// The turn as a receiver of OTLP is to find it.
fn request_of_turn() -> ExportTraceServiceRequest {
    export_request(&turn(), &SCOPE)
}

fn span(name: &str, parent: Option<&str>, kind: SpanKind) -> Span {
    let id = |name: &str| SpanId::derive(&["delivery test", name]);
    Span {
        trace_id: TraceId::derive(&["delivery test"]),
        span_id: id(name),
        parent_id: parent.map(id),
        name: name.to_owned(),
        kind,
        start: UnixNanos(1_795_214_071_000_000_000),
        end: UnixNanos(1_795_214_072_000_000_000),
        attributes: vec![
            Attribute::new("openinference.span.kind", kind.as_str()),
            Attribute::new("session.id", "session-1"),
        ],
        events: vec![],
        status: SpanStatus::Ok,
    }
}

/// A connection with more time than any answer takes, also on a busy machine.
fn connection() -> Connection {
    Connection { scope: SCOPE, ..Connection::direct(Duration::from_secs(60)) }
}

/// This server as a Phoenix that is spoken to in this way.
fn phoenix_with(api: PhoenixApi, server: &FakeServer, project: &str) -> Phoenix {
    let config = PhoenixConfig {
        endpoint: server.endpoint(),
        api_key: Some("sk-very-secret-key".to_owned()),
        headers: Vec::new(),
        project: project.to_owned(),
        api,
        connection: connection(),
    };
    Phoenix::new(config).unwrap()
}

/// Whether the target may take the same batch later, without a change.
fn passes(error: &ExportError) -> bool {
    matches!(error.retry_class(), RetryClass::Retry(_) | RetryClass::RetrySuspect)
}

/// How long the target asked to wait.
fn wait_of(error: &ExportError) -> Option<Duration> {
    match error.retry_class() {
        RetryClass::Retry(wait) => wait,
        _ => None,
    }
}

/// An error with everything underneath it, and its debug form.
fn everything_said(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error:?}");
    let mut next = Some(error);
    while let Some(error) = next {
        text.push_str(&format!("\n{error}"));
        next = error.source();
    }
    text
}
