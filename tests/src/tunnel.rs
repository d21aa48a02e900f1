//! A proxy between this machine and the rest of the world, where every server is one on this machine.

use std::io::{self, Write, copy};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::http::{self, Server};

/// Makes tunnels (`CONNECT`) that all end at one port, and nothing else.
#[derive(Debug)]
pub struct Tunnel {
    server: Server,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Tunnel {
    /// Starts a proxy whose tunnels end at this port of 127.0.0.1.
    pub fn to(port: u16) -> io::Result<Self> {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let server = Server::start(move |request, stream| {
            let line = format!("{} {}", request.method, request.path);
            let is_tunnel = request.method == "CONNECT";
            log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            if is_tunnel { join(stream, port) } else { http::respond(stream, 501, &[], b"") }
        })?;
        Ok(Self { server, asked })
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns what it was asked for: method and place of each request.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn join(client: &mut TcpStream, port: u16) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let there = thread::spawn(move || {
        let _ = copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let _ = copy(&mut server, client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = there.join();
    Ok(())
}
