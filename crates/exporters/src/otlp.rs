//! Any receiver of OTLP over HTTP: a collector, or a backend that has no exporter of its own here.

use std::fmt;
use std::time::Duration;

use otlp_model::SpanBatch;
use ureq::http::HeaderMap;

use crate::endpoint::{exact_url, traces_url, without_secrets};
use crate::http::HttpClient;
use crate::otlp_http::OtlpHttp;
use crate::{
    ConfigError, ExportError, Exporter, OtlpCompression, OtlpEncoding, Probe, Receipt, TlsFiles,
};

/// Where a receiver of OTLP is and how to talk to it.
#[derive(Clone, PartialEq, Eq)]
pub struct OtlpConfig {
    /// The receiver.
    pub endpoint: OtlpEndpoint,
    /// How spans are written.
    pub encoding: OtlpEncoding,
    /// How requests are compressed.
    pub compression: OtlpCompression,
    /// Headers of every request, name and value. Their values are treated as credentials.
    pub headers: Vec<(String, String)>,
    /// Whom to trust and who we are, where the server uses TLS.
    pub tls: TlsFiles,
    /// The most time that one batch may take.
    pub timeout: Duration,
}

/// The address of a receiver, as the OpenTelemetry specification tells two kinds apart.
#[derive(Clone, PartialEq, Eq)]
pub enum OtlpEndpoint {
    /// The server's address, with or without `/v1/traces`, which is added where it is missing.
    Server(String),
    /// The address for traces, whatever its path.
    Traces(String),
}

impl fmt::Debug for OtlpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(url) => f.debug_tuple("Server").field(&without_secrets(url)).finish(),
            Self::Traces(url) => f.debug_tuple("Traces").field(&without_secrets(url)).finish(),
        }
    }
}

impl fmt::Debug for OtlpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header_names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("OtlpConfig")
            .field("endpoint", &self.endpoint)
            .field("encoding", &self.encoding)
            .field("compression", &self.compression)
            .field("headers", &header_names)
            .field("tls", &self.tls)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Delivers to any receiver of OTLP over HTTP.
pub struct Otlp {
    target: String,
    http: OtlpHttp,
}

impl Otlp {
    /// Prepares deliveries; reads the files for TLS, but does not connect.
    pub fn new(config: OtlpConfig) -> Result<Self, ConfigError> {
        let url = match &config.endpoint {
            OtlpEndpoint::Server(endpoint) => traces_url(endpoint)?,
            OtlpEndpoint::Traces(url) => exact_url(url)?.to_owned(),
        };
        let target = format!("otlp {url}");
        let mut http = HttpClient::new(url, config.timeout, config.tls.load()?);
        for (name, value) in &config.headers {
            http.user_header(name, value)?;
        }
        Ok(Self { target, http: OtlpHttp::new(http, config.encoding, config.compression) })
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Exporter for Otlp {
    fn target(&self) -> &str {
        &self.target
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        self.http.export(batch)
    }

    /// A receiver that finds fault with a request without spans was reached, and no more is known.
    fn probe(&self) -> Result<Probe, ExportError> {
        match self.http.post_nothing(&HeaderMap::new()) {
            Ok(answer) => Ok(Probe::accepted(&answer.headers)),
            Err(ExportError::Rejected { status: 400 | 422, .. }) => Ok(Probe::default()),
            Err(error) => Err(error),
        }
    }
}
