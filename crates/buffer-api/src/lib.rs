//! How to talk to the buffer service and how to keep it running, seen from outside.
//!
//! The service (`arize-codex-buffer`) receives Codex's OTLP log events and keeps them per thread
//! until someone who builds traces collects them. This crate is that someone's side of it:
//!
//! - [`wire`]: what the service answers, as plain types;
//! - [`client`]: a blocking client for the loopback interface, with short timeouts, bounded
//!   answers and one precise error for each way it can go wrong;
//! - [`process`]: start, stop, status and the silent `ensure` that every hook run begins with;
//! - [`secrets`]: the token, and how both ends prove that they know it;
//! - [`paths`]: where the service keeps its files;
//! - `command_line`, with the feature `command-line`: what people type to control it;
//! - [`passing_on`]: how the service hands bodies to the program that passes them on.
//!
//! Start reading at [`Client::drain`] and [`process::ensure`].
//!
//! It knows nothing of the server's insides (HTTP framework, database) and nothing of spans: it
//! is linked into the notify hook, which has five milliseconds for everything.

pub mod client;
#[cfg(feature = "command-line")]
pub mod command_line;
mod endpoint;
pub mod passing_on;
pub mod paths;
pub mod process;
pub mod secrets;
pub mod wire;

pub use client::{Client, ClientError};
pub use endpoint::{DEFAULT_HOST, DEFAULT_PORT, Endpoint, NotLoopback};
pub use paths::Paths;
pub use secrets::Token;
pub use wire::{BufferedEvent, Drained, Health};
