//! Servers that do not do what they should: a backend that refuses or hangs, a stranger on a port.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::http::{self, Server};

/// Treats every request the same bad way, and counts them.
#[derive(Debug)]
pub struct BadServer {
    server: Server,
    requests: Arc<AtomicUsize>,
}

/// What a [`BadServer`] does.
#[derive(Debug, Clone, Copy)]
pub enum Behaviour {
    /// Answers with this HTTP status and a line of text.
    Status(u16),
    /// Takes the request and never answers.
    Hang,
    /// Answers with something that is not HTTP.
    Garbage,
}

impl BadServer {
    /// Starts a server that behaves like this.
    pub fn start(behaviour: Behaviour) -> io::Result<Self> {
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let server = Server::start(move |_request, stream| {
            counted.fetch_add(1, Ordering::Relaxed);
            match behaviour {
                Behaviour::Status(status) => http::respond(stream, status, &[], b"not today\n"),
                Behaviour::Hang => http::hang(stream),
                Behaviour::Garbage => stream.write_all(b"\x00\x01 220 not http at all\r\n\r\n"),
            }
        })?;
        Ok(Self { server, requests })
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns the port it listens on.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns how many requests it got.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}
