//! The proxy in front of scripts that stand for Codex.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

mod codex;
mod finding;
mod help;
mod job;
mod passing;
mod service;
mod shim;
mod signals;
mod terminal;
