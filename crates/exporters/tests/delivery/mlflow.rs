//! MLflow as a target: how the experiment is found, who we are, and what a cost becomes.

use exporters::{
    AnswerStatus, ConfigError, ExportError, Exporter, Mlflow, MlflowAuth, MlflowConfig,
    MlflowExperiment, RetryClass,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use otlp_model::{Attribute, SpanBatch};

use crate::fake_server::{self, Behaviour, FakeServer, Received};
use crate::{connection, everything_said, passes, turn};

const PASSWORD: &str = "a-very-secret-password";
const MISSING: &str =
    r#"{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Could not find experiment"}"#;
const FOUND: &str = r#"{"experiment": {"experiment_id": "7", "lifecycle_stage": "active"}}"#;

fn config(endpoint: String, experiment: MlflowExperiment) -> MlflowConfig {
    let (username, password) = ("ada".to_owned(), PASSWORD.to_owned());
    let auth = MlflowAuth::Basic { username, password };
    MlflowConfig { endpoint, auth, experiment, connection: connection() }
}

fn by_name() -> MlflowExperiment {
    MlflowExperiment::Name("größe & co".to_owned())
}

fn answer(status: u16, body: &str) -> Behaviour {
    fake_server::answer(status, "content-type: application/json\r\n", body)
}

/// The requests that two deliveries of a turn lead to.
fn sent(experiment: MlflowExperiment, answers: &[Behaviour]) -> Vec<Received> {
    let server = FakeServer::start(answers.to_vec());
    let mlflow = Mlflow::new(config(format!("{}/", server.endpoint()), experiment)).unwrap();
    assert_eq!(mlflow.export(&turn()).unwrap().spans, 3);
    assert_eq!(mlflow.export(&turn()).unwrap().spans, 3);
    server.received()
}

fn fail(answers: &[Behaviour]) -> ExportError {
    let server = FakeServer::start(answers.to_vec());
    let mlflow = Mlflow::new(config(server.endpoint(), by_name())).unwrap();
    let error = mlflow.export(&turn()).unwrap_err();
    assert!(!everything_said(&error).contains(PASSWORD), "{error:?}");
    error
}

#[test]
fn a_number_needs_no_lookup() {
    let received = sent(MlflowExperiment::Id("3".to_owned()), &[]);
    assert_eq!(received.len(), 2);
    for request in received {
        assert_eq!(request.verdict, 200);
        assert_eq!(request.header("x-mlflow-experiment-id"), Some("3"));
        // `printf ada:a-very-secret-password | base64`
        let basic = "Basic YWRhOmEtdmVyeS1zZWNyZXQtcGFzc3dvcmQ=";
        assert_eq!(request.header("authorization"), Some(basic));
    }
}

#[test]
fn a_name_is_looked_up_once() {
    let received = sent(by_name(), &[answer(200, FOUND)]);
    let [lookup, turns @ ..] = &received[..] else { panic!("no request") };
    let path = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=gr%C3%B6%C3%9Fe%20%26%20co";
    assert_eq!(lookup.line, format!("GET {path} HTTP/1.1"));
    assert!(lookup.header("authorization").is_some());
    assert_eq!(turns.len(), 2);
    for turn in turns {
        assert_eq!((turn.verdict, turn.header("x-mlflow-experiment-id")), (200, Some("7")));
    }
}

#[test]
fn an_experiment_that_is_missing_is_made() {
    let created = answer(200, r#"{"experiment_id": "8"}"#);
    let received = sent(by_name(), &[answer(404, MISSING), created]);
    assert_eq!(received[1].line, "POST /api/2.0/mlflow/experiments/create HTTP/1.1");
    assert_eq!(received[1].header("content-type"), Some("application/json"));
    assert_eq!(received[1].body, r#"{"name":"größe & co"}"#.as_bytes());
    assert_eq!(received[2].header("x-mlflow-experiment-id"), Some("8"));
}

#[test]
fn an_experiment_that_another_process_made_meanwhile_is_found() {
    let exists = answer(400, r#"{"error_code": "RESOURCE_ALREADY_EXISTS", "message": "there"}"#);
    let received = sent(by_name(), &[answer(404, MISSING), exists, answer(200, FOUND)]);
    assert_eq!(received[3].header("x-mlflow-experiment-id"), Some("7"));
}

#[test]
fn without_an_experiment_nothing_is_sent() {
    let deleted = FOUND.replace("active", "deleted");
    let error = fail(&[answer(200, &deleted)]);
    assert!(error.to_string().contains("`größe & co` is deleted: restore it"), "{error}");
    assert!(!passes(&error));

    for stranger in [answer(200, "{}"), answer(200, "<html>")] {
        let error = fail(&[stranger]);
        assert!(matches!(error, ExportError::WrongAddress { .. }), "{error:?}");
    }
    let error = fail(&[answer(404, "Not Found")]);
    assert!(
        matches!(error, ExportError::Refused { status: AnswerStatus::Http(404), .. }),
        "{error:?}"
    );
    let error = fail(&[answer(503, "")]);
    assert!(passes(&error));
    // The batch is not to blame for it.
    let invalid = answer(400, r#"{"error_code": "INVALID_PARAMETER_VALUE"}"#);
    for answers in [&[invalid.clone()][..], &[answer(404, MISSING), invalid]] {
        let error = fail(answers);
        assert_eq!(error.retry_class(), RetryClass::Blocked);
        assert!(error.to_string().contains("INVALID_PARAMETER_VALUE"), "{error}");
    }
}

#[test]
fn costs_of_calls_are_written_as_mlflow_reads_them() {
    let mut batch = turn();
    let costs = [("prompt", 0.25), ("completion", 0.5), ("total", 0.75)];
    batch.spans[1].attributes.retain(|attribute| attribute.key != "llm.cost.total");
    batch.spans[1]
        .attributes
        .extend(costs.map(|(part, dollars)| Attribute::new(format!("llm.cost.{part}"), dollars)));
    let server = FakeServer::start([]);
    let config = config(server.endpoint(), MlflowExperiment::Id("3".to_owned()));
    Mlflow::new(config).unwrap().export(&batch).unwrap();

    let request = server.received().remove(0);
    let spans = &request.traces.resource_spans[0].scope_spans[0].spans;
    let values = |index: usize| {
        let mut found = spans[index].attributes.iter().filter(|a| a.key == "mlflow.llm.cost");
        found.next().and_then(|attribute| attribute.value.clone()?.value)
    };
    let Some(Any::StringValue(cost)) = values(1) else { panic!("no cost") };
    let cost: serde_json::Value = serde_json::from_str(&cost).unwrap();
    let expected =
        serde_json::json!({ "input_cost": 0.25, "output_cost": 0.5, "total_cost": 0.75 });
    assert_eq!(cost, expected);
    assert_eq!((values(0), values(2)), (None, None));
}

/// The attributes of this name in a request, span by span.
fn values(request: &Received, key: &str) -> Vec<Option<String>> {
    let spans = &request.traces.resource_spans[0].scope_spans[0].spans;
    let of = |span: &opentelemetry_proto::tonic::trace::v1::Span| {
        let found = span.attributes.iter().rfind(|attribute| attribute.key == key)?;
        match found.value.clone()?.value? {
            Any::StringValue(text) => Some(text),
            other => panic!("{other:?}"),
        }
    };
    spans.iter().map(of).collect()
}

#[test]
fn spans_have_a_type_the_trace_has_a_folder_and_messages_have_their_reasoning() {
    let mut batch = turn();
    let metadata = Attribute::new("metadata", r#"{"cwd":"/home/ada/größe"}"#);
    batch.spans[0].attributes.push(metadata.clone());
    batch.spans[2].attributes.push(metadata);
    let content = "llm.output_messages.1.message.contents";
    let parts = [("reasoning", "First this."), ("text", "Done."), ("reasoning", "Then that.")];
    for (number, (kind, text)) in parts.into_iter().enumerate() {
        let at = |name: &str| format!("{content}.{number}.message_content.{name}");
        batch.spans[1].attributes.push(Attribute::new(at("type"), kind));
        batch.spans[1].attributes.push(Attribute::new(at("text"), text));
    }
    let chat =
        r#"{"messages":[{"content":"Hm","role":"assistant"},{"content":null,"role":"assistant"}]}"#;
    batch.spans[1].attributes.push(Attribute::new("output.value", chat));
    let server = FakeServer::start([]);
    let config = config(server.endpoint(), MlflowExperiment::Id("3".to_owned()));
    let mlflow = Mlflow::new(config).unwrap();
    mlflow.export(&batch).unwrap();
    // Where the output is hidden, the reasoning is not added to it.
    batch.spans[1].attributes.last_mut().unwrap().value = "__REDACTED__".into();
    mlflow.export(&batch).unwrap();

    let (request, hidden) = (&server.received()[0], &server.received()[1]);
    let types = ["AGENT", "LLM", "TOOL"].map(|kind| Some(kind.to_owned()));
    assert_eq!(values(request, "mlflow.spanType"), types);
    let folder = values(request, "mlflow.traceTag.process.working_directory");
    assert_eq!(folder, [Some("/home/ada/größe".to_owned()), None, None]);
    let output: serde_json::Value =
        serde_json::from_str(values(request, "output.value")[1].as_ref().unwrap()).unwrap();
    assert_eq!(output["messages"][1]["reasoning"], "First this.\n\nThen that.");
    assert_eq!(output["messages"][0].get("reasoning"), None);
    assert_eq!(values(hidden, "output.value")[1].as_deref(), Some("__REDACTED__"));
}

#[test]
fn a_batch_without_spans_is_no_request() {
    let server = FakeServer::start([]);
    let mlflow = Mlflow::new(config(server.endpoint(), by_name())).unwrap();
    assert_eq!(mlflow.export(&SpanBatch { spans: vec![], ..turn() }).unwrap().spans, 0);
    assert_eq!(server.received().len(), 0);
}

#[test]
fn settings_that_cannot_work_are_refused_without_repeating_secrets() {
    let good = config("http://localhost".to_owned(), by_name());
    let auth = MlflowAuth::Bearer(format!("{PASSWORD}\n{PASSWORD}"));
    let error = Mlflow::new(MlflowConfig { auth, ..good.clone() }).unwrap_err();
    assert!(matches!(error, ConfigError::ApiKey { .. }), "{error:?}");
    let shown = format!("{error}{good:?}{:?}", Mlflow::new(good.clone()).unwrap());
    assert!(shown.contains("größe") && !shown.contains(PASSWORD), "{shown}");
}
