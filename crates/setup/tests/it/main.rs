//! Installations and uninstallations in temporary homes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod at_once;
mod home;
mod interview;
mod migration;
mod prompts;
mod refusals;
mod repeated;
mod reversal;
mod service;
mod settings;
mod start;
mod stuck;
mod updates;
