//! What is about to be sent, on disk, so that a run that is killed is followed by one that sends the
//! same.
//!
//! A turn whose run was killed between sending it and remembering that is sent again. By then more of its
//! telemetry may have come: assembled anew, spans with the same ids would say something else. So what
//! was assembled is written down before it leaves, and removed when the thread's memory says that the turn
//! is sent.
//!
//! It is not synced: it outlives the process, and not a power cut, after which the turn is assembled
//! anew. What needs several requests, or a target did not take, is in an outbox, which outlives both.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use otlp_model::decode::from_protobuf;
use otlp_model::encode::{export_request, to_protobuf};
use serde::{Deserialize, Serialize};

use dispatch::SCOPE;
use dispatch::{Batches, TurnBatches};

/// The first line of the file. The batches follow it, as OTLP protobuf.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    version: u32,
    /// What tells the turn from the others of its thread.
    turn: String,
    targets: Vec<Target>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Target {
    name: String,
    /// The size of its batch.
    bytes: usize,
}

const VERSION: u32 = 1;

/// Writes down what is about to be sent.
pub(crate) fn write(file: &Path, turn: &str, assembled: &TurnBatches) -> io::Result<()> {
    let mut header = Header { version: VERSION, turn: turn.to_owned(), targets: Vec::new() };
    let mut batches = Vec::new();
    for (name, batch) in assembled.batches() {
        let bytes = to_protobuf(&export_request(batch, &SCOPE));
        header.targets.push(Target { name: name.to_owned(), bytes: bytes.len() });
        batches.extend(bytes);
    }
    if header.targets.is_empty() {
        return Ok(());
    }
    let mut text = serde_json::to_vec(&header)?;
    text.push(b'\n');
    text.extend(batches);
    private_files::write(file, &text)
}

/// What was about to be sent of a turn; nothing where that is not known.
pub(crate) fn read(file: &Path, turn: &str) -> Batches {
    let parsed = || {
        let bytes = fs::read(file).ok()?;
        let (header, mut rest) = split(&bytes)?;
        let mut batches = Batches::new();
        for target in header.targets {
            let (batch, others) = rest.split_at_checked(target.bytes)?;
            batches.insert(target.name, from_protobuf(batch).ok()?);
            rest = others;
        }
        (header.turn == turn).then_some(batches)
    };
    parsed().unwrap_or_default()
}

/// Removes it if its turn is sent.
pub(crate) fn remove(file: &Path, is_sent: impl Fn(&str) -> bool) {
    // There is none, mostly.
    let Ok(mut opened) = File::open(file).map(BufReader::new) else { return };
    let mut line = Vec::new();
    let header = opened.read_until(b'\n', &mut line).ok().and_then(|_| split(&line));
    if header.is_none_or(|(header, _)| is_sent(&header.turn)) {
        let _ = fs::remove_file(file);
    }
}

fn split(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let header: Header = serde_json::from_slice(&bytes[..end]).ok()?;
    (header.version == VERSION).then_some((header, &bytes[end + 1..]))
}
