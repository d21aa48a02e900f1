//! A target that takes spans over OTLP as JSON, misbehaves on demand, and counts what it has.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::http::{self, Server};
use crate::port::free_port;

/// What a target does with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes it.
    Accepts,
    /// Takes it after a while.
    Dawdles(Duration),
    /// Takes it if its body has at most so many bytes; answers 413 otherwise.
    TakesAtMost(usize),
    /// Answers with this status, and takes nothing.
    Answers(u16),
    /// Says nothing until the sender gives up.
    Hangs,
    /// Takes it, and says nothing until the sender gives up.
    TakesAndHangs,
    /// Closes the connection in the middle of the batch.
    ClosesInTheMiddle,
    /// Takes it, and closes the connection without an answer.
    ClosesUnanswered,
    /// Is not there: connections are refused.
    IsGone,
}

/// A receiver of OTLP on a port of its own.
#[derive(Debug)]
pub struct OtlpTarget {
    port: u16,
    server: Mutex<Option<Server>>,
    taken: Arc<Taken>,
}

/// A span as far as it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenSpan {
    /// Its trace.
    pub trace_id: String,
    /// The span above it; empty for a root.
    pub parent_id: String,
    /// Its name.
    pub name: String,
    /// The turn, on a root.
    pub turn_id: Option<String>,
    /// How often it arrived.
    pub times: usize,
    /// The number of the request in which it arrived first.
    pub request: usize,
    /// All that it said when it arrived first.
    pub said: Value,
    /// Whether it said anything else when it arrived again.
    pub differs: bool,
}

#[derive(Debug, Default)]
struct Taken {
    behaviour: Mutex<Option<Behaviour>>,
    /// By trace and span.
    spans: Mutex<BTreeMap<(String, String), TakenSpan>>,
    requests: Mutex<usize>,
}

impl OtlpTarget {
    /// Starts a target that takes what it is sent.
    pub fn start() -> io::Result<Self> {
        let taken = Arc::new(Taken::default());
        let server = serve(free_port()?, &taken)?;
        Ok(Self { port: server.port(), server: Mutex::new(Some(server)), taken })
    }

    /// Returns its base URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Lets it behave like this from now on.
    pub fn behave(&self, behaviour: Behaviour) -> io::Result<()> {
        *lock(&self.taken.behaviour) = Some(behaviour);
        let mut server = lock(&self.server);
        if behaviour == Behaviour::IsGone {
            *server = None;
        } else if server.is_none() {
            *server = Some(serve(self.port, &self.taken)?);
        }
        Ok(())
    }

    /// Returns the spans that it took.
    pub fn spans(&self) -> Vec<TakenSpan> {
        lock(&self.taken.spans).values().cloned().collect()
    }

    /// Returns how many requests it got, whatever became of them.
    pub fn requests(&self) -> usize {
        *lock(&self.taken.requests)
    }
}

fn serve(port: u16, taken: &Arc<Taken>) -> io::Result<Server> {
    let taken = Arc::clone(taken);
    Server::accept(port, move |stream| take(&taken, stream))
}

fn take(taken: &Taken, stream: &mut TcpStream) -> io::Result<()> {
    let behaviour = lock(&taken.behaviour).unwrap_or(Behaviour::Accepts);
    *lock(&taken.requests) += 1;
    if behaviour == Behaviour::ClosesInTheMiddle {
        // Less than any batch has.
        return stream.read_exact(&mut [0; 512]);
    }
    let Some(request) = http::read_request(&*stream)? else { return Ok(()) };
    match behaviour {
        Behaviour::Accepts => {}
        Behaviour::Dawdles(time) => thread::sleep(time),
        Behaviour::TakesAtMost(bytes) if request.body.len() > bytes => {
            return http::respond(stream, 413, &[], b"too large");
        }
        Behaviour::TakesAtMost(_) => {}
        Behaviour::Answers(status) => return http::respond(stream, status, &[], b"scripted"),
        Behaviour::Hangs => return http::hang(stream),
        Behaviour::TakesAndHangs => {
            taken.count(&request.body)?;
            return http::hang(stream);
        }
        Behaviour::ClosesUnanswered => return taken.count(&request.body),
        Behaviour::ClosesInTheMiddle | Behaviour::IsGone => return Ok(()),
    }
    taken.count(&request.body)?;
    let json = [("content-type".to_owned(), "application/json".to_owned())];
    http::respond(stream, 200, &json, b"{}")
}

impl Taken {
    fn count(&self, body: &[u8]) -> io::Result<()> {
        let batch: Value = serde_json::from_slice(body)?;
        let request = *lock(&self.requests);
        let mut spans = lock(&self.spans);
        for span in children(&batch, "resourceSpans")
            .flat_map(|resource| children(resource, "scopeSpans"))
            .flat_map(|scope| children(scope, "spans"))
        {
            let text = |key: &str| span[key].as_str().unwrap_or_default().to_owned();
            let turn_id = children(span, "attributes")
                .find(|attribute| attribute["key"] == "codex.turn_id")
                .and_then(|attribute| attribute["value"]["stringValue"].as_str())
                .map(str::to_owned);
            let known = spans.entry((text("traceId"), text("spanId"))).or_insert(TakenSpan {
                trace_id: text("traceId"),
                parent_id: text("parentSpanId"),
                name: text("name"),
                turn_id,
                times: 0,
                request,
                said: span.clone(),
                differs: false,
            });
            known.times += 1;
            known.differs |= known.said != *span;
        }
        Ok(())
    }
}

fn children<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
