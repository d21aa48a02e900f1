//! The client in front of services that misbehave, and of what is no service of ours.

#![expect(clippy::unwrap_used, reason = "what a test cannot do is what it reports")]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use buffer_api::{Client, ClientError, Endpoint};

/// What our service puts in front of every answer.
const OURS: &str = "server: arize-codex-buffer\r\n";

/// Serves one request with `answer` and returns what the client makes of it.
fn check(answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> ClientError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint { port: listener.local_addr().unwrap().port(), ..Endpoint::default() };
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let length = stream.read(&mut request).unwrap();
        answer(&mut stream);
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let client = Client::new(&endpoint, Some("s3cret".to_owned()));
    let error = client.drain("a thread", 3, Duration::ZERO).unwrap_err();
    let request = server.join().unwrap();
    assert!(request.starts_with("GET /events/a%20thread?after=3&wait_ms=0 "), "{request}");
    assert!(request.to_ascii_lowercase().contains("authorization: bearer s3cret"), "{request}");
    assert!(!format!("{error:?} {error} {client:?}").contains("s3cret"), "{error:?}");
    assert!(error.to_string().contains(&endpoint.to_string()), "{error}");
    assert!(!client.has_answered(), "{error}");
    error
}

fn check_text(text: String) -> ClientError {
    check(move |stream| stream.write_all(text.as_bytes()).unwrap())
}

fn http(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

#[test]
fn nobody_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint { port: listener.local_addr().unwrap().port(), ..Endpoint::default() };
    drop(listener);
    let error = Client::new(&endpoint, None).health().unwrap_err();
    assert!(error.is_nobody_there(), "{error:?}");
}

#[test]
fn other_services_are_recognised() {
    for answer in [
        "SSH-2.0-OpenSSH_9.6\r\n".to_owned(),
        http("200 OK", "", "{\"events\":[],\"next\":1}"),
        http("200 OK", "server: nginx\r\n", "<html>"),
        http("401 Unauthorized", "", ""),
        http("302 Found", "location: http://127.0.0.1:1/\r\n", ""),
    ] {
        let error = check_text(answer.clone());
        assert!(matches!(error, ClientError::Foreign { .. }), "{answer:?}: {error:?}");
    }
}

#[test]
fn a_service_that_breaks_off_is_unreachable() {
    let error = check(|_| {});
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert!(!error.is_nobody_there());
}

#[test]
fn a_service_that_hangs_is_given_up() {
    let started = Instant::now();
    // Waits for the client to hang up.
    let error = check(|stream| drop(stream.read(&mut [0; 1])));
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn refusals_are_told_apart() {
    let error = check_text(http("401 Unauthorized", OURS, "{}"));
    assert!(matches!(error, ClientError::Unauthorized { .. }), "{error:?}");
    let error = check_text(http("503 Service Unavailable", OURS, "the disk is full"));
    assert!(error.to_string().ends_with("answered with status 503: the disk is full"), "{error}");
}

#[test]
fn answers_that_make_no_sense_are_said_to() {
    for body in ["", "garbage", "{\"events\":[", "{\"events\":7,\"next\":1}", "{\"next\":1}"] {
        let error = check_text(http("200 OK", OURS, body));
        assert!(matches!(error, ClientError::Malformed { .. }), "{body:?}: {error:?}");
    }
}

#[test]
fn endless_answers_are_not_read() {
    let error = check(|stream| {
        stream.write_all(format!("HTTP/1.1 200 OK\r\n{OURS}\r\n").as_bytes()).unwrap();
        let piece = vec![b' '; 1024 * 1024];
        while stream.write_all(&piece).is_ok() {}
    });
    assert!(matches!(error, ClientError::TooLong { .. }), "{error:?}");
}
