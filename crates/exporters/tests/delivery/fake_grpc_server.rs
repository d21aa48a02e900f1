//! A receiver of traces and logs that speaks gRPC, that can also misbehave on request.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::sync::oneshot;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

use crate::tls::file;

/// What the server does with a request that it has read.
pub(crate) enum Behaviour {
    /// Accepts it.
    Accept,
    /// Accepts it and rejects this many spans of it.
    RejectSpans(i64, String),
    /// Answers with this status.
    Refuse(Status),
    /// Says nothing while the client waits.
    Hang,
}

/// A request as it arrived.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) metadata: MetadataMap,
    pub(crate) traces: ExportTraceServiceRequest,
}

impl Received {
    /// The value of a metadata entry; none where it is missing or there twice.
    pub(crate) fn metadata(&self, name: &str) -> Option<&str> {
        let mut values = self.metadata.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }
}

#[derive(Clone, Default)]
struct Receiver {
    behaviours: Arc<Mutex<VecDeque<Behaviour>>>,
    received: Arc<Mutex<Vec<Received>>>,
    logs: Arc<Mutex<Vec<(MetadataMap, ExportLogsServiceRequest)>>>,
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let (metadata, _, logs) = request.into_parts();
        self.logs.lock().unwrap().push((metadata, logs));
        let behaviour = self.behaviours.lock().unwrap().pop_front();
        match behaviour.unwrap_or(Behaviour::Accept) {
            Behaviour::Refuse(status) => Err(status),
            Behaviour::Hang => std::future::pending().await,
            _ => Ok(Response::new(ExportLogsServiceResponse { partial_success: None })),
        }
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (metadata, _, traces) = request.into_parts();
        self.received.lock().unwrap().push(Received { metadata, traces });
        let behaviour = self.behaviours.lock().unwrap().pop_front();
        let partial_success = match behaviour.unwrap_or(Behaviour::Accept) {
            Behaviour::Accept => None,
            Behaviour::RejectSpans(rejected_spans, error_message) => {
                Some(ExportTracePartialSuccess { rejected_spans, error_message })
            }
            Behaviour::Refuse(status) => return Err(status),
            Behaviour::Hang => std::future::pending().await,
        };
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

pub(crate) struct FakeGrpcServer {
    address: SocketAddr,
    receiver: Receiver,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeGrpcServer {
    /// A server that behaves as listed, request by request, and accepts all later ones.
    pub(crate) fn start(behaviours: impl Into<VecDeque<Behaviour>>) -> Self {
        Self::serve(Server::builder(), behaviours.into(), 0)
    }

    /// A server on this port, which accepts all.
    pub(crate) fn start_at(port: u16) -> Self {
        Self::serve(Server::builder(), VecDeque::new(), port)
    }

    /// The same with TLS, and it knows clients by their certificates.
    pub(crate) fn start_with_tls() -> Self {
        let read = |name: &str| std::fs::read(file(name)).unwrap();
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(read("server.pem"), read("server.key")))
            .client_ca_root(Certificate::from_pem(read("ca.pem")));
        Self::serve(Server::builder().tls_config(tls).unwrap(), VecDeque::new(), 0)
    }

    fn serve(mut server: Server, behaviours: VecDeque<Behaviour>, port: u16) -> Self {
        let receiver = Receiver::default();
        *receiver.behaviours.lock().unwrap() = behaviours;
        let service = TraceServiceServer::new(receiver.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd);
        let logs = LogsServiceServer::new(receiver.clone());
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let router = server.add_service(service).add_service(logs);
                let serving = router.serve_with_incoming(TcpIncoming::from(listener));
                // Also while a request hangs.
                tokio::select! {
                    served = serving => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { address, receiver, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn logs(&self) -> Vec<(MetadataMap, ExportLogsServiceRequest)> {
        self.receiver.logs.lock().unwrap().clone()
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.receiver.received.lock().unwrap().clone()
    }
}

impl Drop for FakeGrpcServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
