//! The form of a batch on disk: a line of JSON about it, then the batch as OTLP protobuf.

use std::time::SystemTime;

use otlp_model::SpanBatch;
use otlp_model::decode::{DecodeError, from_protobuf};
use otlp_model::encode::{export_request, to_protobuf};
use serde::{Deserialize, Serialize};

use crate::requests::SCOPE;

const VERSION: u32 = 1;

/// What is known of a batch without decoding it. Unknown fields of later versions are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) version: u32,
    /// Its trace, in hexadecimal digits.
    pub(super) trace_id: String,
    /// Its first span, in hexadecimal digits.
    pub(super) span_id: String,
    /// When it was put away, in nanoseconds since the Unix epoch.
    pub(super) created: u64,
    pub(super) spans: usize,
    /// How often the target was offered it before it was set aside.
    #[serde(default)]
    pub(super) attempts: u32,
    /// What the target said when it was set aside.
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
}

impl Header {
    /// The header of a batch that is put away now; none for a batch without spans.
    pub(super) fn of(batch: &SpanBatch, now: SystemTime) -> Option<Self> {
        let first = batch.spans.first()?;
        Some(Self {
            version: VERSION,
            trace_id: first.trace_id.to_string(),
            span_id: first.span_id.to_string(),
            created: nanos(now),
            spans: batch.spans.len(),
            attempts: 0,
            answer: None,
        })
    }
}

pub(super) fn encode(header: &Header, batch: &SpanBatch) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(header).unwrap_or_default();
    bytes.push(b'\n');
    bytes.extend(to_protobuf(&export_request(batch, &SCOPE)));
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Result<(Header, SpanBatch), ReadError> {
    let (header, spans) = split(bytes).ok_or(ReadError::Header)?;
    if header.version > VERSION {
        return Err(ReadError::Newer(header.version));
    }
    Ok((header, from_protobuf(spans)?))
}

/// The header alone; none where the file begins with something else.
pub(super) fn decode_header(bytes: &[u8]) -> Option<Header> {
    split(bytes).map(|(header, _)| header)
}

fn split(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((serde_json::from_slice(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

pub(super) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
