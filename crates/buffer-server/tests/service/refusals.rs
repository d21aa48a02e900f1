//! Who is kept out, and what is not accepted.

use std::io::Write;

use buffer_api::{Client, ClientError};
use buffer_server::config::Writers;
use flate2::{Compression, write::GzEncoder};

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
        }
    }
    assert_eq!(server.events("t").len(), 1);
    let stranger = Client::new(&server.endpoint, Some("wrong".to_owned()));
    let error = stranger.flush("t").unwrap_err();
    assert!(matches!(error, ClientError::Unauthorized { .. }), "{error}");
}

#[test]
fn writing_takes_the_token_where_that_is_wanted() {
    let server = Server::with(|config| config.writers = Writers::TokenHolders);
    let body = export("t", [1]).to_string();
    let send =
        |header: &str| server.send("POST /v1/logs", &[JSON[0], header], body.as_bytes()).status;
    assert_eq!(send("x: y"), 401);
    assert_eq!(send("x-arize-token: wrong"), 401);
    assert_eq!(server.health().received, 0);
    assert_eq!(send(&format!("x-arize-token: {}", server.token)), 200);
    assert_eq!(send(&format!("authorization: Bearer {}", server.token)), 200);
    assert_eq!(server.health().received, 2);
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
    let packed = |length: usize| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(padded(length).as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let headers = [JSON[0], "content-encoding: gzip"];
    assert_eq!(server.send("POST /v1/logs", &headers, &packed(20_000)).status, 200);
    assert_eq!(server.send("POST /v1/logs", &headers, &packed(20_001)).status, 413);
    assert_eq!(server.health().received, 2);
}

#[test]
fn a_query_that_makes_no_sense_is_refused() {
    let server = Server::start();
    let authorization = format!("authorization: Bearer {}", server.token);
    for request in ["GET /events/t?after=x", "POST /ack/t", "GET /drain/t?wait_ms=-1"] {
        assert_eq!(server.send(request, &[&authorization], b"").status, 400, "{request}");
    }
}
