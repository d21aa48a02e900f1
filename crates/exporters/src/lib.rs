//! Delivers span batches to tracing backends.
//!
//! An [`Exporter`] takes a [`SpanBatch`](otlp_model::SpanBatch) and says whether its target accepted
//! it. An [`ExportError`] tells by its [`Verdict`] what to do with a batch that was not accepted, and an
//! [`Outbox`] keeps it until then. Because span ids are a function of what they name, offering the same
//! batch twice is harmless everywhere.
//!
//! Invariants: nothing here knows an agent harness, reads the environment or a home folder, prints (but
//! for [`JsonStdout`], whose purpose that is),
//! follows a redirect, or lets a credential into an error or a `Debug` output.
//!
//! Start reading at [`Exporter`]; [`Phoenix`] is the example of a backend. Everything blocks but the
//! inside of `grpc`, which is why tokio is here.

mod answer;
mod arize;
mod compression;
mod connection;
mod endpoint;
mod error;
mod exporter;
mod grpc;
mod headers;
mod http;
mod json_lines;
mod local_store;
mod memory;
mod mlflow;
mod otlp;
mod otlp_http;
pub mod outbox;
mod partial_success;
mod phoenix;
mod probe;
mod proxy;
mod relay;
mod requests;
mod retry;
mod tls;
mod verdict;

pub use arize::{Arize, ArizeConfig, ArizeProtocol};
pub use compression::OtlpCompression;
pub use connection::Connection;
pub use error::{AnswerStatus, ConfigError, ExportError};
pub use exporter::{Exporter, Receipt};
pub use json_lines::{JsonFile, JsonStdout};
pub use local_store::LocalStore;
pub use memory::Memory;
pub use mlflow::{Mlflow, MlflowAuth, MlflowConfig, MlflowExperiment};
pub use otlp::{Otlp, OtlpConfig, OtlpEndpoint, OtlpProtocol};
pub use outbox::Outbox;
pub use phoenix::{Phoenix, PhoenixApi, PhoenixConfig};
pub use probe::Probe;
pub use proxy::Proxies;
pub use relay::{Relay, RelayError};
pub use requests::RequestSize;
pub use tls::TlsFiles;
pub use verdict::Verdict;
