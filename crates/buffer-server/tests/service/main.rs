//! The service seen from outside: over HTTP with the server in this process, and as the program
//! that users run.

#![expect(clippy::unwrap_used, reason = "what a test cannot do is what it reports")]

mod formats;
mod forward;
#[cfg(unix)]
mod forward_hook;
#[cfg(target_os = "linux")]
mod full_disk;
mod harness;
mod ingest;
mod program;
mod reading;
mod refusals;
mod strangers;
#[cfg(unix)]
mod sweep;
