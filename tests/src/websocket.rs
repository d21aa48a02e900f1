//! The Responses API over a WebSocket: each request is a message, and each event of its answer.

use std::io::{self, Write};
use std::net::TcpStream;

use serde_json::Value;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

use crate::http::Request;

/// Accepts the upgrade and answers requests until the client goes, or `answer` has no more.
pub fn serve(
    request: &Request,
    stream: &mut TcpStream,
    mut answer: impl FnMut(Value) -> Option<Vec<Value>>,
) -> io::Result<()> {
    let key = request.header("sec-websocket-key").unwrap_or_default();
    let accept = derive_accept_key(key.as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Scripted\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    )?;
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let Some(events) = answer(serde_json::from_str(&text)?) else {
                    return socket.close(None).map_err(io::Error::other);
                };
                for event in events {
                    socket.send(Message::text(event.to_string())).map_err(io::Error::other)?;
                }
            }
            Ok(_) => {}
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Ok(()),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}
