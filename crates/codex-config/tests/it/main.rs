//! Tests of the crate from outside.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod command;
mod edit;
mod mlflow;
mod otlp;
mod settings;
