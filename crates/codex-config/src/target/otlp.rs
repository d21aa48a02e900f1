//! Any receiver of OTLP over HTTP as a target.
//!
//! Many shells have `OTEL_EXPORTER_OTLP_*` for other programs, with the credentials of another
//! server. So these variables neither select this target nor mix with an address of ours: they count
//! only where `CODEX_OTLP_ENDPOINT` and the target's `endpoint` are both missing.

use std::path::PathBuf;
use std::time::Duration;

use super::{ENDPOINT, TargetError, headers, http_url};
use crate::reader::{
    Reader,
    Source::{self, Own, Variable},
};
use crate::{Paths, Secret, variables};

/// Says how to reach a receiver of OTLP.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OtlpTarget {
    /// Its address.
    pub endpoint: OtlpEndpoint,
    /// How spans are written.
    pub protocol: OtlpProtocol,
    /// How requests are compressed.
    pub compression: OtlpCompression,
    /// Headers of every request; their values may be credentials.
    pub headers: Vec<(String, Secret)>,
    /// The most time that one batch may take, where it is limited further than by us.
    pub timeout: Option<Duration>,
    /// The certificate authorities to trust in place of the built-in ones, a PEM file.
    pub ca_file: Option<PathBuf>,
    /// The client certificate, a PEM file.
    pub client_certificate: Option<PathBuf>,
    /// The key of the client certificate, a PEM file.
    pub client_key: Option<PathBuf>,
}

/// Tells the address of a server from one that is used as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OtlpEndpoint {
    /// The server; the path for traces follows.
    Server(String),
    /// The address for traces.
    Traces(String),
}

/// Names how spans are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OtlpProtocol {
    /// `http/protobuf`.
    HttpProtobuf,
    /// `http/json`.
    HttpJson,
}

/// Names how requests are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OtlpCompression {
    /// `gzip`.
    Gzip,
    /// `none`.
    None,
}

/// Decides how to reach the receiver.
pub(super) fn resolve(paths: &Paths, reader: &mut Reader<'_>) -> Result<OtlpTarget, TargetError> {
    let own = http_url(reader, &[Variable(variables::CODEX_OTLP_ENDPOINT), ENDPOINT])?;
    let standard = if own.is_none() { Standard::Counts } else { Standard::IsForOthers };
    let endpoint = match own {
        Some(url) => OtlpEndpoint::Server(url),
        None => standard_endpoint(reader)?,
    };
    let protocol = protocol(reader, standard)?;
    let compression = compression(reader, standard)?;
    let timeout = timeout(reader, standard)?;
    let mut file = |variable, key, for_traces, general| {
        let mut sources = vec![Variable(variable), Own(key)];
        sources.extend(standard.sources(for_traces, general));
        reader.text(&sources).map(|path| paths.resolve(path.trim()))
    };
    Ok(OtlpTarget {
        endpoint,
        protocol,
        compression,
        timeout,
        ca_file: file(
            variables::CODEX_OTLP_CACERTFILE,
            "ca_file",
            variables::OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE,
            variables::OTEL_EXPORTER_OTLP_CERTIFICATE,
        ),
        client_certificate: file(
            variables::CODEX_OTLP_CERTFILE,
            "client_certificate",
            variables::OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE,
            variables::OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE,
        ),
        client_key: file(
            variables::CODEX_OTLP_KEYFILE,
            "client_key",
            variables::OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY,
            variables::OTEL_EXPORTER_OTLP_CLIENT_KEY,
        ),
        headers: headers(reader, standard)?,
    })
}

/// Whether `OTEL_EXPORTER_OTLP_*` is for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Standard {
    Counts,
    IsForOthers,
}

impl Standard {
    fn sources(self, for_traces: &'static str, general: &'static str) -> Vec<Source> {
        match self {
            Self::Counts => vec![Variable(for_traces), Variable(general)],
            Self::IsForOthers => vec![],
        }
    }
}

fn standard_endpoint(reader: &mut Reader<'_>) -> Result<OtlpEndpoint, TargetError> {
    let for_traces = variables::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
    if http_url(reader, &[Variable(for_traces)])?.is_some() {
        // Its final slash belongs to it.
        let url = reader.text(&[Variable(for_traces)]).unwrap_or_default();
        return Ok(OtlpEndpoint::Traces(url));
    }
    let found = http_url(reader, &[Variable(variables::OTEL_EXPORTER_OTLP_ENDPOINT)])?;
    found
        .map(OtlpEndpoint::Server)
        .ok_or_else(|| TargetError::NoEndpoint { key: reader.name(ENDPOINT), name: "otlp" })
}

fn protocol(reader: &mut Reader<'_>, standard: Standard) -> Result<OtlpProtocol, TargetError> {
    let for_traces = variables::OTEL_EXPORTER_OTLP_TRACES_PROTOCOL;
    let general = variables::OTEL_EXPORTER_OTLP_PROTOCOL;
    let mut sources = vec![Own("protocol")];
    sources.extend(standard.sources(for_traces, general));
    let expected = "`http/protobuf` or `http/json`";
    let protocol = one_of(reader, &sources, expected, |word| match word {
        "http/protobuf" => Some(OtlpProtocol::HttpProtobuf),
        "http/json" => Some(OtlpProtocol::HttpJson),
        _ => None,
    })?;
    Ok(protocol.unwrap_or(OtlpProtocol::HttpProtobuf))
}

fn compression(
    reader: &mut Reader<'_>,
    standard: Standard,
) -> Result<OtlpCompression, TargetError> {
    let for_traces = variables::OTEL_EXPORTER_OTLP_TRACES_COMPRESSION;
    let general = variables::OTEL_EXPORTER_OTLP_COMPRESSION;
    let mut sources = vec![Own("compression")];
    sources.extend(standard.sources(for_traces, general));
    let compression = one_of(reader, &sources, "`gzip` or `none`", |word| match word {
        "gzip" => Some(OtlpCompression::Gzip),
        "none" => Some(OtlpCompression::None),
        _ => None,
    })?;
    Ok(compression.unwrap_or(OtlpCompression::Gzip))
}

fn timeout(reader: &mut Reader<'_>, standard: Standard) -> Result<Option<Duration>, TargetError> {
    let for_traces = variables::OTEL_EXPORTER_OTLP_TRACES_TIMEOUT;
    let general = variables::OTEL_EXPORTER_OTLP_TIMEOUT;
    let mut sources = vec![Own("timeout_ms")];
    sources.extend(standard.sources(for_traces, general));
    one_of(reader, &sources, "a number of milliseconds above 0", |word| {
        word.parse().ok().filter(|millis| *millis != 0).map(Duration::from_millis)
    })
}

fn headers(
    reader: &mut Reader<'_>,
    standard: Standard,
) -> Result<Vec<(String, Secret)>, TargetError> {
    let for_traces = variables::OTEL_EXPORTER_OTLP_TRACES_HEADERS;
    let general = variables::OTEL_EXPORTER_OTLP_HEADERS;
    let is_set = |name: &&str| reader.environment.get(name).is_some();
    let standard = match standard {
        Standard::Counts => [for_traces, general].into_iter().find(is_set),
        Standard::IsForOthers => None,
    };
    headers::all(reader, standard, variables::CODEX_OTLP_HEADERS)
}

/// Gives the first source that is set. Because a receiver would be sent what it cannot read, a value
/// that is not understood is an error.
fn one_of<T>(
    reader: &mut Reader<'_>,
    sources: &[Source],
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, TargetError> {
    let Some((key, value)) = reader.named(sources) else { return Ok(None) };
    match parse(value.trim().to_ascii_lowercase().as_str()) {
        Some(parsed) => Ok(Some(parsed)),
        None => Err(TargetError::InvalidSetting { key, value, expected }),
    }
}
