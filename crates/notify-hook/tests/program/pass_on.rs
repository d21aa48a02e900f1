//! The run that passes bodies on for the buffer service, to a receiver that wants TLS, a private
//! authority and a client certificate: that of the tests of `exporters`.

#[path = "../../../exporters/tests/tls/server.rs"]
pub(crate) mod server_side;

use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use buffer_api::passing_on::{Parcel, Receipt};
use rustls::{ServerConnection, StreamOwned};

use self::server_side::file;
use crate::backend::Backend;
use crate::home::{Home, until};

/// A receiver that answers with one status after the other, the last one for ever; its address, and
/// the requests: head and body.
fn receiver(statuses: &'static [u16]) -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/v1/logs", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    thread::spawn(move || {
        let mut statuses =
            statuses.iter().copied().chain(statuses.last().copied().into_iter().cycle());
        for stream in listener.incoming() {
            serve(stream.unwrap(), &mut statuses, &sender);
        }
    });
    (url, requests)
}

fn serve(
    stream: TcpStream,
    statuses: &mut impl Iterator<Item = u16>,
    sender: &Sender<(String, Vec<u8>)>,
) {
    let connection = ServerConnection::new(server_side::config()).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if !matches!(stream.read(&mut byte), Ok(1)) {
                return;
            }
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
        let _ = sender.send((head, body));
        let status = statuses.next().unwrap();
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

/// A run of the hook, at whose other ends we are.
struct Run {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Run {
    fn start(home: &Home) -> Self {
        let mut command = home.command();
        command.arg("--pass-on").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.env("X_KEY", "hunter2-hunter2").spawn().unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, input, output }
    }

    fn pass_on(&mut self, body: &[u8]) -> Option<String> {
        self.receipt(body).given_up
    }

    fn receipt(&mut self, body: &[u8]) -> Receipt {
        let parcel = Parcel {
            content_type: Some("application/x-protobuf".to_owned()),
            content_encoding: Some("gzip".to_owned()),
            bytes: body.len() as u64,
        };
        parcel.write(body, self.input.as_mut().unwrap()).unwrap();
        Receipt::read(&mut self.output).unwrap().expect("a receipt")
    }

    /// It ends well when its input does.
    fn end(mut self) {
        self.input = None;
        let status = until(|| self.process.try_wait().unwrap()).expect("an end");
        assert!(status.success(), "{status}");
    }
}

fn home(url: &str, files: &[(&str, &str)]) -> Home {
    let home = Home::new();
    let mut text = format!(
        "harnesses:\n  codex:\n    collector:\n      forward:\n        endpoint: {url}\n        \
         headers: {{x-key: '${{X_KEY}}'}}\n"
    );
    for (key, name) in files {
        text.push_str(&format!("        {key}: {}\n", file(name).display()));
    }
    home.configure(&text);
    home
}

const FILES: &[(&str, &str)] =
    &[("ca_file", "ca.pem"), ("client_certificate", "client.pem"), ("client_key", "client.key")];

#[test]
fn bodies_arrive_over_tls_as_they_came() {
    let (url, requests) = receiver(&[200]);
    let home = home(&url, FILES);
    let mut run = Run::start(&home);
    let large = vec![7; 3_000_000];
    for body in [&b"one\n\0"[..], &large, b""] {
        assert_eq!(run.pass_on(body), None);
        let (head, received) = requests.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(head.starts_with("post /v1/logs http/1.1\r\n"), "{head}");
        let lines = [
            "content-type: application/x-protobuf",
            "content-encoding: gzip",
            "x-key: hunter2-hunter2",
        ];
        for line in lines {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
        }
        assert!(received == body);
    }
    run.end();
}

#[test]
fn a_receiver_that_is_busy_or_away_may_be_asked_again_and_one_that_refuses_may_not() {
    let (url, requests) = receiver(&[503, 502, 401]);
    let home = home(&url, FILES);
    let mut run = Run::start(&home);
    for (status, may_pass) in [("503", true), ("502", false), ("401", false)] {
        let receipt = run.receipt(b"a");
        let refusal = receipt.given_up.unwrap();
        assert!(refusal.contains(status) && !refusal.contains("hunter2"), "{refusal}");
        assert_eq!(receipt.may_pass, may_pass, "{refusal}");
    }
    run.end();
    assert_eq!(requests.try_iter().count(), 3);
    let away = self::home(&format!("https://{}", Backend::nowhere()), FILES);
    let mut run = Run::start(&away);
    assert!(run.receipt(b"a").may_pass);
    run.end();
}

#[test]
fn a_receiver_may_speak_grpc() {
    let home = Home::new();
    let nowhere = Backend::nowhere();
    home.configure(&format!(
        "harnesses:\n  codex:\n    collector:\n      forward:\n        endpoint: http://{nowhere}\n        \
         protocol: grpc\n"
    ));
    let mut run = Run::start(&home);
    let refusal = run.pass_on(b"no gzip").unwrap();
    assert!(refusal.starts_with("events cannot be sent over gRPC"), "{refusal}");
    let receipt = run.receipt(&gzip(b""));
    assert!(receipt.may_pass && receipt.given_up.unwrap().contains("cannot connect"));
    run.end();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_cannot_work_is_said_for_each_body() {
    let (url, requests) = receiver(&[200]);
    let foreign = home(&url, &FILES[1..]);
    let missing = home(&url, &[("ca_file", "missing.pem")]);
    let nowhere = Home::new();
    for (home, reason) in
        [(&foreign, "certificate"), (&missing, "missing.pem"), (&nowhere, "name no receiver")]
    {
        let mut run = Run::start(home);
        for _ in 0..2 {
            let refusal = run.pass_on(b"a").unwrap();
            assert!(refusal.contains(reason) && !refusal.contains("hunter2"), "{refusal}");
        }
        run.end();
    }
    assert!(requests.try_iter().next().is_none());
}
