//! A proxy that makes tunnels, all of them to one server on this machine.

use std::io::{BufRead, BufReader, Write, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

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
}

impl FakeProxy {
    /// A proxy whose tunnels all end at this port.
    pub(crate) fn to(port: u16) -> Self {
        Self::start(Some(port))
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
        Self { address, asked, stopping, thread: Some(thread) }
    }

    /// Its address, with a user in it.
    pub(crate) fn url(&self) -> String {
        format!("http://ada:very-secret@{}", self.address)
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
