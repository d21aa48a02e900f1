//! The program as Codex starts it: what it reads, what it starts, and that it never holds Codex up.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

mod alerts;
mod attributes;
mod backend;
mod chain;
mod delivery;
mod formats;
mod git;
mod help;
mod home;
mod lifecycle;
mod metrics;
mod one_off;
mod pass_on;
mod service;
