use std::{fmt::Write as _, io::Write as _};

use expect_test::{Expect, expect};
use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};

use super::*;

const RECEIVED_NS: u64 = 1_800_000_000_000_000_000;

pub(super) fn decode(
    body: &[u8],
    encoding: Encoding,
    received_ns: u64,
) -> Result<Export, DecodeError> {
    super::decode(Bytes::copy_from_slice(body), encoding, received_ns)
}

/// Shows what a body becomes.
fn check(body: &[u8], encoding: Encoding, expected: &Expect) {
    let shown = match decode(body, encoding, RECEIVED_NS) {
        Ok(Export::Spans) => "spans\n".to_owned(),
        Ok(Export::Logs(logs)) => show(&logs),
        Err(error) => format!("refused: {error}\n"),
    };
    expected.assert_eq(&shown);
}

fn show(logs: &Logs) -> String {
    let mut shown = String::new();
    for event in &logs.events {
        let body: Value = serde_json::from_str(&event.body).unwrap();
        let time = event.time_ns / 1_000_000 % 100_000_000;
        let name = body["name"].as_str().unwrap();
        let attributes = body["attributes"].as_object().unwrap();
        let counts: Vec<String> = attributes
            .iter()
            .filter(|(key, _)| key.ends_with("token_count") || *key == "success")
            .map(|(key, value)| format!(" {key}={value}"))
            .collect();
        let (resource, count) = (&body["resource"], attributes.len());
        let service = format!("{} {}", resource["service.name"], resource["service.version"]);
        let thread = event.thread.get(..8).unwrap_or(&event.thread);
        let trace = body["trace_id"].as_str().map_or("", |id| &id[..4]);
        writeln!(shown, "{time} {thread} [{trace}] {service} {name}: {count}{}", counts.concat())
            .unwrap();
    }
    let Logs { skipped, unthreaded, malformed, .. } = logs;
    writeln!(shown, "skipped {skipped}, unthreaded {unthreaded}, malformed {malformed}").unwrap();
    shown
}

fn check_json(body: &Value, expected: &Expect) {
    check(body.to_string().as_bytes(), Encoding::Json, expected);
}

fn records(records: &Value) -> Value {
    json!({"resourceLogs": [{"resource": null, "scopeLogs": [{"logRecords": records}]}]})
}

fn record(key: &str, value: &Value) -> Value {
    json!({"observedTimeUnixNano": "7000000", "attributes": [
        {"key": "thread.id", "value": {"stringValue": "t"}}, {"key": key, "value": value},
    ]})
}

#[test]
fn real_json_of_0_169() {
    check(
        include_bytes!("../../tests/data/0.169.0/basic/logs.body"),
        Encoding::Json,
        &expect![[r#"
            14071641 01a1fb18 [59bf] "codex_exec" "0.169.0" codex.conversation_starts: 19
            14071666 01a1fb18 [59bf] "codex_exec" "0.169.0" codex.startup_phase: 12
            14071681 01a1fb18 [59bf] "codex_exec" "0.169.0" codex.startup_phase: 12
            14071766 01a1fb18 [25ee] "codex_exec" "0.169.0" codex.user_prompt: 11
            14071792 01a1fb18 [25ee] "codex_exec" "0.169.0" codex.api_request: 19
            14071793 01a1fb18 [] "codex_exec" "0.169.0" codex.sse_event: 17 cache_write_token_count=0 cached_token_count=512 input_token_count="1000" output_token_count="20" reasoning_token_count=5 tool_token_count="1020"
            14071793 01a1fb18 [25ee] "codex_exec" "0.169.0" codex.turn_ttft: 10
            14071817 01a1fb18 [25ee] "codex_exec" "0.169.0" codex.tool_decision: 14
            14071855 01a1fb18 [25ee] "codex_exec" "0.169.0" codex.tool_result: 21 success="true"
            14071875 01a1fb18 [25ee] "codex_exec" "0.169.0" codex.api_request: 19
            14071876 01a1fb18 [] "codex_exec" "0.169.0" codex.sse_event: 17 cache_write_token_count=0 cached_token_count=512 input_token_count="1001" output_token_count="21" reasoning_token_count=5 tool_token_count="1022"
            14071877 01a1fb18 [25ee] "codex_exec" "0.169.0" codex.tool_decision: 14
            14071932 01a1fb18 [25ee] "codex_exec" "0.169.0" codex.tool_result: 21 success="true"
            14071935 01a1fb18 [25ee] "codex_exec" "0.169.0" codex.tool_result: 21 success="false"
            14071955 01a1fb18 [25ee] "codex_exec" "0.169.0" codex.api_request: 19
            14071956 01a1fb18 [] "codex_exec" "0.169.0" codex.sse_event: 18 cache_write_token_count=0 cached_token_count=512 input_token_count="1002" output_token_count="22" reasoning_token_count=5 tool_token_count="1024"
            skipped 13, unthreaded 1, malformed 0
        "#]],
    );
}

#[test]
fn real_protobuf_of_0_169() {
    check(
        include_bytes!("../../tests/data/0.169.0/basic_binary/logs.body"),
        Encoding::Protobuf,
        &expect![[r#"
            14073527 01a1fb18 [71f6] "codex_exec" "0.169.0" codex.conversation_starts: 19
            14073535 01a1fb18 [71f6] "codex_exec" "0.169.0" codex.startup_phase: 12
            14073537 01a1fb18 [71f6] "codex_exec" "0.169.0" codex.startup_phase: 12
            14073603 01a1fb18 [e4b0] "codex_exec" "0.169.0" codex.user_prompt: 11
            14073620 01a1fb18 [e4b0] "codex_exec" "0.169.0" codex.api_request: 19
            14073621 01a1fb18 [] "codex_exec" "0.169.0" codex.sse_event: 17 cache_write_token_count=0 cached_token_count=512 input_token_count="1000" output_token_count="20" reasoning_token_count=5 tool_token_count="1020"
            14073621 01a1fb18 [e4b0] "codex_exec" "0.169.0" codex.turn_ttft: 10
            14073633 01a1fb18 [e4b0] "codex_exec" "0.169.0" codex.tool_decision: 14
            14073671 01a1fb18 [e4b0] "codex_exec" "0.169.0" codex.tool_result: 21 success="true"
            14073687 01a1fb18 [e4b0] "codex_exec" "0.169.0" codex.api_request: 19
            14073687 01a1fb18 [] "codex_exec" "0.169.0" codex.sse_event: 17 cache_write_token_count=0 cached_token_count=512 input_token_count="1001" output_token_count="21" reasoning_token_count=5 tool_token_count="1022"
            14073689 01a1fb18 [e4b0] "codex_exec" "0.169.0" codex.tool_decision: 14
            14073733 01a1fb18 [e4b0] "codex_exec" "0.169.0" codex.tool_result: 21 success="true"
            14073734 01a1fb18 [e4b0] "codex_exec" "0.169.0" codex.tool_result: 21 success="false"
            14073749 01a1fb18 [e4b0] "codex_exec" "0.169.0" codex.api_request: 19
            14073749 01a1fb18 [] "codex_exec" "0.169.0" codex.sse_event: 18 cache_write_token_count=0 cached_token_count=512 input_token_count="1002" output_token_count="22" reasoning_token_count=5 tool_token_count="1024"
            skipped 13, unthreaded 1, malformed 0
        "#]],
    );
}

#[test]
fn real_json_of_0_98() {
    check(
        include_bytes!("../../tests/data/0.98.0/basic/logs.body"),
        Encoding::Json,
        &expect![[r#"
            15289087 01a1fb2b [bb20] "codex_exec" "0.98.0" codex.conversation_starts: 13
            15289093 01a1fb2b [542b] "codex_exec" "0.98.0" codex.user_prompt: 10
            15289118 01a1fb2b [542b] "codex_exec" "0.98.0" codex.api_request: 11
            15289119 01a1fb2b [] "codex_exec" "0.98.0" codex.sse_event: 14 cached_token_count=512 input_token_count="1000" output_token_count="20" reasoning_token_count=5 tool_token_count="1020"
            15289128 01a1fb2b [542b] "codex_exec" "0.98.0" codex.tool_decision: 12
            15289204 01a1fb2b [542b] "codex_exec" "0.98.0" codex.tool_result: 14 success="true"
            15289228 01a1fb2b [542b] "codex_exec" "0.98.0" codex.api_request: 11
            15289228 01a1fb2b [] "codex_exec" "0.98.0" codex.sse_event: 14 cached_token_count=512 input_token_count="1001" output_token_count="21" reasoning_token_count=5 tool_token_count="1022"
            15289229 01a1fb2b [542b] "codex_exec" "0.98.0" codex.tool_decision: 12
            15289305 01a1fb2b [542b] "codex_exec" "0.98.0" codex.tool_result: 14 success="true"
            15289305 01a1fb2b [542b] "codex_exec" "0.98.0" codex.tool_result: 14 success="true"
            15289327 01a1fb2b [542b] "codex_exec" "0.98.0" codex.api_request: 11
            15289328 01a1fb2b [] "codex_exec" "0.98.0" codex.sse_event: 14 cached_token_count=512 input_token_count="1002" output_token_count="22" reasoning_token_count=5 tool_token_count="1024"
            skipped 13, unthreaded 0, malformed 0
        "#]],
    );
}

#[test]
fn real_json_of_0_44() {
    check(
        include_bytes!("../../tests/data/0.44.0/basic/logs.body"),
        Encoding::Json,
        &expect![[r#"
            15276735 01a1fb2b [] "codex_exec" "0.44.0" codex.conversation_starts: 15
            15276760 01a1fb2b [] "codex_exec" "0.44.0" codex.user_prompt: 10
            15276787 01a1fb2b [] "codex_exec" "0.44.0" codex.api_request: 11
            15276787 01a1fb2b [] "codex_exec" "0.44.0" codex.sse_event: 14 cached_token_count=512 input_token_count="1000" output_token_count="20" reasoning_token_count=5 tool_token_count="1020"
            15276796 01a1fb2b [] "codex_exec" "0.44.0" codex.tool_decision: 12
            15276802 01a1fb2b [] "codex_exec" "0.44.0" codex.tool_result: 14 success="true"
            15276803 01a1fb2b [] "codex_exec" "0.44.0" codex.api_request: 11
            15276804 01a1fb2b [] "codex_exec" "0.44.0" codex.tool_decision: 12
            15276804 01a1fb2b [] "codex_exec" "0.44.0" codex.sse_event: 14 cached_token_count=512 input_token_count="1001" output_token_count="21" reasoning_token_count=5 tool_token_count="1022"
            15276807 01a1fb2b [] "codex_exec" "0.44.0" codex.tool_result: 14 success="false"
            15276807 01a1fb2b [] "codex_exec" "0.44.0" codex.tool_result: 14 success="true"
            15276808 01a1fb2b [] "codex_exec" "0.44.0" codex.api_request: 11
            15276808 01a1fb2b [] "codex_exec" "0.44.0" codex.sse_event: 14 cached_token_count=512 input_token_count="1002" output_token_count="22" reasoning_token_count=5 tool_token_count="1024"
            skipped 13, unthreaded 0, malformed 0
        "#]],
    );
}

#[test]
fn trap_11_values_keep_their_types() {
    let values = json!([
        record("text", &json!({"stringValue": "a \"b\" \u{1f600}"})),
        record("text int", &json!({"intValue": "512"})),
        record("int", &json!({"intValue": -7})),
        record("double", &json!({"doubleValue": 0.5})),
        record("bool", &json!({"boolValue": true})),
        record("null", &Value::Null),
        record("unknown", &json!({"novelValue": {"x": [1]}})),
        record("list", &json!({"arrayValue": {"values": [{"intValue": "1"}, null]}})),
        record(
            "map",
            &json!({"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": false}}]}})
        ),
    ]);
    let body = records(&values).to_string();
    let Ok(Export::Logs(logs)) = decode(body.as_bytes(), Encoding::Json, RECEIVED_NS) else {
        panic!("it is an export of logs")
    };
    let attributes: Vec<String> = logs
        .events
        .iter()
        .map(|event| {
            let body: Value = serde_json::from_str(&event.body).unwrap();
            let mut attributes = body["attributes"].as_object().unwrap().clone();
            attributes.remove("thread.id");
            Value::Object(attributes).to_string()
        })
        .collect();
    let shown = attributes.join("\n");
    expect![[r#"
        {"text":"a \"b\" 😀"}
        {"text int":512}
        {"int":-7}
        {"double":0.5}
        {"bool":true}
        {"null":null}
        {"unknown":null}
        {"list":[1,null]}
        {"map":{"k":false}}"#]]
    .assert_eq(&shown);
}

#[test]
fn a_malformed_record_costs_itself_only() {
    check_json(
        &records(&json!([
            record("event.name", &json!({"stringValue": "codex.user_prompt"})),
            "not a record",
            {"attributes": "none"},
            record("n", &json!({"intValue": "many"})),
            record("event.name", &json!({"stringValue": "codex.tool_result"})),
        ])),
        &expect![[r#"
            7 t [] null null codex.user_prompt: 2
            7 t [] null null codex.tool_result: 2
            skipped 0, unthreaded 0, malformed 3
        "#]],
    );
}

/// A text that is not UTF-8 refused the whole body, in both encodings.
#[test]
fn a_text_that_is_not_utf_8_costs_itself_only() {
    let record = |number: i64| LogRecord {
        attributes: vec![
            pair("conversation.id", any_value::Value::StringValue("t".to_owned())),
            pair("text", any_value::Value::StringValue("MARK".to_owned())),
            pair("number", any_value::Value::IntValue(number)),
        ],
        ..LogRecord::default()
    };
    let logs = ScopeLogs { log_records: vec![record(1), record(2)], ..ScopeLogs::default() };
    let logs = ResourceLogs { scope_logs: vec![logs], ..ResourceLogs::default() };
    let request = ExportLogsServiceRequest { resource_logs: vec![logs] };
    let json = serde_json::to_vec(&records(&json!([
        {"attributes": [text_pair("conversation.id", "t"), text_pair("text", "MARK"),
                        {"key": "number", "value": {"intValue": 1}}]},
        {"attributes": [text_pair("conversation.id", "t"), text_pair("text", "MARK"),
                        {"key": "number", "value": {"intValue": 2}}]},
    ])));
    let bodies = [(request.encode_to_vec(), Encoding::Protobuf), (json.unwrap(), Encoding::Json)];
    for (mut body, encoding) in bodies {
        let place = body.windows(4).position(|window| window == b"MARK").unwrap();
        body[place + 1] = 0xFF;
        let Export::Logs(logs) = decode(&body, encoding, 77).unwrap() else { panic!("logs") };
        let kept: Vec<Value> =
            logs.events.iter().map(|event| serde_json::from_str(&event.body).unwrap()).collect();
        let of =
            |key: &str| kept.iter().map(|it| it["attributes"][key].clone()).collect::<Vec<_>>();
        assert_eq!(of("number"), [1, 2], "{encoding:?}");
        assert_eq!(of("text"), ["M\u{FFFD}RK", "MARK"], "{encoding:?}");
    }
}

#[test]
fn a_record_of_protobuf_that_makes_no_sense_costs_itself_only() {
    let good = LogRecord {
        attributes: vec![pair("conversation.id", any_value::Value::StringValue("t".to_owned()))],
        ..LogRecord::default()
    };
    let logs =
        ScopeLogs { log_records: vec![good.clone(), good.clone(), good], ..ScopeLogs::default() };
    let logs = ResourceLogs { scope_logs: vec![logs], ..ResourceLogs::default() };
    let request = ExportLogsServiceRequest { resource_logs: vec![logs] };
    let mut body = request.encode_to_vec();
    // The second record: its attributes become a field of a kind that there is not.
    let length = body.len() / 3;
    let place = body[length..].iter().position(|byte| *byte == 0x32).unwrap() + length;
    body[place] = 0x37;
    let Export::Logs(logs) = decode(&body, Encoding::Protobuf, 77).unwrap() else { panic!("logs") };
    assert_eq!((logs.events.len(), logs.malformed), (2, 1));
}

/// It made the whole body count as spans, of which nothing is kept.
#[test]
fn a_first_record_that_makes_no_sense_makes_no_spans_of_the_others() {
    let thread = pair("conversation.id", any_value::Value::StringValue("t".to_owned()));
    let good = LogRecord { attributes: vec![thread], ..LogRecord::default() }.encode_to_vec();
    for (bad, why) in [
        (&[0x30, 0x05][..], "attributes that are a number"),
        (&[0x4a, 0x02, 0x01], "a trace that goes on beyond the record"),
        (&[0x37], "a field of a kind that there is not"),
    ] {
        // Both records are in one scope (field 2) of one resource (field 1).
        let field = |number: u8, bytes: &[u8]| {
            let length = u8::try_from(bytes.len()).unwrap();
            [&[number << 3 | 2, length], bytes].concat()
        };
        let records = [field(2, bad), field(2, &good)].concat();
        let body = field(1, &field(2, &records));
        let found = decode(&body, Encoding::Protobuf, 77).unwrap();
        let Export::Logs(logs) = found else { panic!("spans: {why}") };
        assert_eq!((logs.events.len(), logs.malformed), (1, 1), "{why}");
    }
}

fn pair(key: &str, value: any_value::Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn text_pair(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

#[test]
fn missing_and_null_parts_are_empty() {
    for body in [
        json!({"resourceLogs": []}),
        json!({"resourceLogs": [{}]}),
        json!({"resourceLogs": [{"resource": 3, "scopeLogs": null}]}),
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": null, "novel": 1}]}]}),
    ] {
        check_json(
            &body,
            &expect![[r#"
                skipped 0, unthreaded 0, malformed 0
            "#]],
        );
    }
    check_json(
        &records(&json!([{}, {"body": null, "attributes": null, "traceId": null}])),
        &expect![[r#"
            skipped 0, unthreaded 2, malformed 0
        "#]],
    );
    check(
        b"",
        Encoding::Protobuf,
        &expect![[r#"
        skipped 0, unthreaded 0, malformed 0
    "#]],
    );
}

#[test]
fn trap_09_spans_are_recognised() {
    check_json(
        &json!({"resourceSpans": [{"scopeSpans": []}]}),
        &expect![[r#"
        spans
    "#]],
    );
    let span = Span { trace_id: vec![1; 16], span_id: vec![2; 8], ..Span::default() };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let sender = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    let request = ExportTraceServiceRequest { resource_spans: vec![sender] };
    check(
        &request.encode_to_vec(),
        Encoding::Protobuf,
        &expect![[r#"
        spans
    "#]],
    );
}

#[test]
fn garbage_is_refused_with_a_reason() {
    check(
        b"{",
        Encoding::Json,
        &expect![[r#"
        refused: the body is not JSON: EOF while parsing an object at line 1 column 1
    "#]],
    );
    check(
        b"[]",
        Encoding::Json,
        &expect![[r#"
        refused: the body is not JSON: invalid length 0, expected struct Request with 2 elements at line 1 column 2
    "#]],
    );
    check(
        br#"{"resourceMetrics": []}"#,
        Encoding::Json,
        &expect![[r#"
        refused: the body has neither `resourceLogs` nor `resourceSpans`
    "#]],
    );
    check(
        b"{\"resourceLogs\": [",
        Encoding::Json,
        &expect![[r#"
        refused: the body is not JSON: EOF while parsing a list at line 1 column 18
    "#]],
    );
    check(
        b"\xff\xff\xff",
        Encoding::Protobuf,
        &expect![[r#"
        refused: the body is not an OTLP export: failed to decode Protobuf message: invalid varint
    "#]],
    );
}

#[test]
fn unpacking_is_bounded() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&[b' '; 1000]).unwrap();
    let packed = packed.finish().unwrap();
    assert_eq!(gunzip(&packed, 1000).unwrap().len(), 1000);
    assert!(matches!(gunzip(&packed, 999), Err(DecodeError::TooLarge { limit: 999 })));
    assert!(matches!(gunzip(b"not gzip", 999), Err(DecodeError::Gzip(_))));
    assert!(matches!(gunzip(&packed[..10], 999), Err(DecodeError::Gzip(_))));
}

proptest! {
    #[test]
    fn every_text_survives(text in any::<String>()) {
        let body = records(&json!([record("text", &json!({"stringValue": text}))])).to_string();
        let Ok(Export::Logs(logs)) = decode(body.as_bytes(), Encoding::Json, RECEIVED_NS) else {
            panic!("it is an export of logs")
        };
        let body: Value = serde_json::from_str(&logs.events[0].body).unwrap();
        prop_assert_eq!(&body["attributes"]["text"], &Value::from(text));
    }
}
