//! What several examples need beside the libraries: a turn to send, and a backend to send it to.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use otlp_model::turn::{Agent, LlmCall, Outcome, Step, ToolCall, Usage};
use otlp_model::{Turn, UnixNanos};

/// A short turn of an agent named `example`: a model call that asks for a command, which fails.
pub fn turn() -> Turn {
    let at = |millis: u64| UnixNanos::from_millis(1_796_000_000_000 + millis);
    let tool = ToolCall {
        call_id: "call-1".to_owned(),
        name: "shell".to_owned(),
        start: at(1_500),
        end: at(1_700),
        arguments: Some(r#"{"command":"make"}"#.to_owned()),
        outcome: Outcome::Failed("exit code 2".to_owned()),
        ..ToolCall::default()
    };
    let call = LlmCall {
        start: at(0),
        end: at(1_500),
        model: Some("gpt-5.4".to_owned()),
        usage: Some(Usage { input: 1_200, output: 80, ..Usage::default() }),
        outcome: Outcome::Ok,
        tools: vec![tool],
        ..LlmCall::default()
    };
    Turn {
        agent: Agent { llm_system: Some("openai".into()), ..Agent::named("example") },
        session_id: "session-1".to_owned(),
        thread_id: "session-1".to_owned(),
        key: "1".to_owned(),
        start: at(0),
        end: at(2_000),
        prompt: Some("Build it.".to_owned()),
        answer: Some("It does not build.".to_owned()),
        outcome: Outcome::Ok,
        steps: vec![Step::Llm(call)],
        ..Turn::default()
    }
}

/// The time.
pub fn now() -> UnixNanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixNanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// A backend on this machine that accepts whatever is posted to it, and can be killed.
pub struct Backend {
    port: u16,
    paths: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Backend {
    /// Starts it on this port, or with 0 on a free one. A port that is taken is waited for.
    pub fn start(port: u16) -> io::Result<Self> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let listener = loop {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(20)),
                bound => break bound?,
            }
        };
        let port = listener.local_addr()?.port();
        let (paths, is_over) = <(Arc<Mutex<Vec<String>>>, Arc<AtomicBool>)>::default();
        let (seen, over) = (Arc::clone(&paths), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(SeqCst) {
                    break;
                }
                if let Ok(path) = answer(stream) {
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(path);
                }
            }
        });
        Ok(Self { port, paths, is_over, thread: Some(thread) })
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The paths of the requests that it accepted.
    pub fn paths(&self) -> Vec<String> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.is_over.store(true, SeqCst);
        // Wakes the thread, which then lets the port go.
        let _ = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Reads a request and accepts it; its path.
fn answer(stream: TcpStream) -> io::Result<String> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    let reply = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    (&stream).write_all(reply.as_bytes())?;
    Ok(first.split(' ').nth(1).unwrap_or_default().to_owned())
}
