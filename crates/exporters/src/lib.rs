//! Delivers span batches to tracing backends.
//!
//! An [`Exporter`] takes a [`SpanBatch`](otlp_model::SpanBatch) and says whether its target accepted
//! it. An [`ExportError`] tells by its [`RetryClass`] what to do with a batch that was not accepted; the crate
//! `delivery` keeps it until then. Because span ids are a function of what they name, offering the same
//! batch twice is harmless everywhere.
//!
//! ```
//! use exporters::{Exporter, Memory, Phoenix, PhoenixConfig};
//! use otlp_model::{SpanBatch, TreeOptions, Turn};
//!
//! let turn = Turn::default(); // see the steps in `otlp_model`
//! let batch = SpanBatch::of(&turn, "my project", &TreeOptions::default());
//! let phoenix = Phoenix::new(PhoenixConfig::new("http://localhost:6006", "my project"))?;
//! # fn never(phoenix: Phoenix, batch: SpanBatch) -> Result<(), exporters::ExportError> {
//! phoenix.export(&batch)?;
//! # Ok(()) }
//!
//! // In tests, a target in memory:
//! let memory = Memory::new();
//! memory.export(&batch)?;
//! assert_eq!(memory.spans()[0].name, "Turn");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | Feature | Gives |
//! | --- | --- |
//! | `http` (default) | [`Phoenix`], [`Mlflow`], [`Arize`], [`Otlp`]: blocking, without a runtime |
//! | `grpc` | OTLP over gRPC, on tonic |
//! | `sqlite` | the local store |
//! | `zstd` | that compression |
//! | none | [`Memory`], [`JsonFile`], [`JsonStdout`], and the trait for targets of your own |
//!
//! Invariants: nothing here knows an agent harness, reads the environment or a home folder, prints (but
//! for [`JsonStdout`], whose purpose that is),
//! follows a redirect, or lets a credential into an error or a `Debug` output.
//!
//! Start reading at [`Exporter`]; [`Phoenix`] is the example of a backend. Everything blocks but the
//! inside of `grpc`, which is why tokio is here.

mod error;
mod exporter;
mod grpc_code;
mod json_lines;
#[cfg(feature = "sqlite")]
mod local_store;
mod memory;
mod probe;
mod requests;
mod retry_class;
#[cfg(feature = "http")]
mod servers;

pub use error::{AnswerStatus, ConfigError, ExportError};
pub use exporter::{Exporter, Receipt};
pub use json_lines::{JsonFile, JsonStdout};
#[cfg(feature = "sqlite")]
pub use local_store::LocalStore;
pub use memory::Memory;
pub use probe::Probe;
pub use requests::{MAX_BODY_BYTES, RequestSize};
pub use retry_class::RetryClass;
#[cfg(feature = "http")]
pub use servers::*;
