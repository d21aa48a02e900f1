//! A trace receiver as strict as the strictest real one, that can also misbehave on request.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

/// How long the server waits for a client to give up; a client that does not fails its test.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the server does with a request that it has read.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Judges the request as Phoenix does and answers 200 to a good one.
    Judge,
    /// What [`answer`] says.
    Answer(u16, String, String),
    /// Says nothing while the client waits.
    Hang,
    /// Sends the header section one byte at a time and never ends it.
    Trickle,
    /// Ends the connection in the middle of the header section.
    CloseHalfway,
    /// Promises a long body with this status and ends the connection after its beginning.
    CloseInBody(u16),
    /// Answers with something that is not HTTP.
    Garbage,
}

/// Answers with this status, these header lines and this body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Behaviour {
    Behaviour::Answer(status, headers.to_owned(), body.to_owned())
}

/// A request as it arrived.
#[derive(Clone)]
pub(crate) struct Received {
    /// Request line.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    /// Body as sent.
    pub(crate) body: Vec<u8>,
    /// Status of the answer if the request is judged: 200, or what is wrong with it.
    pub(crate) verdict: u16,
    /// The decoded body; empty where it cannot be decoded.
    pub(crate) traces: ExportTraceServiceRequest,
}

impl Received {
    /// The value of a header; none where it is missing or there twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// The names of the spans in the body.
    pub(crate) fn span_names(&self) -> Vec<&str> {
        let resources = self.traces.resource_spans.iter();
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans).map(|span| span.name.as_str()).collect()
    }
}

pub(crate) struct FakeServer {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FakeServer {
    /// A server that behaves as listed, request by request, and judges all later ones. A client that
    /// keeps its connection holds up no other.
    pub(crate) fn start(behaviours: impl Into<VecDeque<Behaviour>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (log, stop) = (received.clone(), stopping.clone());
        let behaviours = Arc::new(Mutex::new(behaviours.into()));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (log, behaviours) = (log.clone(), behaviours.clone());
                thread::spawn(move || serve(stream.unwrap(), &log, &behaviours));
            }
        });
        Self { address, received, stopping, thread: Some(thread) }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Received>>,
    behaviours: &Mutex<VecDeque<Behaviour>>,
) {
    while let Some(request) = read_request(&stream) {
        log.lock().unwrap().push(request.clone());
        let behaviour = behaviours.lock().unwrap().pop_front().unwrap_or(Behaviour::Judge);
        if !behave(&mut stream, &request, behaviour) {
            break;
        }
    }
}

/// Reads one request; none where the client ended the connection or was silent for too long.
fn read_request(stream: &TcpStream) -> Option<Received> {
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) => {
                headers.push((name.to_ascii_lowercase(), value.to_owned()));
            }
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim_end().to_owned();
    let traces = ExportTraceServiceRequest::default();
    let mut request = Received { line, headers, body, verdict: 0, traces };
    request.verdict = judge(&mut request);
    Some(request)
}

/// The status Phoenix gives to a request; the decoded body is left in it.
fn judge(request: &mut Received) -> u16 {
    if request.line != "POST /v1/traces HTTP/1.1" {
        return 405;
    }
    if request.header("content-type") != Some("application/x-protobuf")
        || request.header("content-encoding") != Some("gzip")
    {
        return 415;
    }
    let mut plain = Vec::new();
    if GzDecoder::new(&request.body[..]).read_to_end(&mut plain).is_err() {
        return 500;
    }
    let Ok(traces) = ExportTraceServiceRequest::decode(&plain[..]) else { return 422 };
    request.traces = traces;
    200
}

/// Answers; false where the connection is to end.
fn behave(stream: &mut TcpStream, request: &Received, behaviour: Behaviour) -> bool {
    match behaviour {
        Behaviour::Judge => respond(stream, request.verdict, "", ""),
        Behaviour::Answer(status, headers, body) => respond(stream, status, &headers, &body),
        Behaviour::Hang => {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let _ = stream.read(&mut [0]);
            false
        }
        Behaviour::Trickle => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx-slow: ");
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline && stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(10));
            }
            false
        }
        Behaviour::CloseHalfway => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le");
            false
        }
        Behaviour::CloseInBody(status) => {
            let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: 9999\r\n\r\nthe begin");
            let _ = stream.write_all(head.as_bytes());
            false
        }
        Behaviour::Garbage => {
            let _ = stream.write_all(b"220 mail.example.com ESMTP ready\r\n\r\n");
            false
        }
    }
}

fn respond(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> bool {
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).is_ok()
}
