//! The body of a request: its size, its compression and its encoding.

use std::io::{self, Read};

use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use flate2::bufread::MultiGzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

/// The largest body that is taken, also after it was unpacked.
pub(crate) const LIMIT: usize = 64 * 1024 * 1024;

/// How a request is written. Its answer is written the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Protobuf,
    Json,
}

/// Says why a body is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("send `application/x-protobuf` or `application/json`")]
    Type,
    #[error("send it with `gzip` or without compression")]
    Compression,
    #[error("the body is larger than {} MiB", LIMIT / 1024 / 1024)]
    Size,
    #[error("the body cannot be unpacked")]
    Gzip(#[source] io::Error),
    #[error("the body is no OTLP request for spans in protobuf")]
    Protobuf(#[from] prost::DecodeError),
    #[error("the body is no OTLP request for spans in JSON")]
    Json(#[source] serde_json::Error),
}

impl BodyError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Type | Self::Compression => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Size => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Gzip(_) | Self::Protobuf(_) | Self::Json(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl Encoding {
    /// By the `Content-Type` of a request.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, BodyError> {
        let value = header(headers, &CONTENT_TYPE);
        let name = value.split(';').next().unwrap_or_default().trim();
        match name.to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Ok(Self::Protobuf),
            "application/json" => Ok(Self::Json),
            _ => Err(BodyError::Type),
        }
    }

    /// The `Content-Type` of an answer.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Reads a body.
pub(crate) fn read(
    encoding: Encoding,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<ExportTraceServiceRequest, BodyError> {
    let unpacked;
    let plain = match header(headers, &CONTENT_ENCODING).to_ascii_lowercase().as_str() {
        "" | "identity" => body,
        "gzip" => {
            unpacked = unpack(body)?;
            &unpacked
        }
        _ => return Err(BodyError::Compression),
    };
    match encoding {
        Encoding::Protobuf => Ok(ExportTraceServiceRequest::decode(plain)?),
        Encoding::Json => serde_json::from_slice(plain).map_err(BodyError::Json),
    }
}

fn unpack(body: &[u8]) -> Result<Vec<u8>, BodyError> {
    let mut plain = Vec::new();
    let limit = LIMIT as u64 + 1;
    MultiGzDecoder::new(body).take(limit).read_to_end(&mut plain).map_err(BodyError::Gzip)?;
    if plain.len() > LIMIT { Err(BodyError::Size) } else { Ok(plain) }
}

fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
