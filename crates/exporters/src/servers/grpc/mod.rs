//! OTLP over gRPC.
//!
//! This is the only part that is not blocking inside. Its runtime is one of the calling thread, made
//! with the first batch, so that a process that sends over HTTP only has none.

mod codec;
mod status;
mod tls;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use otlp_model::encode::Scope;
use otlp_model::{MetricBatch, SpanBatch};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;
use tokio::time::timeout_at;
use tonic::client::Grpc;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Extensions, Request, Status};
use ureq::http::uri::PathAndQuery;

use crate::requests::OtlpEncoding;
use crate::servers::headers::Headers;
use crate::servers::partial_success;
use crate::servers::proxy::{Proxy, cause};
use crate::servers::tls::Tls;
use crate::{
    AnswerStatus, ConfigError, Connection, ExportError, OtlpCompression, Receipt, requests,
};
use codec::EncodedCodec;

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// A receiver of traces over gRPC.
pub(crate) struct OtlpGrpc {
    url: String,
    endpoint: Endpoint,
    tls: Tls,
    proxy: Option<Proxy>,
    headers: Headers,
    compression: OtlpCompression,
    timeout: Duration,
    scope: Scope<'static>,
    runtime: OnceLock<Runtime>,
    channel: OnceCell<Channel>,
}

impl OtlpGrpc {
    /// A receiver at this address, `http://` or `https://` with a host and a port.
    pub(crate) fn new(
        url: String,
        headers: Headers,
        compression: OtlpCompression,
        connection: &Connection,
    ) -> Result<Self, ConfigError> {
        let unusable = || ConfigError::Endpoint {
            endpoint: url.clone(),
            reason: "this is not the address of a gRPC server",
        };
        let tls = connection.tls.load()?;
        let endpoint = Endpoint::from_shared(url.clone())
            .and_then(|endpoint| endpoint.user_agent(connection.user_agent()))
            .map_err(|_| unusable())?
            .connect_timeout(Connection::CONNECT_TIMEOUT);
        Ok(Self {
            proxy: connection.proxies.of(&url)?,
            url,
            endpoint,
            tls,
            headers,
            compression,
            timeout: connection.timeout,
            scope: connection.scope,
            runtime: OnceLock::new(),
            channel: OnceCell::new(),
        })
    }

    /// Delivers a batch, in several requests where it is large, each within the timeout.
    pub(crate) fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        if !batch.spans.is_empty() {
            for body in requests::bodies(batch, &self.scope, OtlpEncoding::Protobuf) {
                self.send_spans(Instant::now() + self.timeout, body)?;
            }
        }
        Ok(Receipt { spans: batch.spans.len() })
    }

    /// Sends a request without a single span in it: what the receiver says of our credentials is the
    /// same as with spans.
    pub(crate) fn send_nothing(&self) -> Result<(), ExportError> {
        self.send_spans(Instant::now() + self.timeout, Vec::new())
    }

    /// Delivers metrics.
    pub(crate) fn export_metrics(&self, batch: &MetricBatch) -> Result<(), ExportError> {
        let body = requests::metrics_body(batch, &self.scope, OtlpEncoding::Protobuf);
        let answer = self.send_until(Instant::now() + self.timeout, METRICS, body)?;
        match partial_success::from_protobuf(&answer) {
            Some(rejection) => Err(ExportError::Refused {
                url: self.url.clone(),
                status: AnswerStatus::Grpc(0),
                answer: self.headers.shown(&rejection.of_data_points()),
                retry_after: None,
            }),
            None => Ok(()),
        }
    }

    /// Delivers a message with log events. What the receiver may have rejected of them is its own affair.
    pub(crate) fn export_logs(&self, message: Vec<u8>) -> Result<(), ExportError> {
        self.send_until(Instant::now() + self.timeout, LOGS, message).map(drop)
    }

    fn send_spans(&self, deadline: Instant, body: Vec<u8>) -> Result<(), ExportError> {
        let answer = self.send_until(deadline, TRACES, body)?;
        match partial_success::from_protobuf(&answer) {
            Some(rejection) => Err(ExportError::PartlyRejected {
                url: self.url.clone(),
                spans: rejection.count,
                answer: self.headers.shown(&rejection.message),
            }),
            None => Ok(()),
        }
    }

    /// Calls a method; gives the body of the answer.
    fn send_until(
        &self,
        deadline: Instant,
        method: &'static str,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, ExportError> {
        let sending = async { timeout_at(deadline.into(), self.send(method, body)).await };
        let sent = self.runtime()?.block_on(sending);
        sent.map_err(|elapsed| ExportError::Timeout {
            url: self.url.clone(),
            limit: self.timeout,
            source: elapsed.into(),
        })?
    }

    fn runtime(&self) -> Result<&Runtime, ExportError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
            ExportError::Connect { url: self.url.clone(), source: error.into() }
        })?;
        Ok(self.runtime.get_or_init(|| runtime))
    }

    async fn send(&self, method: &'static str, body: Vec<u8>) -> Result<Vec<u8>, ExportError> {
        let channel = self.channel.get_or_try_init(|| self.connect()).await?;
        let mut client = Grpc::new(channel.clone());
        if let Some(encoding) = self.compression.for_grpc() {
            client = client.send_compressed(encoding).accept_compressed(encoding);
        }
        client.ready().await.map_err(|error| self.interrupted(&error))?;
        let metadata = MetadataMap::from_headers(self.headers.map().clone());
        let bytes = body.len();
        let request = Request::from_parts(metadata, Extensions::new(), body);
        let answer = client.unary(request, PathAndQuery::from_static(method), EncodedCodec).await;
        Ok(answer.map_err(|status| self.refusal(status, bytes))?.into_inner())
    }

    async fn connect(&self) -> Result<Channel, ExportError> {
        let mut tcp = HttpConnector::new();
        // The endpoint puts TLS on top of it.
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(Connection::CONNECT_TIMEOUT));
        let failed = |error: &(dyn std::error::Error + 'static)| {
            let reason = self.tls.problem(error).unwrap_or_else(|| root(error).to_string());
            let source = cause(reason, self.proxy.as_ref());
            ExportError::Connect { url: self.url.clone(), source }
        };
        let mut endpoint = self.endpoint.clone();
        if self.url.starts_with("https://") {
            // Here, because it reads the system's authorities.
            endpoint = endpoint
                .tls_config(tls::for_receiver(&self.tls))
                .map_err(|error| failed(&error))?;
        }
        let connecting = match &self.proxy {
            Some(proxy) if proxy.speaks_tls() => {
                let tls = tls::for_proxy(&self.tls).map_err(|error| failed(&error))?;
                let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only();
                let tls = connector.enable_http1().wrap_connector(tcp);
                endpoint.connect_with_connector(tunnel(proxy, tls)).await
            }
            Some(proxy) => endpoint.connect_with_connector(tunnel(proxy, tcp)).await,
            None => endpoint.connect_with_connector(tcp).await,
        };
        connecting.map_err(|error| failed(&error))
    }

    /// What it means that there is no answer, or another one than success.
    fn refusal(&self, status: Status, bytes: usize) -> ExportError {
        if std::error::Error::source(&status).is_some() {
            // No server sent it: the transport describes itself so.
            return self.interrupted(&status);
        }
        status::refusal(&self.url, &status, bytes, &self.headers)
    }

    fn interrupted(&self, error: &(dyn std::error::Error + 'static)) -> ExportError {
        let mut reason = root(error).to_string();
        // What `HTTP/1.1 …` is, read as HTTP/2.
        if reason.contains("frame with invalid size") {
            reason.push_str(", as where a server of HTTP/1 answers: is this the port for gRPC?");
        }
        ExportError::Interrupted { url: self.url.clone(), source: reason.into() }
    }
}

/// A tunnel through a proxy that a connector reaches.
fn tunnel<C>(proxy: &Proxy, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.uri.clone(), connector);
    match &proxy.authorization {
        Some(authorization) => tunnel.with_auth(authorization.clone()),
        None => tunnel,
    }
}

/// What lies at the bottom of an error: each layer of the transport repeats in other words what the one
/// below says.
fn root<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}

impl Drop for OtlpGrpc {
    /// Does not wait for a name that is still being looked up.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
