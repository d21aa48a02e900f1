//! Phoenix's own interface as a target: the form of a span, duplicates, and where OTLP has to do.

use std::time::Duration;

use exporters::{ExportError, Exporter, Phoenix, PhoenixApi};
use otlp_model::Attribute;
use serde_json::{Value, json};

use crate::fake_server::{Behaviour, FakeServer, Received, answer};
use crate::{everything_said, passes, phoenix_with, turn, wait_of};

const PROMPT: &str = "fix the typo in größe.md";
const SPANS: &str = "POST /v1/projects/my%20project/spans HTTP/1.1";

fn phoenix(server: &FakeServer, project: &str) -> Phoenix {
    phoenix_with(PhoenixApi::Rest, server, project)
}

fn version(version: &str) -> Behaviour {
    answer(200, &format!("x-phoenix-server-version: {version}\r\n"), version)
}

fn body(request: &Received) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn names(request: &Received) -> Vec<String> {
    let body = body(request);
    let spans = body["data"].as_array().unwrap();
    spans.iter().map(|span| span["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_span_arrives_as_the_interface_wants_it() {
    let server =
        FakeServer::start([version("20.26.1"), answer(202, "", "{}"), answer(202, "", "")]);
    let phoenix = phoenix(&server, "my project");
    let mut batch = turn();
    batch.spans[0].attributes.extend([
        Attribute::new("metadata", r#"{"cwd": "/tmp"}"#),
        Attribute::new("tool.parameters", "no json"),
    ]);
    assert_eq!(phoenix.export(&batch).unwrap().spans, 3);
    assert_eq!(phoenix.export(&batch).unwrap().spans, 3);

    let [_, request, again] = &server.received()[..] else { panic!("three requests") };
    assert_eq!((request.line.as_str(), again.line.as_str()), (SPANS, SPANS));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("authorization"), Some("Bearer sk-very-secret-key"));
    assert_eq!(names(request), ["Turn", "gpt-5.1-codex", "exec_command"]);
    let data = body(request)["data"].clone();
    let (turn, tool) = (&data[0], &data[2]);
    assert_eq!(turn["context"]["trace_id"], batch.spans[0].trace_id.to_string());
    assert_eq!(turn["parent_id"], Value::Null);
    assert_eq!(turn["span_kind"], "AGENT");
    assert_eq!((&turn["status_code"], &turn["status_message"]), (&json!("OK"), &json!("")));
    assert_eq!(turn["start_time"], "2026-11-20T22:34:31.000000000Z");
    assert_eq!(turn["attributes"]["input.value"], PROMPT);
    assert_eq!(turn["attributes"]["metadata"], json!({ "cwd": "/tmp" }));
    assert_eq!(turn["attributes"]["tool.parameters"], "no json");
    assert_eq!(data[1]["attributes"]["llm.token_count.prompt"], 1000);
    assert_eq!(tool["parent_id"], batch.spans[1].span_id.to_string());
    assert_eq!(
        (&tool["status_code"], &tool["status_message"]),
        (&json!("ERROR"), &json!("exit code 1"))
    );
    assert_eq!(tool["attributes"]["tag.tags"], json!(["a", "b"]));
    assert_eq!(tool["events"][0]["name"], "exception");
    assert_eq!(tool["events"][0]["timestamp"], "2026-11-20T22:34:31.000000500Z");
}

#[test]
fn spans_that_are_there_already_are_left_out() {
    let known = |spans: &[usize]| {
        let spans = spans.iter().map(|span| {
            let span = &turn().spans[*span];
            json!({ "span_id": span.span_id.to_string(), "trace_id": span.trace_id.to_string() })
        });
        let spans: Vec<Value> = spans.collect();
        let body = json!({ "error": "…", "total_invalid": 0, "duplicate_spans": spans });
        answer(400, "content-type: text/plain\r\n", &body.to_string())
    };
    let server = FakeServer::start([version("20.26.1"), known(&[0, 2]), answer(202, "", "")]);
    assert_eq!(phoenix(&server, "my project").export(&turn()).unwrap().spans, 3);
    let received = server.received();
    assert_eq!(received.len(), 3);
    assert_eq!(names(&received[2]), ["gpt-5.1-codex"]);

    let server = FakeServer::start([version("20.26.1"), known(&[0, 1, 2])]);
    assert_eq!(phoenix(&server, "my project").export(&turn()).unwrap().spans, 3);
    assert_eq!(server.received().len(), 2);
}

/// The last request is the one that OTLP takes.
#[track_caller]
fn is_sent_as_otlp(project: &str, answers: &[Behaviour]) {
    let server = FakeServer::start(answers.to_vec());
    assert_eq!(phoenix(&server, project).export(&turn()).unwrap().spans, 3);
    let received = server.received();
    assert_eq!(received.len(), answers.len() + 1);
    let last = received.last().unwrap();
    assert_eq!((last.line.as_str(), last.verdict), ("POST /v1/traces HTTP/1.1", 200));
}

#[test]
fn where_the_interface_does_not_do_otlp_does() {
    is_sent_as_otlp("team/codex", &[]);
    is_sent_as_otlp("", &[]);
    is_sent_as_otlp("p", &[version("12.3.9")]);
    is_sent_as_otlp("p", &[answer(404, "", "Not Found")]);
    is_sent_as_otlp("p", &[answer(200, "content-type: text/html\r\n", "<html>")]);
    is_sent_as_otlp("p", &[version("20.26.1"), answer(404, "", "Not Found")]);
    is_sent_as_otlp("p", &[version("20.26.1"), answer(405, "", "Method Not Allowed")]);
}

#[test]
fn what_is_wrong_with_spans_is_said_without_their_contents() {
    let invalid = json!({ "detail": [{
        "type": "datetime_from_date_parsing",
        "loc": ["body", "data", 0, "start_time"],
        "msg": PROMPT,
        "input": { "input.value": PROMPT },
    }] });
    let spans = json!({ "error": PROMPT, "total_invalid": 2, "duplicate_spans": [],
        "invalid_spans": [{ "error": PROMPT }] });
    for (status, body, expected) in [
        (422, invalid.to_string(), "body.data.0.start_time: datetime_from_date_parsing"),
        (422, PROMPT.to_owned(), "(http status 422): "),
        (400, spans.to_string(), "2 of 3 spans are invalid"),
    ] {
        let server = FakeServer::start([version("20.26.1"), answer(status, "", &body)]);
        let error = phoenix(&server, "my project").export(&turn()).unwrap_err();
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(!passes(&error) && !everything_said(&error).contains("typo"), "{error:?}");
    }
}

#[test]
fn other_answers_are_judged_as_everywhere() {
    let server = FakeServer::start([version("20.26.1"), answer(503, "retry-after: 3\r\n", "full")]);
    let error = phoenix(&server, "my project").export(&turn()).unwrap_err();
    assert_eq!(wait_of(&error), Some(Duration::from_secs(3)));
    let server = FakeServer::start([version("20.26.1"), answer(401, "", "Invalid token")]);
    let error = phoenix(&server, "my project").export(&turn()).unwrap_err();
    assert!(matches!(error, ExportError::Refused { .. }), "{error:?}");
    let page = answer(200, "content-type: text/html\r\n", "<html>");
    let server = FakeServer::start([version("20.26.1"), page]);
    let error = phoenix(&server, "my project").export(&turn()).unwrap_err();
    assert!(matches!(error, ExportError::WrongAddress { .. }), "{error:?}");
}
