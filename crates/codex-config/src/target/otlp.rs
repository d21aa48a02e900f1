//! Any receiver of OTLP as a target.
//!
//! Many shells have `OTEL_EXPORTER_OTLP_*` for other programs, with the credentials of another
//! server. So these variables neither select this target nor mix with an address of ours: they count
//! only where `CODEX_OTLP_ENDPOINT` and the target's `endpoint` are both missing.

use std::time::Duration;

use super::tls::Around;
use super::{ENDPOINT, TargetError, TlsFiles, headers, http_url, one_of, tls, without_final_slash};
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
    /// Where metrics go, unless that is beside the spans.
    pub metrics: Option<OtlpMetrics>,
    /// How spans are written.
    pub protocol: OtlpProtocol,
    /// How requests are compressed.
    pub compression: OtlpCompression,
    /// Headers of every request; their values may be credentials.
    pub headers: Vec<(String, Secret)>,
    /// The most time that one batch may take, where it is limited further than by us.
    pub timeout: Option<Duration>,
    /// The files for TLS.
    pub tls: TlsFiles,
}

/// Says where metrics go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OtlpMetrics {
    /// The address, used as it is.
    pub url: String,
    /// Headers of every request; their values may be credentials.
    pub headers: Vec<(String, Secret)>,
}

/// Tells the address of a server from one that is used as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OtlpEndpoint {
    /// The server; with HTTP the path for traces follows.
    Server(String),
    /// The address for traces.
    Traces(String),
}

/// Names how a receiver is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OtlpProtocol {
    /// `http/protobuf`.
    HttpProtobuf,
    /// `http/json`.
    HttpJson,
    /// `grpc`.
    Grpc,
}

/// Names how requests are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OtlpCompression {
    /// `gzip`.
    Gzip,
    /// `zstd`.
    Zstd,
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
    let tls = tls_files(paths, reader, standard);
    let headers = headers(reader, standard, variables::OTEL_EXPORTER_OTLP_TRACES_HEADERS)?;
    let metrics = metrics(reader, standard)?;
    Ok(OtlpTarget { endpoint, metrics, protocol, compression, headers, timeout, tls })
}

fn tls_files(paths: &Paths, reader: &mut Reader<'_>, standard: Standard) -> TlsFiles {
    let own = [
        [Variable(variables::CODEX_OTLP_CACERTFILE)],
        [Variable(variables::CODEX_OTLP_CERTFILE)],
        [Variable(variables::CODEX_OTLP_KEYFILE)],
    ];
    let standard = [
        standard.sources(
            variables::OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE,
            variables::OTEL_EXPORTER_OTLP_CERTIFICATE,
        ),
        standard.sources(
            variables::OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE,
            variables::OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE,
        ),
        standard.sources(
            variables::OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY,
            variables::OTEL_EXPORTER_OTLP_CLIENT_KEY,
        ),
    ];
    let around = |file: usize| Around { before: &own[file], after: &standard[file] };
    tls::all(paths, reader, [around(0), around(1), around(2)])
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
    let expected = "`http/protobuf`, `http/json` or `grpc`";
    let protocol = one_of(reader, &sources, expected, |word| match word {
        "http/protobuf" => Some(OtlpProtocol::HttpProtobuf),
        "http/json" => Some(OtlpProtocol::HttpJson),
        "grpc" => Some(OtlpProtocol::Grpc),
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
    let compression = one_of(reader, &sources, "`gzip`, `zstd` or `none`", |word| match word {
        "gzip" => Some(OtlpCompression::Gzip),
        "zstd" => Some(OtlpCompression::Zstd),
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

/// Where metrics go by the standard variables, where these do not send traces and metrics to one
/// server with the same headers.
fn metrics(
    reader: &mut Reader<'_>,
    standard: Standard,
) -> Result<Option<OtlpMetrics>, TargetError> {
    let is_set = |name: &str| reader.environment.get(name).is_some();
    let for_metrics = variables::OTEL_EXPORTER_OTLP_METRICS_ENDPOINT;
    let is_apart = [
        for_metrics,
        variables::OTEL_EXPORTER_OTLP_METRICS_HEADERS,
        variables::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
        variables::OTEL_EXPORTER_OTLP_TRACES_HEADERS,
    ];
    if standard == Standard::IsForOthers || !is_apart.into_iter().any(is_set) {
        return Ok(None);
    }
    let expected = "a URL with `http://` or `https://`";
    let url = reader.parsed(&[Variable(for_metrics)], expected, |url| {
        without_final_slash(url).map(|_| url.trim().to_owned())
    });
    let general = variables::OTEL_EXPORTER_OTLP_ENDPOINT;
    let url = url.or_else(|| {
        reader.parsed(&[Variable(general)], expected, |url| {
            without_final_slash(url).map(|url| format!("{url}/v1/metrics"))
        })
    });
    let Some(url) = url else { return Ok(None) };
    let headers = headers(reader, standard, variables::OTEL_EXPORTER_OTLP_METRICS_HEADERS)?;
    Ok(Some(OtlpMetrics { url, headers }))
}

fn headers(
    reader: &mut Reader<'_>,
    standard: Standard,
    for_signal: &'static str,
) -> Result<Vec<(String, Secret)>, TargetError> {
    let general = variables::OTEL_EXPORTER_OTLP_HEADERS;
    let is_set = |name: &&str| reader.environment.get(name).is_some();
    let standard = match standard {
        Standard::Counts => [for_signal, general].into_iter().find(is_set),
        Standard::IsForOthers => None,
    };
    headers::all(reader, standard, variables::CODEX_OTLP_HEADERS)
}
