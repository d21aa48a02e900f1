//! The buffer service: takes Codex's OTLP log events and keeps them per thread until the program that
//! builds the traces collects them.
//!
//! Codex exports its events once a second, does not retry, and waits for the answer when it
//! ends. So the service answers as soon as events are durable and does nothing else with them:
//! building spans from them, and sending those somewhere, is done by others, at another time.
//! Events survive the service's end in any form, and are bounded in size and age.
//!
//! The way of an event: `http` takes a body in, `decode` makes events of it, `event`
//! decides what is kept, `store` keeps it. Start reading at [`run`] for the process and at
//! `http/mod.rs` for the routes.
//!
//! It does not know exporters, spans or what is in Codex's own files. When threads fall silent,
//! `sweep` starts the program that does.

pub mod cli;
mod clock;
pub mod config;
mod decode;
mod event;
mod forward;
mod http;
mod instance;
mod log;
mod run;
mod store;
mod sweep;
mod upgrade;

pub use config::ServerConfig;
pub use run::{RunError, run, run_until};
