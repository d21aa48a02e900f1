//! Targets that are servers: the feature `http`, and `grpc` on top of it.

mod answer;
mod arize;
mod compression;
mod connection;
mod endpoint;
#[cfg(feature = "grpc")]
mod grpc;
mod headers;
mod http;
mod mlflow;
mod otlp;
mod otlp_http;
mod partial_success;
mod phoenix;
mod proxy;
#[cfg(feature = "grpc")]
mod relay;
mod retry_after;
mod tls;
mod webhook;

pub use arize::{Arize, ArizeConfig, ArizeProtocol};
pub use compression::OtlpCompression;
pub use connection::Connection;
pub use mlflow::{Mlflow, MlflowAuth, MlflowConfig, MlflowExperiment};
pub use otlp::{Otlp, OtlpConfig, OtlpEndpoint, OtlpProtocol};
pub use phoenix::{Phoenix, PhoenixApi, PhoenixConfig};
pub use proxy::Proxies;
#[cfg(feature = "grpc")]
pub use relay::{Relay, RelayError};
pub use tls::TlsFiles;
pub use webhook::{Webhook, WebhookError};
