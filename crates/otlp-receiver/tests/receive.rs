//! What senders get for what they send.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use otlp_model::{Attribute, Span, SpanBatch, SpanKind, Value};
use otlp_receiver::Receiver;
use prost::Message;
use serde_json::{Value as Json, json};
use ureq::http::Request;

const TOKEN: &str = "a-token";
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

struct Sender {
    port: u16,
    taken: Arc<Mutex<Vec<SpanBatch>>>,
}

struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Sender {
    fn new() -> Self {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&taken);
        let sender = Self::to(move |batches| {
            kept.lock().unwrap().extend(batches);
            Ok(())
        });
        Self { taken, ..sender }
    }

    fn to(take: impl FnMut(Vec<SpanBatch>) -> Result<(), String> + Send + 'static) -> Self {
        let receiver = Receiver::bind(0, TOKEN.to_owned()).unwrap();
        let port = receiver.port();
        thread::spawn(move || receiver.serve(Box::new(take)));
        Self { port, taken: Arc::default() }
    }

    fn send(&self, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let address = format!("http://127.0.0.1:{}/v1/traces", self.port);
        let mut request = Request::post(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer =
            ureq::Agent::new_with_config(config).run(request.body(body).unwrap()).unwrap();
        let status = answer.status().as_u16();
        Answer { status, body: answer.body_mut().read_to_vec().unwrap() }
    }

    fn post(&self, content_type: &str, body: Vec<u8>) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        self.send(&[("content-type", content_type), ("authorization", &bearer)], body)
    }

    /// The spans that were taken since the last time.
    fn spans(&self) -> Vec<Span> {
        let batches = std::mem::take(&mut *self.taken.lock().unwrap());
        batches.into_iter().flat_map(|batch| batch.spans).collect()
    }
}

/// A request with these spans.
fn request(spans: &[Json]) -> Json {
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            { "key": "service.name", "value": { "stringValue": "research" } },
        ] },
        "scopeSpans": [{ "spans": spans }],
    }] })
}

fn span(id: &str, attributes: &Json) -> Json {
    json!({
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": id,
        "name": "a step",
        "kind": 1,
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": "1544712661000000000",
        "attributes": attributes,
    })
}

fn plain(id: &str) -> Json {
    span(id, &json!([{ "key": "a", "value": { "intValue": "7" } }]))
}

#[test]
fn json_and_protobuf_gzipped_or_not_are_the_same_spans() {
    let sender = Sender::new();
    let sent = request(&[plain("eee19b7ec3c1b174")]);
    let as_json = sent.to_string().into_bytes();
    let message: ExportTraceServiceRequest = serde_json::from_value(sent).unwrap();
    let as_protobuf = message.encode_to_vec();
    let mut seen = Vec::new();
    for (content_type, body) in
        [(JSON, &as_json), ("application/json; charset=utf-8", &as_json), (PROTOBUF, &as_protobuf)]
    {
        let answer = sender.post(content_type, body.clone());
        assert_eq!(answer.status, 200);
        seen.push(sender.spans());
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(body).unwrap();
        let bearer = format!("bearer {TOKEN}");
        let headers = [
            ("content-type", content_type),
            ("content-encoding", "gzip"),
            ("authorization", &bearer),
        ];
        assert_eq!(sender.send(&headers, packed.finish().unwrap()).status, 200);
        seen.push(sender.spans());
    }
    let first = &seen[0];
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].attributes, [Attribute::new("a", 7_i64)]);
    assert_eq!(first[0].end.since(first[0].start), 1_000_000_000);
    assert!(seen.iter().all(|spans| spans == first), "{seen:?}");
}

#[test]
fn the_project_of_a_program_is_its_service_unless_it_names_one() {
    let sender = Sender::new();
    let mut sent = request(&[plain("eee19b7ec3c1b174")]);
    sender.post(JSON, sent.to_string().into_bytes());
    let named = json!({ "key": "openinference.project.name", "value": { "stringValue": "mine" } });
    let attributes = &mut sent["resourceSpans"][0]["resource"]["attributes"];
    attributes.as_array_mut().unwrap().push(named);
    sender.post(JSON, sent.to_string().into_bytes());
    let projects: Vec<_> = sender.taken.lock().unwrap().iter().map(project).collect();
    assert_eq!(projects, ["research", "mine"]);
}

fn project(batch: &SpanBatch) -> String {
    let name = "openinference.project.name";
    let found = batch.resource.iter().find(|attribute| attribute.key == name);
    match &found.unwrap().value {
        Value::String(text) => text.clone().into_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn strangers_are_refused_before_anything_is_read() {
    let sender = Sender::new();
    let body = request(&[plain("eee19b7ec3c1b174")]).to_string().into_bytes();
    let bearer = format!("Bearer {TOKEN}");
    let with = |more: &[(&str, &str)]| {
        let headers = [&[("content-type", JSON)], more].concat();
        sender.send(&headers, body.clone())
    };
    for (headers, status) in [
        (vec![], 401),
        (vec![("authorization", "Bearer another")], 401),
        (vec![("authorization", "Basic a-token")], 401),
        (vec![("authorization", "a-token")], 401),
        (vec![("authorization", &*bearer), ("origin", "http://127.0.0.1:1")], 403),
        (vec![("authorization", &*bearer), ("origin", "null")], 403),
        (vec![("authorization", &*bearer), ("host", "evil.example")], 421),
        (vec![("authorization", &*bearer), ("host", "127.0.0.1:1")], 421),
    ] {
        let answer = with(&headers);
        assert_eq!(answer.status, status, "{headers:?}");
        assert!(!answer.json()["message"].as_str().unwrap().is_empty());
    }
    assert!(sender.spans().is_empty());
}

#[test]
fn what_is_no_request_for_spans_is_refused_with_the_reason() {
    let sender = Sender::new();
    let gzip = |body: &[u8]| {
        let bearer = format!("Bearer {TOKEN}");
        let headers =
            [("content-type", JSON), ("content-encoding", "gzip"), ("authorization", &*bearer)];
        sender.send(&headers, body.to_vec())
    };
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&vec![b' '; 65 * 1024 * 1024]).unwrap();
    for (answer, status) in [
        (sender.post("text/plain", b"{}".to_vec()), 415),
        (sender.post(JSON, b"nonsense".to_vec()), 400),
        (sender.post(PROTOBUF, b"nonsense".to_vec()), 400),
        (gzip(b"{}"), 400),
        (gzip(&packed.finish().unwrap()), 413),
    ] {
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
        assert!(!answer.body.is_empty());
    }
    assert_eq!(sender.post(JSON, b"{}".to_vec()).status, 200, "nothing to send is no fault");
    assert!(sender.spans().is_empty());
}

#[test]
fn a_span_that_cannot_be_read_costs_only_itself() {
    let sender = Sender::new();
    let mut no_trace = plain("eee19b7ec3c1b175");
    no_trace["traceId"] = json!("");
    let spans = [
        plain("eee19b7ec3c1b174"),
        no_trace,
        plain("0000000000000000"),
        plain("eee19b7e"),
        plain("eee19b7ec3c1b176"),
    ];
    let body = request(&spans);
    let answer = sender.post(JSON, body.to_string().into_bytes());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["partialSuccess"]["rejectedSpans"], "3");
    assert_eq!(answer.json()["partialSuccess"]["errorMessage"], "a span without a trace id");
    assert_eq!(sender.spans().len(), 2);

    let message: ExportTraceServiceRequest = serde_json::from_value(body).unwrap();
    let answer = sender.post(PROTOBUF, message.encode_to_vec());
    let answer = ExportTraceServiceResponse::decode(&*answer.body).unwrap();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 3);
}

#[test]
fn values_of_every_kind_are_kept() {
    let sender = Sender::new();
    let text = |text: &str| json!({ "stringValue": text });
    let list = |values: &[Json]| json!({ "arrayValue": { "values": values } });
    let map = json!({ "kvlistValue": { "values": [
        { "key": "b", "value": { "doubleValue": 1.5 } },
        { "key": "c", "value": list(&[json!({ "boolValue": true })]) },
    ] } });
    let attributes: Json = [
        ("text", text("a\0b")),
        ("whole", json!({ "intValue": 3 })),
        ("texts", list(&[text("a"), text("b")])),
        ("mixed", list(&[text("a"), json!({ "intValue": "1" })])),
        ("map", map),
        ("bytes", json!({ "bytesValue": "AQID" })),
        ("nothing", json!(null)),
        ("text", text("the last one counts")),
    ]
    .into_iter()
    .map(|(key, value)| json!({ "key": key, "value": value }))
    .collect();
    let body = request(&[span("eee19b7ec3c1b174", &attributes)]);
    assert_eq!(sender.post(JSON, body.to_string().into_bytes()).status, 200);
    let spans = sender.spans();
    let expected = [
        Attribute::new("text", "the last one counts"),
        Attribute::new("whole", 3_i64),
        Attribute::new("texts", Value::Strings(vec!["a".to_owned(), "b".to_owned()])),
        Attribute::new("mixed", r#"["a",1]"#),
        Attribute::new("map", r#"{"b":1.5,"c":[true]}"#),
        Attribute::new("bytes", "<bytes>"),
    ];
    assert_eq!(spans[0].attributes, expected);
}

#[test]
fn the_words_of_gen_ai_become_those_of_openinference() {
    let sender = Sender::new();
    let text = |key: &str, text: &str| json!({ "key": key, "value": { "stringValue": text } });
    let count = |key: &str, count: i64| json!({ "key": key, "value": { "intValue": count } });
    let attributes = json!([
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.request.model", "sonnet"),
        text("gen_ai.response.model", "sonnet-5"),
        text("gen_ai.conversation.id", "session-1"),
        count("gen_ai.usage.input_tokens", 900),
        count("gen_ai.usage.output_tokens", 40),
        text("gen_ai.input.messages", r#"[{"role":"user"}]"#),
        text("output.value", "its own"),
        text("gen_ai.output.messages", "[]"),
    ]);
    let tool = json!([
        text("gen_ai.operation.name", "execute_tool"),
        text("gen_ai.tool.name", "search"),
        text("gen_ai.tool.call.arguments", "where?"),
    ]);
    let named = json!([
        text("openinference.span.kind", "RETRIEVER"),
        text("gen_ai.operation.name", "execute_tool"),
    ]);
    let spans = [
        span("eee19b7ec3c1b174", &attributes),
        span("eee19b7ec3c1b175", &tool),
        span("eee19b7ec3c1b176", &named),
    ];
    sender.post(JSON, request(&spans).to_string().into_bytes());
    let spans = sender.spans();
    let [call, tool, other] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(
        (call.kind, tool.kind, other.kind),
        (SpanKind::Llm, SpanKind::Tool, SpanKind::Chain)
    );
    assert_eq!(call.text("openinference.span.kind"), Some("LLM"));
    assert_eq!(call.text("llm.model_name"), Some("sonnet-5"));
    assert_eq!(call.text("session.id"), Some("session-1"));
    assert_eq!(call.int("llm.token_count.prompt"), Some(900));
    assert_eq!(call.int("llm.token_count.completion"), Some(40));
    assert_eq!(call.text("input.value"), Some(r#"[{"role":"user"}]"#));
    assert_eq!(call.text("input.mime_type"), Some("application/json"));
    assert_eq!(call.text("output.value"), Some("its own"));
    assert_eq!(tool.text("tool.name"), Some("search"));
    assert_eq!(tool.text("input.mime_type"), Some("text/plain"));
    assert_eq!(other.text("openinference.span.kind"), Some("RETRIEVER"));
}

#[test]
fn a_sender_may_try_again_when_spans_cannot_be_kept() {
    let sender = Sender::to(|_| Err("the disk is full".to_owned()));
    let body = request(&[plain("eee19b7ec3c1b174")]).to_string().into_bytes();
    let answer = sender.post(JSON, body);
    assert_eq!((answer.status, answer.json()["message"].as_str()), (503, Some("the disk is full")));
}
