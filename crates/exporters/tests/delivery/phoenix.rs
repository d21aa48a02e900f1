//! Phoenix as a target: what is sent, and what every kind of answer leads to.

use std::error::Error as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use exporters::{
    ConfigError, Connection, ExportError, Exporter, Phoenix, PhoenixApi, PhoenixConfig,
};
use otlp_model::{Attribute, SpanBatch};

use crate::fake_server::{Behaviour, FakeServer, answer};
use crate::{connection, everything_said, passes, request_of_turn, turn, wait_of};

const KEY: &str = "sk-very-secret-key-0123456789";
const SECRET_HEADER: &str = "other-secret-value";
const TIMEOUT: Duration = Duration::from_millis(400);

fn config(endpoint: &str) -> PhoenixConfig {
    PhoenixConfig {
        endpoint: endpoint.to_owned(),
        api_key: Some(KEY.to_owned()),
        headers: vec![("X-Tenant".to_owned(), SECRET_HEADER.to_owned())],
        project: "my project".to_owned(),
        api: PhoenixApi::Otlp,
        connection: connection(),
    }
}

/// The same for a server that does not answer.
fn impatient(endpoint: &str) -> PhoenixConfig {
    PhoenixConfig { connection: Connection::direct(TIMEOUT), ..config(endpoint) }
}

/// Exports a turn to a server that behaves like this; the error, after it was searched for secrets.
fn fail(behaviour: Behaviour) -> ExportError {
    fail_with(behaviour, config)
}

fn fail_with(behaviour: Behaviour, config: fn(&str) -> PhoenixConfig) -> ExportError {
    let server = FakeServer::start([behaviour]);
    let error = Phoenix::new(config(&server.endpoint())).unwrap().export(&turn()).unwrap_err();
    assert_eq!(server.received().len(), 1);
    assert!(error.to_string().starts_with(&format!("`{}/v1/traces`: ", server.endpoint())));
    let said = everything_said(&error);
    assert!(!said.contains(KEY) && !said.contains(SECRET_HEADER), "{said}");
    error
}

#[test]
fn a_turn_arrives_as_every_receiver_wants_it() {
    let server = FakeServer::start([]);
    let phoenix = Phoenix::new(config(&format!("{}/", server.endpoint()))).unwrap();

    assert_eq!(phoenix.export(&turn()).unwrap().spans, 3);

    let [request] = &server.received()[..] else { panic!("one request") };
    assert_eq!(request.verdict, 200);
    assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(request.header("x-project-name"), Some("my project"));
    assert_eq!(request.header("x-tenant"), Some(SECRET_HEADER));
    assert_eq!(request.header("user-agent"), Some("a-program/1.2"));
    assert_eq!(request.header("accept-encoding"), None);
    assert_eq!(request.body[..2], [0x1f, 0x8b]);
    assert_eq!(request.traces, request_of_turn());
}

#[test]
fn sending_again_sends_the_same_bytes() {
    let server = FakeServer::start([]);
    let phoenix = Phoenix::new(config(&server.endpoint())).unwrap();
    phoenix.export(&turn()).unwrap();
    phoenix.export(&turn()).unwrap();
    let received = server.received();
    assert_eq!(received[0].body, received[1].body);
}

#[test]
fn a_batch_without_spans_is_no_request() {
    let server = FakeServer::start([]);
    let phoenix = Phoenix::new(config(&server.endpoint())).unwrap();
    let empty = SpanBatch { spans: vec![], ..turn() };
    assert_eq!(phoenix.export(&empty).unwrap().spans, 0);
    assert_eq!(server.received().len(), 0);
}

#[test]
fn without_a_key_no_authorization_is_sent_unless_a_header_says_so() {
    for (headers, expected) in [
        (vec![], None),
        (vec![("authorization".to_owned(), "Basic abc".to_owned())], Some("Basic abc")),
    ] {
        let server = FakeServer::start([]);
        let api_key = Some(" ".to_owned());
        let config = PhoenixConfig { api_key, headers, ..config(&server.endpoint()) };
        Phoenix::new(config).unwrap().export(&turn()).unwrap();
        assert_eq!(server.received()[0].header("authorization"), expected);
    }
}

#[test]
fn a_project_that_fits_no_header_is_left_to_the_resource() {
    let server = FakeServer::start([]);
    let config = PhoenixConfig { project: "größe".to_owned(), ..config(&server.endpoint()) };
    Phoenix::new(config).unwrap().export(&turn()).unwrap();
    assert_eq!(server.received()[0].header("x-project-name"), None);
}

#[test]
fn a_large_batch_travels_in_parts_and_the_last_part_counts() {
    let mut batch = turn();
    for span in &mut batch.spans {
        span.attributes.push(Attribute::new("output.value", "long text ".repeat(200_000)));
    }
    let server = FakeServer::start([Behaviour::Judge, answer(503, "", "full")]);
    let phoenix = Phoenix::new(config(&server.endpoint())).unwrap();

    assert!(passes(&phoenix.export(&batch).unwrap_err()));
    assert_eq!(phoenix.export(&batch).unwrap().spans, 3);

    let received = server.received();
    let names: Vec<_> = received[2..].iter().flat_map(|request| request.span_names()).collect();
    assert_eq!(names, ["Turn", "gpt-5.1-codex", "exec_command"]);
    assert!(received.len() > 3 && received.iter().all(|request| request.verdict == 200));
}

#[test]
fn any_2xx_is_success_whatever_its_body() {
    for behaviour in [
        answer(200, "content-type: application/json\r\n", "\"{}\""),
        answer(202, "", ""),
        answer(204, "", ""),
        Behaviour::CloseInBody(200),
    ] {
        let server = FakeServer::start([behaviour]);
        Phoenix::new(config(&server.endpoint())).unwrap().export(&turn()).unwrap();
    }
}

#[test]
fn a_web_page_is_no_success() {
    for kind in ["content-type: text/html\r\n", "Content-Type: Text/HTML; charset=utf-8\r\n"] {
        let error = fail(answer(200, kind, "<!doctype html><title>Phoenix</title>"));
        assert!(matches!(error, ExportError::WrongAddress { .. }), "{error:?}");
        assert!(!passes(&error));
    }
}

#[test]
fn a_redirect_is_not_followed_but_reported() {
    let other = FakeServer::start([]);
    for status in [301, 302, 307, 308] {
        let headers = format!("location: {}/login?key={KEY}\r\n", other.endpoint());
        let error = fail(answer(status, &headers, ""));
        assert!(matches!(error, ExportError::WrongAddress { .. }), "{error:?}");
        assert!(error.to_string().contains("/login?key=…"), "{error}");
        assert!(!passes(&error));
    }
    assert_eq!(other.received().len(), 0);
}

#[test]
fn a_final_refusal_is_reported_in_the_servers_words() {
    for status in [400, 401, 403, 404, 405, 415, 422] {
        let error = fail(answer(status, "", "Unsupported\n content\u{1b}[1m type"));
        assert!(matches!(error, ExportError::Refused { .. }), "{error:?}");
        let expected = format!("rejected (http status {status}): Unsupported content␛[1m type");
        assert!(error.to_string().ends_with(&expected), "{error}");
        assert!(!passes(&error));
    }
    let error = fail(answer(413, "", "Too large"));
    assert!(matches!(error, ExportError::TooLarge { bytes: 1.., .. }) && !passes(&error));
}

#[test]
fn a_passing_refusal_comes_with_the_servers_wait() {
    for status in [408, 425, 429, 502, 503, 504, 507] {
        let error = fail(answer(status, "retry-after: 17\r\n", "Server is at capacity"));
        assert!(matches!(error, ExportError::Refused { .. }), "{error:?}");
        assert!(passes(&error) && wait_of(&error) == Some(Duration::from_secs(17)));
    }
    let error = fail(answer(503, "", ""));
    assert!(passes(&error) && wait_of(&error).is_none());
}

#[test]
fn a_server_that_repeats_the_credentials_does_not_get_them_into_an_error() {
    for status in [401, 503] {
        let body = format!("bad header authorization: Bearer {KEY}, x-tenant: {SECRET_HEADER}");
        let error = fail(answer(status, "", &body));
        assert!(error.to_string().contains("bad header authorization: …, x-tenant: …"), "{error}");
    }
}

#[test]
fn a_long_answer_is_cut() {
    let error = fail(answer(400, "", &"very long ".repeat(1_000_000)));
    assert!(error.to_string().chars().count() < 400, "{error}");
}

#[test]
fn silence_ends_with_the_timeout() {
    for behaviour in [Behaviour::Hang, Behaviour::Trickle] {
        let started = Instant::now();
        let error = fail_with(behaviour, impatient);
        let took = started.elapsed();
        assert!(matches!(error, ExportError::Timeout { .. }), "{error:?}");
        assert!(passes(&error) && error.to_string().contains("400ms"));
        assert!(took >= TIMEOUT && took < TIMEOUT * 4, "{took:?}");
    }
}

#[test]
fn a_server_that_accepts_no_connection_ends_with_the_timeout() {
    // The system completes connections that no program accepts; requests stay unanswered.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let started = Instant::now();

    let error = Phoenix::new(impatient(&endpoint)).unwrap().export(&turn()).unwrap_err();

    assert!(matches!(error, ExportError::Timeout { .. }), "{error:?}");
    assert!(started.elapsed() < TIMEOUT * 4);
}

#[test]
fn a_broken_answer_passes() {
    for behaviour in [Behaviour::CloseHalfway, Behaviour::Garbage] {
        let error = fail(behaviour);
        assert!(matches!(error, ExportError::Interrupted { .. }), "{error:?}");
        assert!(passes(&error) && error.source().is_some());
    }
    // The status had arrived, and decides.
    let error = fail(Behaviour::CloseInBody(422));
    assert!(error.to_string().ends_with("rejected (http status 422): the begin"), "{error}");
}

#[test]
fn a_closed_port_is_a_connect_error_that_passes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);

    let error = Phoenix::new(config(&endpoint)).unwrap().export(&turn()).unwrap_err();

    assert!(matches!(error, ExportError::Connect { .. }), "{error:?}");
    assert!(passes(&error) && error.source().is_some());
    assert!(!everything_said(&error).contains(KEY));
}

#[test]
fn settings_that_cannot_work_are_refused_without_repeating_secrets() {
    let refuse = |config: PhoenixConfig| {
        let error = Phoenix::new(config).unwrap_err();
        assert!(!everything_said(&error).contains("secret"), "{error}");
        error
    };
    let good = config("http://localhost:6006");

    let error = refuse(config("http://me:secret@localhost"));
    assert!(matches!(error, ConfigError::Endpoint { .. }), "{error:?}");
    for key in ["secret\nkey", "secret-schlüssel"] {
        let error = refuse(PhoenixConfig { api_key: Some(key.to_owned()), ..good.clone() });
        assert!(matches!(error, ConfigError::ApiKey { .. }), "{error:?}");
    }
    for (name, value) in [("a b", "secret"), ("x", "secret\r\ny: z"), ("Content-Length", "5")] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let error = refuse(PhoenixConfig { headers, ..good.clone() });
        assert!(matches!(error, ConfigError::Header { .. }), "{error:?}");
    }
}

#[test]
fn debug_output_has_no_credentials() {
    let config = PhoenixConfig {
        endpoint: format!("http://me:{KEY}@localhost"),
        ..config("http://localhost:6006")
    };
    let shown = format!("{config:?}");
    assert!(shown.contains("X-Tenant") && shown.contains("my project"), "{shown}");
    let phoenix = Phoenix::new(PhoenixConfig {
        endpoint: "http://localhost:6006".to_owned(),
        ..config.clone()
    })
    .unwrap();
    assert_eq!(phoenix.target(), "phoenix http://localhost:6006/v1/traces");
    let shown = format!("{shown}{phoenix:?}{}", phoenix.target());
    assert!(!shown.contains(KEY) && !shown.contains(SECRET_HEADER), "{shown}");
}
