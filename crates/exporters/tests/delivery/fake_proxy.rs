//! A proxy that makes tunnels, all of them to one server on this machine.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::{ServerConnection, Stream};

use crate::tls;

/// A request for a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The whole first line.
    pub(crate) line: String,
    /// The `proxy-authorization` header.
    pub(crate) authorization: Option<String>,
}

pub(crate) struct FakeProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    scheme: &'static str,
    /// Where it is spoken to over TLS.
    front: Option<SocketAddr>,
}

impl FakeProxy {
    /// A proxy whose tunnels all end at this port.
    pub(crate) fn to(port: u16) -> Self {
        Self::start(Some(port))
    }

    /// The same, spoken to over TLS.
    pub(crate) fn with_tls_to(port: u16) -> Self {
        let mut behind = Self::to(port);
        let front = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = front.local_addr().unwrap();
        let plain = behind.address;
        thread::spawn(move || {
            for stream in front.incoming() {
                thread::spawn(move || unwrap_tls(stream.unwrap(), plain));
            }
        });
        (behind.front, behind.scheme) = (Some(address), "https");
        behind
    }

    /// A proxy that wants to know more of those who ask.
    pub(crate) fn that_refuses() -> Self {
        Self::start(None)
    }

    fn start(port: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (log, stop) = (asked.clone(), stopping.clone());
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let log = log.clone();
                thread::spawn(move || tunnel(stream.unwrap(), port, &log));
            }
        });
        Self { address, asked, stopping, thread: Some(thread), scheme: "http", front: None }
    }

    /// Its address, with a user in it.
    pub(crate) fn url(&self) -> String {
        let address = self.front.unwrap_or(self.address);
        format!("{}://ada:very-%73ecret@{address}", self.scheme)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for FakeProxy {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn tunnel(mut client: TcpStream, port: Option<u16>, log: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(1..) if !line.trim().is_empty() => lines.push(line.trim().to_owned()),
            _ => break,
        }
    }
    let Some(line) = lines.first().cloned() else { return };
    let header = |line: &String| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| value.to_owned())
    };
    let authorization = lines.iter().find_map(header);
    log.lock().unwrap().push(Asked { line, authorization });
    let Some(server) = port.map(|port| TcpStream::connect(("127.0.0.1", port)).unwrap()) else {
        let _ = client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        return;
    };
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    let (mut from_server, mut to_server) = (server.try_clone().unwrap(), server);
    let mut to_client = client;
    let back = thread::spawn(move || {
        let _ = copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let _ = copy(&mut reader, &mut to_server);
    let _ = to_server.shutdown(Shutdown::Both);
    let _ = back.join();
}

/// Passes on what arrives over TLS, and what comes back. TLS cannot be split into two halves, so that
/// one thread does both in turns.
fn unwrap_tls(mut socket: TcpStream, plain: SocketAddr) {
    let mut connection = ServerConnection::new(tls::server_side_without_client_auth()).unwrap();
    let mut inner = TcpStream::connect(plain).unwrap();
    for stream in [&socket, &inner] {
        stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    }
    let mut stream = Stream::new(&mut connection, &mut socket);
    loop {
        let (sent, back) = (pass(&mut stream, &mut inner), pass(&mut inner, &mut stream));
        if !(sent && back) {
            return;
        }
    }
}

/// Passes on what is there; false at the end.
fn pass(from: &mut impl Read, to: &mut impl Write) -> bool {
    let mut bytes = [0; 16 * 1024];
    match from.read(&mut bytes) {
        Ok(0) => false,
        Ok(length) => to.write_all(&bytes[..length]).and_then(|()| to.flush()).is_ok(),
        Err(error) => matches!(
            error.kind(),
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
        ),
    }
}
