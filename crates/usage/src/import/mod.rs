//! Transcripts into the store.

mod files;
mod git;
mod lines;
mod read;
mod record;
mod run;

pub use files::{Found, Transcript, find};
pub use record::{Facts, machine_name};
pub use run::{ImportError, LeftOut, Progress, Request, Summary, import, record_spans};
