//! A small HTTP/1.1 server on 127.0.0.1 whose handlers own the connection.
//!
//! It exists because a story must be able to do what a well-behaved server library prevents: stream
//! events one by one, stop in the middle, answer garbage, or never answer. Each connection carries
//! one request; a body needs a `content-length`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Holds one received request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query as they were sent.
    pub path: String,
    /// Names in lower case, values as they were sent.
    pub headers: Vec<(String, String)>,
    /// The body as it was sent (still compressed, if it was).
    pub body: Vec<u8>,
}

impl Request {
    /// Returns the value of the header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Serves on a free port of 127.0.0.1 until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server that gives every request and its connection to `handle`, on a thread of its
    /// own. The connection is closed when `handle` returns.
    pub fn start<H>(handle: H) -> io::Result<Self>
    where
        H: Fn(Request, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    {
        Self::start_at(0, handle)
    }

    /// Starts a server that answers every request with 200 and keeps it.
    pub fn keeping() -> io::Result<(Self, Arc<Mutex<Vec<Request>>>)> {
        let received: Arc<Mutex<Vec<Request>>> = Arc::default();
        let kept = Arc::clone(&received);
        let server = Self::start(move |request, stream| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            respond(stream, 200, &[], b"")
        })?;
        Ok((server, received))
    }

    /// Starts a server at this port, where one may have been before.
    pub fn start_at<H>(port: u16, handle: H) -> io::Result<Self>
    where
        H: Fn(Request, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    {
        Self::accept(port, move |stream| {
            // A client that goes away in the middle is its own business, hence no error is kept.
            match read_request(&*stream) {
                Ok(Some(request)) => handle(request, stream),
                Ok(None) => Ok(()),
                Err(error) => {
                    respond(stream, 400, &[], format!("bad request: {error}\n").as_bytes())
                }
            }
        })
    }

    /// Starts a server at this port that gives every connection to `handle` before anything is read
    /// from it.
    pub fn accept<H>(port: u16, handle: H) -> io::Result<Self>
    where
        H: Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let acceptor = thread::spawn({
            let stopped = Arc::clone(&stopped);
            move || accept(&listener, &stopped, &Arc::new(handle))
        });
        Ok(Self { address, stopped, acceptor: Some(acceptor) })
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // A connection wakes the acceptor out of `accept`; if none can be made, it has ended.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Writes a whole response with a body of known length.
pub fn respond(
    stream: &mut impl Write,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<()> {
    begin(stream, status, headers)?;
    write!(stream, "content-length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)
}

/// Writes the head of a response whose body ends when the connection is closed.
pub fn begin_stream(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(String, String)],
) -> io::Result<()> {
    begin(stream, status, headers)?;
    stream.write_all(b"\r\n")
}

/// Says nothing until the client gives up and closes the connection.
pub fn hang(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}

fn accept<H>(listener: &TcpListener, stopped: &AtomicBool, handle: &Arc<H>)
where
    H: Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
{
    for stream in listener.incoming() {
        if stopped.load(Ordering::Acquire) {
            return;
        }
        let Ok(mut stream) = stream else { continue };
        let handle = Arc::clone(handle);
        thread::spawn(move || handle(&mut stream));
    }
}

fn begin(stream: &mut impl Write, status: u16, headers: &[(String, String)]) -> io::Result<()> {
    write!(stream, "HTTP/1.1 {status} Scripted\r\nconnection: close\r\n")?;
    headers.iter().try_for_each(|(name, value)| write!(stream, "{name}: {value}\r\n"))
}

/// Reads one request; a connection that is closed without a byte is none.
pub fn read_request(stream: impl Read) -> io::Result<Option<Request>> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::Error::other("no request line"));
    };
    let headers = read_headers(&mut reader)?;
    let mut request =
        Request { method: method.to_owned(), path: path.to_owned(), headers, body: Vec::new() };
    if request.header("transfer-encoding").is_some() {
        return Err(io::Error::other("a body needs a content-length"));
    }
    let length = request.header("content-length").unwrap_or("0").parse();
    let length: usize = length.map_err(io::Error::other)?;
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body)?;
    Ok(Some(request))
}

fn read_headers(reader: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) =
            line.split_once(':').ok_or_else(|| io::Error::other("a header without a colon"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}
