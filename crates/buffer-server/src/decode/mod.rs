//! Request bodies to events: OTLP logs as JSON or protobuf, plain or gzipped.
//!
//! A body that is no OTLP at all is refused with a reason. Within a body, what cannot be
//! understood costs itself only and is counted.

mod json;
mod protobuf;

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;
use prost::bytes::Bytes;
use serde_json::value::RawValue;

use crate::event::{Attributes, Event, Record, Verdict, judge};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `application/json`.
    Json,
    /// `application/x-protobuf`.
    Protobuf,
}

/// What a body is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Export {
    /// Log records.
    Logs(Logs),
    /// Spans, which old versions of Codex send to the logs address.
    Spans,
}

/// The events of a body, and what became of the other records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Logs {
    /// The records to keep.
    pub(crate) events: Vec<Event>,
    /// Records that say nothing.
    pub(crate) skipped: u64,
    /// Records that name no thread.
    pub(crate) unthreaded: u64,
    /// Records that cannot be understood.
    pub(crate) malformed: u64,
}

/// Says why a body is not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    /// It is not JSON.
    #[error("the body is not JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// It is JSON about something else.
    #[error("the body has neither `resourceLogs` nor `resourceSpans`")]
    NotAnExport,
    /// It is neither an export of logs nor of spans.
    #[error("the body is not an OTLP export: {0}")]
    Protobuf(#[source] prost::DecodeError),
    /// It does not unpack.
    #[error("the body is not gzip: {0}")]
    Gzip(#[source] io::Error),
    /// It unpacks to too much.
    #[error("the body unpacks to more than {limit} bytes")]
    TooLarge {
        /// The bound, in bytes.
        limit: u64,
    },
}

/// Decodes a body; `received_ns` is the time of records that have none.
pub(crate) fn decode(
    body: Bytes,
    encoding: Encoding,
    received_ns: u64,
) -> Result<Export, DecodeError> {
    match encoding {
        Encoding::Json => json::decode(&body, received_ns),
        Encoding::Protobuf => protobuf::decode(body, received_ns),
    }
}

/// Unpacks a gzipped body to at most `limit` bytes.
pub(crate) fn gunzip(body: &[u8], limit: u64) -> Result<Vec<u8>, DecodeError> {
    let mut plain = Vec::new();
    let mut reader = MultiGzDecoder::new(body).take(limit.saturating_add(1));
    reader.read_to_end(&mut plain).map_err(DecodeError::Gzip)?;
    if u64::try_from(plain.len()).is_ok_and(|length| length <= limit) {
        Ok(plain)
    } else {
        Err(DecodeError::TooLarge { limit })
    }
}

impl Logs {
    /// Log records seen.
    pub(crate) fn received(&self) -> u64 {
        self.events.len() as u64 + self.skipped + self.unthreaded + self.malformed
    }

    fn add(&mut self, record: &Record<'_>, sender: &RawValue, received_ns: u64) {
        match judge(record, sender, received_ns) {
            Verdict::Keep(event) => self.events.push(event),
            Verdict::Skip => self.skipped += 1,
            Verdict::Unthreaded => self.unthreaded += 1,
        }
    }
}

/// How long the attributes of a sender may be, as JSON: Codex's have 400 bytes. Each event carries a
/// copy of them, so that a longer one could make a small body fill the memory.
const LONGEST_RESOURCE: usize = 16 * 1024;

/// The attributes of a sender as JSON; none where there are too many.
fn sender(attributes: &Attributes<'_>) -> Box<RawValue> {
    let json = serde_json::value::to_raw_value(attributes).ok();
    json.filter(|json| json.get().len() <= LONGEST_RESOURCE)
        // Readers expect an object.
        .or_else(|| serde_json::value::to_raw_value(&Attributes::default()).ok())
        .unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod robustness;
