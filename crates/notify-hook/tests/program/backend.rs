//! A receiver of traces that takes them, or does one of the things that receivers do when they do not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flate2::read::GzDecoder;
use otlp_model::SpanId;
use otlp_model::decode::from_protobuf;

use crate::home::until;

/// What a receiver does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Take,
    /// Answers with this status and these header lines.
    Answer(u16, &'static str),
    /// Finds a request with more spans than this too large.
    Limit(usize),
    /// Says nothing until the client gives up.
    Hang,
    /// Takes the request, and says so when it is to do something else.
    TakeAndWait,
    /// Does that with the first request, and takes the others.
    TakeAndWaitOnce,
    /// Takes the request, and ends the connection before it has said so.
    TakeAndBreakOff,
}

pub(crate) struct Backend {
    address: SocketAddr,
    inner: Arc<Inner>,
    accepting: Option<JoinHandle<()>>,
}

struct Inner {
    stopping: AtomicBool,
    book: Mutex<Book>,
}

struct Book {
    does: Does,
    requests: usize,
    /// The `authorization` header of the last request.
    authorization: Option<String>,
    /// How often each span was taken.
    spans: BTreeMap<SpanId, usize>,
    /// The names of the root spans that were taken, each time.
    turns: Vec<String>,
    /// The bodies of the requests with metrics, and the status that they are answered with.
    metrics: Vec<Vec<u8>>,
    metrics_status: u16,
}

impl Backend {
    pub(crate) fn that(does: Does) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), does)
    }

    /// Listens at this address, at which another one may just have listened.
    pub(crate) fn at(address: SocketAddr, does: Does) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let (authorization, spans, turns) = (None, BTreeMap::new(), Vec::new());
        let (metrics, metrics_status) = (Vec::new(), 200);
        let book = Book { does, requests: 0, authorization, spans, turns, metrics, metrics_status };
        let book = Mutex::new(book);
        let inner = Arc::new(Inner { stopping: AtomicBool::new(false), book });
        let address = listener.local_addr().unwrap();
        let accepting = thread::spawn({
            let inner = Arc::clone(&inner);
            move || accept(&listener, &inner)
        });
        Self { address, inner, accepting: Some(accepting) }
    }

    /// An address at which no program listens.
    pub(crate) fn nowhere() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it does from now on.
    pub(crate) fn now(&self, does: Does) {
        self.book().does = does;
    }

    pub(crate) fn requests(&self) -> usize {
        self.book().requests
    }

    pub(crate) fn authorization(&self) -> Option<String> {
        self.book().authorization.clone()
    }

    /// The names of the root spans that were taken, each time.
    pub(crate) fn turns(&self) -> Vec<String> {
        self.book().turns.clone()
    }

    /// The bodies of the requests with metrics.
    pub(crate) fn metrics(&self) -> Vec<Vec<u8>> {
        self.book().metrics.clone()
    }

    /// What requests with metrics are answered with from now on.
    pub(crate) fn answer_metrics_with(&self, status: u16) {
        self.book().metrics_status = status;
    }

    /// How many spans were taken, each counted once, and how many more than once.
    pub(crate) fn spans(&self) -> (usize, usize) {
        let spans = &self.book().spans;
        (spans.len(), spans.values().filter(|times| **times > 1).count())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.inner.book.lock().unwrap()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.inner.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, inner: &Arc<Inner>) {
    for stream in listener.incoming() {
        if inner.stopping.load(Ordering::SeqCst) {
            return;
        }
        let (stream, inner) = (stream.unwrap(), Arc::clone(inner));
        thread::spawn(move || while serve(&stream, &inner).is_some() {});
    }
}

/// Treats one request; none where the connection is over.
fn serve(stream: &TcpStream, inner: &Inner) -> Option<()> {
    let (line, headers, body) = read_request(stream)?;
    let mut plain = Vec::new();
    GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
    if line.starts_with("POST /v1/metrics ") {
        let status = {
            let mut book = inner.book.lock().unwrap();
            book.metrics.push(plain);
            book.metrics_status
        };
        return respond(stream, status, "");
    }
    let batch = from_protobuf(&plain).unwrap();
    let does = {
        let mut book = inner.book.lock().unwrap();
        book.requests += 1;
        book.authorization = headers.get("authorization").cloned();
        let does = match book.does {
            Does::Limit(spans) if batch.spans.len() > spans => Does::Answer(413, ""),
            Does::Limit(_) => Does::Take,
            Does::TakeAndWaitOnce if book.requests > 1 => Does::Take,
            does => does,
        };
        if !matches!(does, Does::Answer(..) | Does::Hang) {
            for span in &batch.spans {
                *book.spans.entry(span.span_id).or_default() += 1;
                if span.parent_id.is_none() {
                    book.turns.push(span.name.clone());
                }
            }
        }
        does
    };
    match does {
        Does::Take => respond(stream, 200, ""),
        Does::TakeAndWait | Does::TakeAndWaitOnce => {
            until(|| (inner.book.lock().unwrap().does != does).then_some(()))?;
            respond(stream, 200, "")
        }
        Does::Answer(status, headers) => respond(stream, status, headers),
        Does::Hang => {
            while !inner.stopping.load(Ordering::SeqCst) {
                stream.set_read_timeout(Some(Duration::from_millis(50))).ok()?;
                if matches!((&mut &*stream).read(&mut [0]), Ok(0)) {
                    break;
                }
            }
            None
        }
        Does::TakeAndBreakOff | Does::Limit(_) => {
            let _ = (&mut &*stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-le");
            None
        }
    }
}

fn read_request(stream: &TcpStream) -> Option<(String, BTreeMap<String, String>, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some((line, headers, body))
}

fn respond(stream: &TcpStream, status: u16, headers: &str) -> Option<()> {
    let body = "the answer";
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}");
    (&mut &*stream).write_all(answer.as_bytes()).ok()
}
