//! Codex's transcripts, read into the local store.
//!
//! [`import`] reads every transcript of one or several homes of Codex, or what was added to them since
//! the last time, and records each turn once: turns have the ids that live tracing gives them. It sends
//! nothing anywhere.
//!
//! Invariants: nothing is dropped without a count and a reason; a second import changes no figure.
//!
//! Start reading at [`import`].

mod contents;
mod each;
mod files;
mod git;
mod lines;
mod queue;
mod read;
mod record;
mod run;
mod unstored;

pub use contents::{ContentSummary, import_contents};
pub use each::each_turn;
pub use files::{Found, Transcript, find};
pub use git::folder_of;
pub use record::{Facts, machine_name, quota_readings};
pub use run::{ImportError, LeftOut, Progress, Request, Summary, import, record_spans};
pub use unstored::{root_thread, unstored};
