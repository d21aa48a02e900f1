//! Looking at a thread, with recorded transcripts in a temporary home and an exporter in memory.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

mod home;
mod late;
mod reverts;
mod settings;
mod turns;
