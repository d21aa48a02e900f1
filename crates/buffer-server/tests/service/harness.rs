//! A server on a free port with a home of its own.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use buffer_api::{BufferedEvent, Client, Endpoint, Health, Paths, process::PidRecord};
use buffer_server::{
    ServerConfig,
    config::{self, Limits, LogTarget, Writers},
    run_until,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// The longest that a test waits for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A running server, ended and checked when it is dropped.
pub(crate) struct Server {
    pub(crate) home: TempDir,
    pub(crate) paths: Paths,
    pub(crate) endpoint: Endpoint,
    pub(crate) token: String,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// An HTTP answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// Starts a server whose settings `change` changed.
    pub(crate) fn with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        let (endpoint, token) = (Endpoint { port: 0, ..Endpoint::default() }, String::new());
        let mut server = Self { home, paths, endpoint, token, end: None, thread: None };
        server.restart(change);
        server
    }

    /// Starts a server in the same home after the last one has ended.
    pub(crate) fn restart(&mut self, change: impl FnOnce(&mut ServerConfig)) {
        self.stop();
        let mut config = ServerConfig {
            endpoint: Endpoint { port: 0, ..Endpoint::default() },
            paths: self.paths.clone(),
            limits: Limits::default(),
            writers: Writers::Everyone,
            owner: config::owner(),
            program: None,
            wall_clock: SystemTime::now,
            log: LogTarget::File,
            sweep: None,
            forward: None,
        };
        change(&mut config);
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            run_until(&config, async { drop(ended.await) }).unwrap();
        });
        (self.end, self.thread) = (Some(end), Some(thread));
        self.endpoint = wait_for(|| PidRecord::read(&self.paths.pid_file)).endpoint();
        self.token = self.paths.read_token().unwrap().unwrap();
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.endpoint, Some(self.token.clone()))
    }

    pub(crate) fn health(&self) -> Health {
        let client = self.client();
        let health = client.health().unwrap();
        assert!(client.has_answered());
        health
    }

    /// What is buffered for a thread now.
    pub(crate) fn events(&self, thread: &str) -> Vec<BufferedEvent> {
        self.client().drain(thread, 0, Duration::ZERO).unwrap().events
    }

    /// Posts JSON, which has to be accepted.
    pub(crate) fn post(&self, body: &Value) {
        let answer = self.send("POST /v1/logs", JSON, body.to_string().as_bytes());
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }

    /// Gets something with the token, which has to be accepted.
    pub(crate) fn get(&self, path: &str) -> Value {
        let authorization = format!("authorization: Bearer {}", self.token);
        let answer = self.send(&format!("GET {path}"), &[&authorization], b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Sends a request with the right host.
    pub(crate) fn send(&self, request: &str, headers: &[&str], body: &[u8]) -> Answer {
        let host = format!("host: {}", self.endpoint);
        let headers: Vec<&str> = headers.iter().copied().chain([host.as_str()]).collect();
        self.send_raw(request, &headers, body)
    }

    /// Sends a request with exactly these headers and those that frame it.
    pub(crate) fn send_raw(&self, request: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect((self.endpoint.host, self.endpoint.port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut head = format!("{request} HTTP/1.1\r\nconnection: close\r\n");
        for header in headers {
            head.push_str(&format!("{header}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses need not read all of it.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// Ends the server and waits until it has.
    pub(crate) fn stop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server failed");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The header of a body in JSON.
pub(crate) const JSON: &[&str] = &["content-type: application/json"];

/// The header of a body in protobuf.
pub(crate) const PROTOBUF: &[&str] = &["content-type: application/x-protobuf"];

/// A captured body; see `tests/data`.
pub(crate) fn captured(case: &str) -> Vec<u8> {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    fs::read(data.join(case).join("logs.body")).unwrap()
}

/// An export of one event per number, all of one thread.
pub(crate) fn export(thread: &str, numbers: impl IntoIterator<Item = u64>) -> Value {
    let record = |number: u64| {
        json!({
            "timeUnixNano": number.to_string(),
            "attributes": [
                {"key": "event.name", "value": {"stringValue": "codex.test"}},
                {"key": "conversation.id", "value": {"stringValue": thread}},
                {"key": "number", "value": {"intValue": number.to_string()}},
            ],
        })
    };
    let records: Vec<Value> = numbers.into_iter().map(record).collect();
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
}

/// The numbers of events that were made by [`export`].
pub(crate) fn numbers(events: &[BufferedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.attributes["number"].as_u64().unwrap()).collect()
}

/// Waits until `look` finds something.
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for too long");
        std::thread::sleep(Duration::from_millis(2));
    }
}
