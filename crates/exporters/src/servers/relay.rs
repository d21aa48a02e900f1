//! Log requests that Codex made, for a receiver that takes them as they are: over HTTP each byte, over
//! gRPC the message.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;
use ureq::http::HeaderMap;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};

use crate::servers::endpoint::{exact_url, grpc_url};
use crate::servers::grpc::OtlpGrpc;
use crate::servers::headers::{Headers, header_value};
use crate::servers::http::HttpClient;
use crate::{ConfigError, Connection, ExportError, OtlpCompression};

/// The largest message that is sent over gRPC, in bytes; receivers take no larger one by default.
const MAX_MESSAGE: u64 = 4 * 1024 * 1024;

/// Passes log requests on to one receiver.
pub struct Relay {
    url: String,
    receiver: Receiver,
}

enum Receiver {
    Http(Box<HttpClient>),
    Grpc(Box<OtlpGrpc>),
}

/// Why a request was not passed on.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// It is no message that can be sent over gRPC.
    #[error("events cannot be sent over gRPC: {0}")]
    Body(String),
    /// The receiver, or the way to it, failed.
    #[error(transparent)]
    Export(#[from] ExportError),
}

impl RelayError {
    /// Whether the receiver has certainly taken nothing, and may later.
    pub fn is_safe_to_repeat(&self) -> bool {
        matches!(self, Self::Export(error) if error.is_safe_to_repeat())
    }
}

impl Relay {
    /// Prepares requests over HTTP with these headers, whose values are treated as credentials; reads
    /// the files for TLS, but does not connect. The connection's timeout is that of a request.
    pub fn over_http(
        endpoint: &str,
        headers: &[(String, String)],
        connection: &Connection,
    ) -> Result<Self, ConfigError> {
        let url = exact_url(endpoint)?.to_owned();
        let headers = Headers::of_user(&url, headers)?;
        let http = HttpClient::new(url.clone(), headers, connection)?;
        Ok(Self { url, receiver: Receiver::Http(Box::new(http)) })
    }

    /// The same over gRPC.
    pub fn over_grpc(
        endpoint: &str,
        headers: &[(String, String)],
        connection: &Connection,
    ) -> Result<Self, ConfigError> {
        let url = grpc_url(endpoint)?;
        let headers = Headers::of_user(&url, headers)?;
        let grpc = OtlpGrpc::new(url.clone(), headers, OtlpCompression::None, connection)?;
        Ok(Self { url, receiver: Receiver::Grpc(Box::new(grpc)) })
    }

    /// Sends a request's body with what was said of it, once.
    pub fn post(
        &self,
        content_type: Option<&str>,
        content_encoding: Option<&str>,
        body: &[u8],
    ) -> Result<(), RelayError> {
        match &self.receiver {
            Receiver::Http(http) => {
                let mut form = HeaderMap::new();
                form.extend(header(CONTENT_TYPE, content_type));
                form.extend(header(CONTENT_ENCODING, content_encoding));
                http.post(http.url(), &form, body, http.deadline())?;
            }
            Receiver::Grpc(grpc) => {
                let message = message(content_type, content_encoding, body);
                grpc.export_logs(message.map_err(RelayError::Body)?)?;
            }
        }
        Ok(())
    }
}

/// The message in a body, as protobuf.
fn message(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &[u8],
) -> Result<Vec<u8>, String> {
    let plain = match content_encoding.map(str::trim) {
        None | Some("" | "identity") => Cow::Borrowed(body),
        Some("gzip") => Cow::Owned(unpacked(body)?),
        Some(other) => return Err(format!("the content encoding `{other}` is not known")),
    };
    let kind = content_type.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    match kind {
        "application/x-protobuf" => Ok(plain.into_owned()),
        "application/json" => serde_json::from_slice::<ExportLogsServiceRequest>(&plain)
            .map(|request| request.encode_to_vec())
            .map_err(|error| format!("line {}, column {}", error.line(), error.column())),
        other => Err(format!("the content type `{other}` is not known")),
    }
}

fn unpacked(body: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let read = MultiGzDecoder::new(body).take(MAX_MESSAGE + 1).read_to_end(&mut plain);
    match read {
        Ok(bytes) if bytes as u64 <= MAX_MESSAGE => Ok(plain),
        Ok(_) => Err("they are larger than 4 MiB".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn header(name: HeaderName, value: Option<&str>) -> Option<(HeaderName, ureq::http::HeaderValue)> {
    Some((name, header_value(value?)?))
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("url", &self.url).finish_non_exhaustive()
    }
}
