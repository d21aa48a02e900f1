//! Bodies are passed on as they came, and nobody waits for that.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    time::Instant,
};

use buffer_server::config::Forwarding;
use codex_config::{Forward, Proxies, Secret, TlsFiles};

use crate::harness::{DEADLINE, JSON, PROTOBUF, Server, captured, export, numbers, wait_for};

/// A request that a receiver got.
pub(crate) struct Request {
    head: String,
    body: Vec<u8>,
}

/// A receiver that answers each request with this status, and its address.
pub(crate) fn receiver(status: u16) -> (SocketAddr, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            while let Some(request) = read(&mut stream) {
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
                if sender.send(request).is_err() {
                    return;
                }
            }
        }
    });
    (address, requests)
}

/// The next request on a connection; none if it is closed.
fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Some(Request { head, body })
}

fn forwarding_to(address: SocketAddr) -> Server {
    Server::with(|config| {
        config.forward = Some(Forwarding::Plain(Box::new(Forward {
            endpoint: format!("http://{address}/custom/logs"),
            headers: vec![("x-key".to_owned(), Secret::new("hunter2"))],
            tls: TlsFiles::default(),
            proxies: Proxies::default(),
        })));
    })
}

#[test]
fn a_body_arrives_as_it_came() {
    let (address, requests) = receiver(200);
    let server = forwarding_to(address);
    let json = export("a", [1]).to_string();
    let binary = captured("0.169.0/basic_binary");
    for (header, body) in [(JSON, json.as_bytes()), (PROTOBUF, &binary)] {
        assert_eq!(server.send("POST /v1/logs", header, body).status, 200);
        let request = requests.recv_timeout(DEADLINE).unwrap();
        assert!(request.head.starts_with("post /custom/logs http/1.1\r\n"), "{}", request.head);
        for line in [header[0], "x-key: hunter2"] {
            assert!(request.head.contains(&format!("\r\n{line}\r\n")), "{}", request.head);
        }
        assert!(request.body == body);
    }
    wait_for(|| (server.health().forwarded == 2).then_some(()));
    assert_eq!(numbers(&server.events("a")), [1], "they are kept here, too");
}

#[test]
fn what_is_refused_here_and_what_is_no_log_is_not_passed_on() {
    let (address, requests) = receiver(200);
    let server = forwarding_to(address);
    assert_eq!(server.send("POST /v1/logs", JSON, b"no json").status, 400);
    assert_eq!(server.send("POST /v1/logs", JSON, br#"{"resourceSpans":[]}"#).status, 200);
    server.post(&export("a", [1]));
    assert_eq!(
        requests.recv_timeout(DEADLINE).unwrap().body,
        export("a", [1]).to_string().as_bytes()
    );
}

#[test]
fn a_receiver_that_refuses_or_is_gone_is_counted_and_costs_nothing() {
    let (refusing, _requests) = receiver(503);
    // Its port is free again.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [refusing, gone] {
        let server = forwarding_to(address);
        for number in 0..3 {
            server.post(&export("a", [number]));
        }
        let health =
            wait_for(|| Some(server.health()).filter(|health| health.forward_given_up == 3));
        assert_eq!((health.forwarded, health.events), (0, 3));
        let log = fs::read_to_string(&server.paths.log).unwrap();
        assert_eq!(log.matches("events are not passed on: ").count(), 1, "{log}");
        assert!(!log.contains("hunter2"), "{log}");
    }
}

#[test]
fn nobody_waits_for_a_receiver_that_hangs() {
    // It takes connections and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = forwarding_to(listener.local_addr().unwrap());
    let begun = Instant::now();
    // More than may wait.
    for number in 0..100 {
        server.post(&export("a", [number]));
    }
    assert!(begun.elapsed() < DEADLINE / 4, "{:?}", begun.elapsed());
    let health = server.health();
    assert_eq!(health.events, 100);
    assert!(health.forward_given_up > 0, "{health:?}");
}
