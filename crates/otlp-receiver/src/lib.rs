//! A receiver of OTLP/HTTP traces, for programs of the same user on the same machine.
//!
//! [`Receiver::bind`] takes a port of the loopback interface; [`Receiver::serve`] hands what comes to
//! `/v1/traces` to a function, as [`SpanBatch`](otlp_model::SpanBatch)es: protobuf or JSON, gzipped or
//! not, from senders that show the token. OpenTelemetry's GenAI attributes get the names of
//! OpenInference beside their own, so that readers need to know only these.
//!
//! Invariants: this crate knows no store, no settings and no agent. A sender gets an answer only after
//! the function has returned. A span that cannot be read costs itself, and the answer says so
//! (`partialSuccess`).

mod answer;
mod body;
mod gen_ai;
mod serve;
mod spans;

pub use serve::{BindError, Receiver, ServeError, Take};
