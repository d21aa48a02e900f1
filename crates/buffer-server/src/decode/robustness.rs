//! Whatever is sent, decoding ends, keeps only what can be handed out again, and not much more of it
//! than was sent.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::tests::decode;
use super::*;

/// Decodes a body and checks what comes out.
fn check(body: &[u8], encoding: Encoding) {
    let Ok(Export::Logs(logs)) = decode(body, encoding, 1) else { return };
    assert!(logs.received() <= body.len() as u64, "more records than bytes");
    let mut bytes = 0;
    for event in &logs.events {
        let body: Value = serde_json::from_str(&event.body).expect("an event is JSON");
        assert!(body["name"].is_string() && body["attributes"].is_object(), "{body}");
        assert!(body["resource"].is_object(), "{body}");
        assert!(!event.thread.is_empty());
        bytes += event.body.len();
    }
    // A byte becomes six at most: `\u0000`.
    let bound = 6 * body.len() + logs.events.len() * (LONGEST_RESOURCE + 100);
    assert!(bytes <= bound, "{bytes} bytes of {}", body.len());
}

/// Each recorded body: those of all versions in JSON, and one in protobuf.
fn recorded() -> Vec<(Vec<u8>, Encoding)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codex-turn/tests/data");
    let versions = fs::read_dir(data).unwrap();
    let files = versions.map(|version| version.unwrap().path().join("basic/logs.jsonl"));
    let mut bodies: Vec<_> = files
        // Of some versions only what is special about them is recorded.
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .map(|body| (body.into_bytes(), Encoding::Json))
        .collect();
    assert!(bodies.len() > 10, "only {} recorded bodies", bodies.len());
    let binary = include_bytes!("../../tests/data/0.169.0/basic_binary/logs.body");
    bodies.push((binary.to_vec(), Encoding::Protobuf));
    bodies
}

/// A change to a body.
#[derive(Debug, Clone)]
enum Change {
    /// One byte is another.
    Byte(Index, u8),
    /// It ends too early.
    Truncate(Index),
    /// A piece of it is there again, somewhere.
    Repeat(Index, Index, Index),
    /// A piece of it is missing.
    Drop(Index, Index),
    /// In JSON, a value is something else.
    Value(Index, Value),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    let oddities = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("18446744073709551616"),
        json!("9999-12-31T23:59:59Z"),
        json!("\u{0}".repeat(50_000)),
        json!([]),
        json!({}),
        json!([null, [], {}]),
        json!({ "intValue": "x", "boolValue": 3, "arrayValue": { "values": [{}] } }),
    ];
    prop_oneof![
        2 => (index(), any::<u8>()).prop_map(|(place, byte)| Change::Byte(place, byte)),
        1 => index().prop_map(Change::Truncate),
        1 => (index(), index(), index()).prop_map(|(from, to, at)| Change::Repeat(from, to, at)),
        1 => (index(), index()).prop_map(|(from, to)| Change::Drop(from, to)),
        5 => (index(), prop::sample::select(oddities.to_vec()))
            .prop_map(|(place, value)| Change::Value(place, value)),
    ]
}

fn apply(change: &Change, body: &mut Vec<u8>) {
    let range = |from: &Index, to: &Index| {
        let (one, other) = (from.index(body.len() + 1), to.index(body.len() + 1));
        one.min(other)..one.max(other)
    };
    match change {
        Change::Byte(place, byte) if !body.is_empty() => {
            let place = place.index(body.len());
            body[place] = *byte;
        }
        Change::Byte(..) => {}
        Change::Truncate(place) => body.truncate(place.index(body.len() + 1)),
        Change::Repeat(from, to, at) => {
            let (piece, at) = (body[range(from, to)].to_vec(), at.index(body.len() + 1));
            body.splice(at..at, piece);
        }
        Change::Drop(from, to) => drop(body.drain(range(from, to))),
        Change::Value(place, value) => {
            if let Ok(mut json) = serde_json::from_slice::<Value>(body) {
                replace(&mut json, place, value);
                *body = json.to_string().into_bytes();
            }
        }
    }
}

/// Puts a value somewhere into another.
fn replace(json: &mut Value, place: &Index, by: &Value) {
    let (mut all, mut seen) = (0, 0);
    visit(json, &mut |_| all += 1);
    let nth = place.index(all);
    visit(json, &mut |value| {
        if seen == nth {
            *value = by.clone();
        }
        seen += 1;
    });
}

/// Visits a value, then those within it.
fn visit(json: &mut Value, see: &mut impl FnMut(&mut Value)) {
    see(json);
    match json {
        Value::Array(values) => values.iter_mut().for_each(|value| visit(value, see)),
        Value::Object(map) => map.values_mut().for_each(|value| visit(value, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    // 256 cases each, in some seconds; as many as `PROPTEST_CASES` says, in some more.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_understood_or_refused(body in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&body, Encoding::Json);
        check(&body, Encoding::Protobuf);
        let _ = gunzip(&body, 1000);
    }

    #[test]
    fn a_changed_body_is_understood_or_refused(
        (mut body, encoding) in prop::sample::select(recorded()),
        changes in prop::collection::vec(change(), 1..8),
    ) {
        for change in &changes {
            apply(change, &mut body);
        }
        check(&body, encoding);
    }
}

#[test]
fn depth_is_bounded() {
    let deep = 100_000;
    let lists = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
    let values =
        format!("{}null{}", r#"{"arrayValue":{"values":["#.repeat(deep), "]}}".repeat(deep));
    let record = |value: &str| {
        format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"attributes":[
            {{"key":"thread.id","value":{{"stringValue":"t"}}}},{{"key":"x","value":{value}}}]}}]}}]}}]}}"#
        )
    };
    check(format!(r#"{{"resourceLogs":{lists}}}"#).as_bytes(), Encoding::Json);
    for value in [lists, values] {
        let body = record(&value);
        let Ok(Export::Logs(logs)) = decode(body.as_bytes(), Encoding::Json, 1) else {
            panic!("the record is refused, not the body")
        };
        assert_eq!((logs.malformed, logs.events.len()), (1, 0));
    }
}

#[test]
fn a_long_resource_is_not_multiplied() {
    let long = "x".repeat(1 << 20);
    let record = json!({ "attributes": [{ "key": "thread.id", "value": { "stringValue": "t" } }] });
    let body = json!({ "resourceLogs": [{
        "resource": { "attributes": [{ "key": "host.name", "value": { "stringValue": long } }] },
        "scopeLogs": [{ "logRecords": vec![record; 1000] }],
    }] });
    check(body.to_string().as_bytes(), Encoding::Json);
}
