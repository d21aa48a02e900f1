//! Delivers span batches to tracing backends.
//!
//! An [`Exporter`] takes a [`SpanBatch`](otlp_model::SpanBatch) and says whether its target accepted
//! it. Whoever calls it decides what happens to a batch that was not accepted; an [`ExportError`]
//! tells whether offering it again later has a point. Because span ids are a function of what they
//! name, offering the same batch twice is harmless everywhere.
//!
//! Invariants: nothing here knows an agent harness, reads the environment or a home folder, prints,
//! follows a redirect, or lets a credential into an error or a `Debug` output.
//!
//! Start reading at [`Exporter`]; [`Phoenix`] is the example of a backend.

mod answer;
mod endpoint;
mod error;
mod exporter;
mod local_store;
mod memory;
mod otlp_http;
mod phoenix;
mod requests;
mod retry;

pub use error::{ConfigError, ExportError};
pub use exporter::{Exporter, Receipt};
pub use local_store::LocalStore;
pub use memory::Memory;
pub use phoenix::{Phoenix, PhoenixConfig};
