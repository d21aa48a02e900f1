//! Who is kept out, and what is not accepted.

use std::io::Write;

use buffer_api::{Client, ClientError, Token};
use buffer_server::config::{self, Writers};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use crate::harness::{JSON, PROTOBUF, Server, export};

const READING: [&str; 6] = [
    "GET /events/t?after=0",
    "GET /drain/t",
    "GET /flush/t",
    "GET /flush-idle?idle_ms=0",
    "POST /flush-idle?idle_ms=0",
    "POST /ack/t?through=1",
];

#[test]
fn other_hosts_and_origins_are_refused_everywhere() {
    let server = Server::start();
    let authorization = format!("authorization: Bearer {}", server.token);
    let good = format!("host: {}", server.endpoint);
    let requests = READING.iter().chain(&["GET /health", "POST /v1/logs", "POST /", "GET /none"]);
    for request in requests {
        for headers in [
            &["host: evil.example"][..],
            &["host: evil.example:4318"],
            &[],
            &[&good, "origin: https://evil.example"],
            &[&good, "origin: null"],
            &[&good, "origin: http://127.0.0.1.evil.example"],
        ] {
            let mut headers = headers.to_vec();
            headers.extend([authorization.as_str(), JSON[0]]);
            let answer = server.send_raw(request, &headers, b"{\"resourceLogs\":[]}");
            assert_eq!(answer.status, 403, "{request} {headers:?}");
        }
    }
    for headers in
        [["host: localhost:99", "x: y"], ["host: [::1]", "origin: http://localhost:3000"]]
    {
        assert_eq!(server.send_raw("GET /health", &headers, b"").status, 200, "{headers:?}");
    }
}

#[test]
fn reading_takes_the_token() {
    let server = Server::start();
    server.post(&export("t", [1]));
    let other_end = if server.token.ends_with('0') { '1' } else { '0' };
    let almost = format!("authorization: Bearer {}{other_end}", &server.token[..63]);
    let basic = format!("authorization: Basic {}", server.token);
    for request in READING {
        for headers in [&[][..], &["authorization: Bearer "], &[&almost], &[&basic]] {
            let answer = server.send(request, headers, b"");
            assert_eq!(answer.status, 401, "{request} {headers:?}");
            assert!(!answer.body.contains("number"), "{}", answer.body);
            // How to get the token, and how to send it.
            for part in ["authorization: Bearer TOKEN", "run/codex-buffer.token"] {
                assert!(answer.body.contains(part), "{}", answer.body);
            }
            assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
        }
    }
    assert_eq!(server.events("t").len(), 1);
    let stranger = Client::new(&server.endpoint, Some("wrong".to_owned()));
    let error = stranger.flush("t").unwrap_err();
    assert!(matches!(error, ClientError::Unproven { .. }), "{error}");
}

/// Whose programs the senders of these tests are: another user's, as far as the service knows.
fn of_another_user() -> Option<u32> {
    config::owner().map(|own| own + 1)
}

#[test]
fn writing_takes_the_write_token() {
    // Where the user of a connection is unknown, as on most systems.
    let server = Server::with(|config| {
        (config.writers, config.owner) = (Writers::TokenHolders, None);
    });
    let body = export("t", [1]).to_string();
    let send =
        |header: &str| server.send("POST /v1/logs", &[JSON[0], header], body.as_bytes()).status;
    let write_token = Token::new(&*server.token).write_token();
    for wrong in ["x: y", "x-arize-token: wrong", "x-arize-token: ", "authorization: Bearer wrong"]
    {
        assert_eq!(send(wrong), 401, "{wrong}");
    }
    let health = server.health();
    assert_eq!((health.received, health.unauthorized), (0, 4));
    assert_eq!(send(&format!("x-arize-token: {write_token}")), 200);
    assert_eq!(send(&format!("x-arize-token: {}", server.token)), 200);
    assert_eq!(send(&format!("authorization: Bearer {}", server.token)), 200);
    assert_eq!(server.health().received, 3);
    // It permits nothing else.
    for request in READING {
        for header in ["authorization: Bearer", "x-arize-token:"] {
            let header = format!("{header} {write_token}");
            assert_eq!(server.send(request, &[&header], b"").status, 401, "{request}");
        }
    }
}

/// A Codex that was started before the token was in its configuration goes on to be heard.
#[cfg(target_os = "linux")]
#[test]
fn the_owners_programs_need_no_token_where_the_system_tells_whose_they_are() {
    let server = Server::with(|config| config.writers = Writers::TokenHolders);
    server.post(&export("t", [1]));
    let headers = [JSON[0], "x-arize-token: of-an-installation-before"];
    let body = export("t", [2]).to_string();
    assert_eq!(server.send("POST /v1/logs", &headers, body.as_bytes()).status, 200);
    assert_eq!(server.events("t").len(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn other_users_cannot_write_even_where_no_token_is_asked_for() {
    // Root may do anything. Who is refused whatever user runs this is in a table beside the code.
    let server = Server::with(|config| config.owner = of_another_user());
    let body = export("t", [1]).to_string();
    let status = server.send("POST /v1/logs", JSON, body.as_bytes()).status;
    let expected = if config::owner() == Some(0) { 200 } else { 401 };
    assert_eq!(status, expected);
}

#[test]
fn unknown_senders_cannot_push_out_the_owners_events() {
    let server = Server::with(|config| config.owner = None);
    let token = format!("x-arize-token: {}", Token::new(&*server.token).write_token());
    let owners = export("mine", 0..50).to_string();
    assert_eq!(server.send("POST /v1/logs", &[JSON[0], &token], owners.as_bytes()).status, 200);
    // A small body that is a large one: 350 kB of this filled the whole buffer.
    let headers = [JSON[0], "content-encoding: gzip"];
    let mut refused = 0;
    for number in 0..4 {
        for thread in ["mine", "theirs", &format!("t{number}")] {
            let mut body = export(thread, 0..400);
            let records = &mut body["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
            for record in records.as_array_mut().unwrap() {
                let text = json!({"key": "x", "value": {"stringValue": "x".repeat(15_000)}});
                record["attributes"].as_array_mut().unwrap().push(text);
            }
            let packed = gzip(body.to_string().as_bytes());
            assert!(packed.len() < 350_000);
            assert_eq!(server.send("POST /v1/logs", &headers, &packed).status, 200);
        }
        let bomb = gzip(&vec![b' '; 9 * 1024 * 1024]);
        refused += u32::from(server.send("POST /v1/logs", &headers, &bomb).status == 413);
    }
    assert_eq!(refused, 4);
    let mine = server.events("mine");
    assert_eq!(mine.iter().filter(|event| !event.attributes.contains_key("x")).count(), 50);
    assert!(server.health().bytes < 5 * 1024 * 1024, "{:?}", server.health());
}

#[test]
fn what_is_no_export_is_refused_with_a_reason() {
    let server = Server::start();
    for (headers, body, status, reason) in [
        (JSON, &b"garbage"[..], 400, "not JSON"),
        (JSON, b"{}", 400, "resourceLogs"),
        (PROTOBUF, b"\xff\xff\xff\xff", 400, "not an OTLP export"),
        (&["content-type: text/plain"], b"{}", 415, "content type"),
        (&[], b"{}", 415, "content type"),
        (&[JSON[0], "content-encoding: br"], b"{}", 415, "content encoding"),
        (&[JSON[0], "content-encoding: gzip"], b"{}", 400, "not gzip"),
    ] {
        let answer = server.send("POST /v1/logs", headers, body);
        assert_eq!(answer.status, status, "{headers:?} {}", answer.body);
        assert!(answer.body.contains(reason), "{}", answer.body);
    }
    assert_eq!(server.send("GET /v1/logs", &[], b"").status, 405);
    assert_eq!(server.send("GET /v1/traces", &[], b"").status, 404);
}

#[test]
fn large_bodies_are_refused() {
    let server = Server::with(|config| {
        (config.limits.body_bytes, config.limits.unpacked_bytes) = (10_000, 20_000);
    });
    let padded = |length: usize| {
        let body = export("t", [1]).to_string();
        body.clone() + &" ".repeat(length - body.len())
    };
    assert_eq!(server.send("POST /v1/logs", JSON, padded(10_000).as_bytes()).status, 200);
    assert_eq!(server.send("POST /v1/logs", JSON, padded(10_001).as_bytes()).status, 413);
    let packed = |length: usize| gzip(padded(length).as_bytes());
    let headers = [JSON[0], "content-encoding: gzip"];
    assert_eq!(server.send("POST /v1/logs", &headers, &packed(20_000)).status, 200);
    assert_eq!(server.send("POST /v1/logs", &headers, &packed(20_001)).status, 413);
    assert_eq!(server.health().received, 2);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn a_query_that_makes_no_sense_is_refused() {
    let server = Server::start();
    let authorization = format!("authorization: Bearer {}", server.token);
    for request in ["GET /events/t?after=x", "POST /ack/t", "GET /drain/t?wait_ms=-1"] {
        assert_eq!(server.send(request, &[&authorization], b"").status, 400, "{request}");
    }
}
