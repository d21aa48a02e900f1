//! Any receiver of OTLP: a collector, or a backend that has no exporter of its own here.

use std::fmt;

use otlp_model::{MetricBatch, SpanBatch};
use ureq::http::HeaderMap;

use crate::requests::OtlpEncoding;
#[cfg(feature = "grpc")]
use crate::servers::endpoint::grpc_url;
use crate::servers::endpoint::{exact_url, traces_url, without_secrets};
#[cfg(feature = "grpc")]
use crate::servers::grpc::OtlpGrpc;
use crate::servers::headers::Headers;
use crate::servers::http::HttpClient;
use crate::servers::otlp_http::OtlpHttp;
use crate::{
    AnswerStatus, ConfigError, Connection, ExportError, Exporter, OtlpCompression, Probe, Receipt,
    RetryClass,
};

/// Where a receiver of OTLP is and how to talk to it.
#[derive(Clone, PartialEq, Eq)]
pub struct OtlpConfig {
    /// The receiver.
    pub endpoint: OtlpEndpoint,
    /// How it is spoken to.
    pub protocol: OtlpProtocol,
    /// How requests are compressed.
    pub compression: OtlpCompression,
    /// Headers of every request, name and value. Their values are treated as credentials.
    pub headers: Vec<(String, String)>,
    /// How to connect.
    pub connection: Connection,
}

impl OtlpConfig {
    /// The receiver at a server's address, spoken to with protobuf over HTTP and gzip, without
    /// credentials; no request takes more than ten seconds.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: OtlpEndpoint::Server(endpoint.into()),
            protocol: OtlpProtocol::default(),
            compression: OtlpCompression::default(),
            headers: Vec::new(),
            connection: Connection::direct(Connection::USUAL_TIMEOUT),
        }
    }
}

/// A protocol of OTLP, as the specification names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OtlpProtocol {
    /// `http/protobuf`, which every receiver takes.
    #[default]
    HttpProtobuf,
    /// `http/json`: Phoenix does not take it, nor do older MLflows.
    HttpJson,
    /// `grpc`.
    #[cfg(feature = "grpc")]
    Grpc,
}

/// The address of a receiver, as the OpenTelemetry specification tells two kinds apart.
#[derive(Clone, PartialEq, Eq)]
pub enum OtlpEndpoint {
    /// The server's address, with or without `/v1/traces`, which is added where it is missing.
    Server(String),
    /// The address for traces, whatever its path; with gRPC there is no difference.
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
            .field("protocol", &self.protocol)
            .field("compression", &self.compression)
            .field("headers", &header_names)
            .field("connection", &self.connection)
            .finish()
    }
}

/// Delivers to any receiver of OTLP.
pub struct Otlp {
    target: String,
    receiver: Receiver,
    /// For metrics, where that is another.
    metrics: Option<Receiver>,
}

/// A receiver of OTLP, by the way it is spoken to.
pub(crate) enum Receiver {
    Http(Box<OtlpHttp>),
    #[cfg(feature = "grpc")]
    Grpc(Box<OtlpGrpc>),
}

impl Otlp {
    /// Prepares deliveries; reads the files for TLS, but does not connect.
    pub fn new(config: OtlpConfig) -> Result<Self, ConfigError> {
        let (url, receiver) = Self::receiver(&config)?;
        Ok(Self { target: format!("otlp {url}"), receiver, metrics: None })
    }

    /// Sends metrics to the address of this receiver, and not beside the traces.
    pub fn with_metrics_at(self, config: &OtlpConfig) -> Result<Self, ConfigError> {
        let (_, metrics) = Self::receiver(config)?;
        Ok(Self { metrics: Some(metrics), ..self })
    }

    fn receiver(config: &OtlpConfig) -> Result<(String, Receiver), ConfigError> {
        let url = match (&config.endpoint, config.protocol) {
            #[cfg(feature = "grpc")]
            (OtlpEndpoint::Server(url) | OtlpEndpoint::Traces(url), OtlpProtocol::Grpc) => {
                grpc_url(url)?
            }
            (OtlpEndpoint::Server(endpoint), _) => traces_url(endpoint)?,
            (OtlpEndpoint::Traces(url), _) => exact_url(url)?.to_owned(),
        };
        let headers = Headers::of_user(&url, &config.headers)?;
        let receiver = Receiver::new(
            url.clone(),
            config.protocol,
            config.compression,
            headers,
            &config.connection,
        )?;
        Ok((url, receiver))
    }
}

impl Receiver {
    /// A receiver at the address that the protocol needs.
    pub(crate) fn new(
        url: String,
        protocol: OtlpProtocol,
        compression: OtlpCompression,
        headers: Headers,
        connection: &Connection,
    ) -> Result<Self, ConfigError> {
        let encoding = match protocol {
            OtlpProtocol::HttpProtobuf => OtlpEncoding::Protobuf,
            OtlpProtocol::HttpJson => OtlpEncoding::Json,
            #[cfg(feature = "grpc")]
            OtlpProtocol::Grpc => {
                let grpc = OtlpGrpc::new(url, headers, compression, connection)?;
                return Ok(Self::Grpc(Box::new(grpc)));
            }
        };
        let http = HttpClient::new(url, headers, connection)?;
        Ok(Self::Http(Box::new(OtlpHttp::new(http, encoding, compression))))
    }

    /// Delivers a batch, in several requests where it is large, each within the timeout.
    pub(crate) fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        match self {
            Self::Http(http) => http.export(batch),
            #[cfg(feature = "grpc")]
            Self::Grpc(grpc) => grpc.export(batch),
        }
    }

    /// Delivers metrics beside the traces. A receiver of traces alone says that it knows no such
    /// address or method.
    pub(crate) fn export_metrics(&self, batch: &MetricBatch) -> Result<bool, ExportError> {
        Self::taken(match self {
            Self::Http(http) => http.export_metrics(batch),
            #[cfg(feature = "grpc")]
            Self::Grpc(grpc) => grpc.export_metrics(batch).map(|()| true),
        })
    }

    /// Delivers metrics to a receiver of metrics.
    fn export_metrics_here(&self, batch: &MetricBatch) -> Result<bool, ExportError> {
        Self::taken(match self {
            Self::Http(http) => http.export_metrics_here(batch),
            #[cfg(feature = "grpc")]
            Self::Grpc(grpc) => grpc.export_metrics(batch).map(|()| true),
        })
    }

    fn taken(sent: Result<bool, ExportError>) -> Result<bool, ExportError> {
        match sent {
            Err(
                ExportError::WrongAddress { .. }
                | ExportError::Refused { status: AnswerStatus::Http(404 | 405 | 501), .. },
            ) => Ok(false),
            sent => sent,
        }
    }

    /// Sends a request without spans. A receiver that finds fault with that was reached, and no more
    /// is known.
    pub(crate) fn probe(&self) -> Result<Probe, ExportError> {
        let answer = match self {
            Self::Http(http) => {
                http.post_nothing(&HeaderMap::new()).map(|answer| Probe::accepted(&answer.headers))
            }
            #[cfg(feature = "grpc")]
            Self::Grpc(grpc) => {
                grpc.send_nothing().map(|()| Probe { accepts: true, ..Probe::default() })
            }
        };
        match answer {
            Err(error) if error.retry_class() == RetryClass::DeadLetter => Ok(Probe::default()),
            answer => answer,
        }
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
        self.receiver.export(batch)
    }

    fn export_metrics(&self, batch: &MetricBatch) -> Result<bool, ExportError> {
        match &self.metrics {
            Some(receiver) => receiver.export_metrics_here(batch),
            None => self.receiver.export_metrics(batch),
        }
    }

    fn probe(&self) -> Result<Probe, ExportError> {
        self.receiver.probe()
    }
}
