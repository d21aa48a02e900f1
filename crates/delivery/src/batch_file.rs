//! The form of a batch on disk: a line of JSON about it, then the batch as OTLP protobuf.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;
use std::time::SystemTime;

use otlp_model::decode::{DecodeError, from_protobuf};
use otlp_model::encode::Scope;
use otlp_model::stream::{self, SpanReader, write_spans};
use otlp_model::{Attribute, Span, SpanBatch, UnixNanos};
use serde::{Deserialize, Serialize};

use super::EachSpan;

const VERSION: u32 = 1;

/// A queue does not know what made its spans; who sends them names the scope.
const SCOPE: Scope<'static> = Scope { name: "delivery", version: env!("CARGO_PKG_VERSION") };

/// The longest header that is read, in bytes.
const HEADER_BYTES: u64 = 64 * 1024;

/// What is known of a batch without decoding it. Unknown fields of later versions are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) version: u32,
    /// Its trace, in hexadecimal digits.
    pub(super) trace_id: String,
    /// Its first span, in hexadecimal digits.
    pub(super) span_id: String,
    /// When it was queued, in nanoseconds since the Unix epoch.
    pub(super) created: u64,
    pub(super) spans: usize,
    /// How often it was sent before it became a dead letter.
    #[serde(default)]
    pub(super) attempts: u32,
    /// The answer that made it a dead letter.
    #[serde(default)]
    pub(super) answer: Option<String>,
}

/// Why a file is no batch.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("the file does not begin with a line about its batch")]
    Header,
    #[error("a newer release wrote it (version {0})")]
    Newer(u32),
    #[error("its spans cannot be read: {0}")]
    Spans(#[from] DecodeError),
    #[error("its spans cannot be read: {0}")]
    Stream(stream::ReadError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<stream::ReadError> for ReadError {
    fn from(error: stream::ReadError) -> Self {
        match error {
            stream::ReadError::Io(error) => Self::Io(error),
            error => Self::Stream(error),
        }
    }
}

impl Header {
    /// The header of a batch that is queued now; none for a batch without spans.
    pub(super) fn of(batch: &SpanBatch, now: SystemTime) -> Option<Self> {
        Some(Self::new(batch.spans.first()?, batch.spans.len(), now))
    }

    /// The header of so many spans that begin with this one.
    pub(super) fn new(first: &Span, spans: usize, now: SystemTime) -> Self {
        Self {
            version: VERSION,
            trace_id: first.trace_id.to_string(),
            span_id: first.span_id.to_string(),
            created: UnixNanos::from(now).0,
            spans,
            attempts: 0,
            answer: None,
        }
    }
}

/// Writes a batch, one span after the other.
pub(super) fn write<'a>(
    file: &mut File,
    header: &Header,
    resource: &[Attribute],
    spans: impl IntoIterator<Item = io::Result<Cow<'a, Span>>>,
) -> io::Result<()> {
    let mut file = with_header(file, header)?;
    write_spans(&mut file, resource, &SCOPE, spans)?;
    file.flush()
}

/// The file with its first line.
fn with_header<'f>(file: &'f mut File, header: &Header) -> io::Result<BufWriter<&'f mut File>> {
    let mut file = BufWriter::new(file);
    serde_json::to_writer(&mut file, header)?;
    file.write_all(b"\n")?;
    Ok(file)
}

/// Writes a batch whose spans come one by one.
pub(super) fn write_each(
    file: &mut File,
    header: &Header,
    resource: &[Attribute],
    spans: EachSpan<'_>,
) -> io::Result<()> {
    let mut file = with_header(file, header)?;
    let mut result = Ok(());
    stream::write_each(&mut file, resource, &SCOPE, |write| {
        spans(&mut |span| {
            if result.is_ok() {
                result = write(&span);
            }
        });
        std::mem::replace(&mut result, Ok(()))
    })?;
    file.flush()
}

/// The spans of a batch that is in memory, to be written.
pub(super) fn spans_of(batch: &SpanBatch) -> impl Iterator<Item = io::Result<Cow<'_, Span>>> {
    batch.spans.iter().map(|span| Ok(Cow::Borrowed(span)))
}

/// Reads a small batch.
pub(super) fn decode(bytes: &[u8]) -> Result<(Header, SpanBatch), ReadError> {
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(ReadError::Header)?;
    let header = checked(&bytes[..end])?;
    Ok((header, from_protobuf(&bytes[end + 1..])?))
}

/// Opens a batch, whose spans are then read one after the other.
pub(super) fn open(path: &Path) -> Result<(Header, SpanReader<BufReader<File>>), ReadError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut file = BufReader::new(file);
    let header = checked(&first_line(&mut file)?)?;
    let left = length.checked_sub(file.stream_position()?).ok_or(ReadError::Header)?;
    Ok((header, SpanReader::new(file, left)?))
}

/// Reads the header alone; none where the file cannot be read, or begins with something else.
pub(super) fn read_header(path: &Path) -> Option<Header> {
    let mut file = BufReader::with_capacity(1024, File::open(path).ok()?);
    serde_json::from_slice(&first_line(&mut file).ok()?).ok()
}

fn first_line(file: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    file.take(HEADER_BYTES).read_until(b'\n', &mut line)?;
    Ok(line)
}

fn checked(line: &[u8]) -> Result<Header, ReadError> {
    let header: Header = serde_json::from_slice(line).map_err(|_| ReadError::Header)?;
    if header.version > VERSION { Err(ReadError::Newer(header.version)) } else { Ok(header) }
}
