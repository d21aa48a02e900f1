//! Bodies are passed on as they came, and no request waits for that.

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

/// A receiver that answers each request with this status, 0 being none at all, and its address.
pub(crate) fn receiver(status: u16) -> (SocketAddr, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap(), receiver_at(listener, vec![status]))
}

/// A receiver that answers with one status after the other, and then with the last of them.
fn receiver_at(listener: TcpListener, statuses: Vec<u16>) -> Receiver<Request> {
    let (sender, requests) = channel();
    let last = statuses.last().copied().into_iter().cycle();
    let mut statuses = statuses.into_iter().chain(last);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            while let Some(request) = read(&mut stream) {
                let status = statuses.next().unwrap();
                if sender.send(request).is_err() {
                    return;
                }
                if status == 0 {
                    break;
                }
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    requests
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
            protocol: codex_config::ForwardProtocol::Http,
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
fn a_receiver_that_refuses_or_breaks_off_is_counted_and_costs_nothing() {
    for (address, requests) in [receiver(500), receiver(0)] {
        let server = forwarding_to(address);
        for number in 0..3 {
            server.post(&export("a", [number]));
        }
        let health =
            wait_for(|| Some(server.health()).filter(|health| health.forward_given_up == 3));
        assert_eq!((health.forwarded, health.events), (0, 3));
        assert_eq!(requests.try_iter().count(), 3, "each was sent once");
        let log = fs::read_to_string(&server.paths.log).unwrap();
        assert_eq!(log.matches("events are not passed on: ").count(), 1, "{log}");
        assert!(!log.contains("hunter2"), "{log}");
    }
}

#[test]
fn bodies_wait_for_a_receiver_that_is_away_or_busy_and_arrive_once() {
    // Its port is free again.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = forwarding_to(address);
    let bodies: Vec<String> = (0..3).map(|number| export("a", [number]).to_string()).collect();
    for body in &bodies {
        server.send("POST /v1/logs", JSON, body.as_bytes());
    }
    let says = |what: &str| {
        let log = fs::read_to_string(&server.paths.log).ok()?;
        log.contains(&format!("events wait to be passed on: {what}")).then_some(())
    };
    wait_for(|| says("io: "));
    let listener = TcpListener::bind(address).unwrap();
    let requests = receiver_at(listener, vec![503, 429, 200]);
    wait_for(|| (server.health().forwarded == 3).then_some(()));
    assert_eq!(server.health().forward_given_up, 0);
    let got: Vec<Vec<u8>> = requests.try_iter().map(|request| request.body).collect();
    let expected = [0, 0, 0, 1, 2].map(|place: usize| bodies[place].as_bytes().to_vec());
    assert!(got == expected, "{}", got.len());
}

#[test]
fn requests_do_not_wait_for_a_receiver_that_hangs() {
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
