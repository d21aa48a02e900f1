//! Connections of other programs: they wait no longer than a limit, and no request waits for them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use buffer_api::Token;
use buffer_server::config::{Limits, Writers};

use crate::harness::{DEADLINE, JSON, Server, export, numbers, wait_for};

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect((server.endpoint.host, server.endpoint.port)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Connects and sends a part of a request.
fn begin(server: &Server, text: &str) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

/// What arrives until the connection is closed.
fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = (&*stream).read(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// The head of an export whose body is yet to come.
fn head(server: &Server, header: &str) -> String {
    let host = &server.endpoint;
    format!(
        "POST /v1/logs HTTP/1.1\r\nhost: {host}\r\n{}\r\n{header}content-length: 1000\r\n\r\n{{",
        JSON[0]
    )
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    let short = Limits { head: Duration::from_millis(200), ..Limits::default() };
    let server = Server::with(|config| config.limits = short);
    let began = Instant::now();
    for text in ["", "GET /health HTTP/1.1\r\n", "\r\n", "garbage"] {
        assert_eq!(rest(&mut begin(&server, text)).find(" 200 "), None, "{text:?}");
    }
    assert!(began.elapsed() < DEADLINE, "{:?}", began.elapsed());
    // One that has asked something stays.
    let question = format!("GET /health HTTP/1.1\r\nhost: {}\r\n\r\n", server.endpoint);
    let mut kept = begin(&server, &question);
    let answered = |stream: &mut TcpStream| {
        let mut text = [0; 4096];
        let length = stream.read(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).contains(" 200 OK")
    };
    assert!(answered(&mut kept));
    // It is as late as one that came after it.
    assert_eq!(rest(&mut begin(&server, "")), "");
    kept.write_all(question.as_bytes()).unwrap();
    assert!(answered(&mut kept));
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let short = Limits { body: Duration::from_millis(200), ..Limits::default() };
    let server = Server::with(|config| config.limits = short);
    let mut stream = begin(&server, &head(&server, ""));
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

/// Four bodies that came slowly held up everybody.
#[test]
fn the_owner_does_not_wait_for_the_bodies_of_others() {
    let patient = Limits { body: Duration::from_secs(600), ..Limits::default() };
    let server = Server::with(|config| (config.limits, config.owner) = (patient, None));
    let slow: Vec<TcpStream> = (0..10).map(|_| begin(&server, &head(&server, ""))).collect();
    let token = format!("x-arize-token: {}", Token::new(&*server.token).write_token());
    for number in 0..3 {
        let body = export("t", [number]).to_string();
        let answer = server.send("POST /v1/logs", &[JSON[0], &token], body.as_bytes());
        assert_eq!(answer.status, 200);
    }
    assert_eq!(numbers(&server.events("t")), [0, 1, 2]);
    assert!(slow.iter().all(is_open));
}

/// A body is not even asked for where it would be refused.
#[test]
fn nothing_is_read_of_those_who_may_not_write() {
    let server = Server::with(|config| {
        (config.writers, config.owner) = (Writers::TokenHolders, None);
    });
    let mut stream = begin(&server, &head(&server, "x-arize-token: wrong\r\n"));
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
}

#[test]
fn those_who_only_connect_make_way() {
    let few = Limits { connections: 8, head: Duration::from_secs(600), ..Limits::default() };
    let server = Server::with(|config| config.limits = few);
    server.post(&export("t", [1]));
    let client = server.client();
    let last = client.drain("t", 0, Duration::ZERO).unwrap().next;
    std::thread::scope(|scope| {
        // The owner waits for an event.
        let waiting = scope.spawn(|| client.drain("t", last, Duration::from_secs(50)));
        // The question is on its way when one who comes later was answered.
        for _ in 0..20 {
            server.client().flush("no-thread").unwrap();
        }
        let others: Vec<TcpStream> = (0..40).map(|_| connect(&server)).collect();
        let half = format!("POST /v1/logs HTTP/1.1\r\nhost: {}\r\n", server.endpoint);
        let halves: Vec<TcpStream> = (0..40).map(|_| begin(&server, &half)).collect();
        for _ in 0..20 {
            server.health();
        }
        let open = || others.iter().chain(&halves).filter(|it| is_open(it)).count();
        wait_for(|| (open() <= 8).then_some(()));
        server.post(&export("t", [2]));
        assert_eq!(numbers(&waiting.join().unwrap().unwrap().events), [2]);
    });
}
