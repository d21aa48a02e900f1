//! Spans in a local SQLite file, and the questions asked of them.
//!
//! A [`TraceStore`] is one connection to one file. Writers and readers of several processes may use
//! the file at the same time; nothing here needs a server. A span id is stored once: writing it
//! again changes nothing, so a writer may repeat itself.
//!
//! ```
//! use otlp_model::{SpanBatch, TreeOptions, Turn};
//! use trace_store::TraceStore;
//!
//! let folder = tempfile::tempdir()?;
//! let turn = Turn { thread_id: "thread".to_owned(), key: "1".to_owned(), ..Turn::default() };
//! let batch = SpanBatch::of(&turn, "my project", &TreeOptions::default());
//! let mut store = TraceStore::open(folder.path().join("traces.db"))?;
//! store.insert(&batch)?;
//! store.insert(&batch)?;
//! assert_eq!(store.trace(turn.trace_id())?.len(), 1);
//! assert_eq!(store.last_traces(10)?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants: this crate is synchronous, knows neither HTTP nor any agent harness, reads no
//! environment, and leaves no file that another user of the machine can read.
//!
//! Start reading at [`TraceStore::open`]; the tables are in `schema/1.sql`.

mod attributes;
mod error;
mod merge;
mod open;
mod outline;
mod packing;
mod prune;
mod query;
mod row;
mod schema;
mod search;
mod sessions;
mod tree;
pub mod usage;
mod write;

pub use error::{FindTraceError, InsertError, OpenError, QueryError};
pub use merge::{MergeError, Merged};
pub use outline::{SpanOutline, TraceCost};
pub use prune::{Pruned, Retention};
pub use query::{StoreCounts, TraceSummary};
pub use search::{Hit, index_file};
pub use write::Inserted;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// An open file of spans.
#[derive(Debug)]
pub struct TraceStore {
    path: PathBuf,
    connection: Connection,
}

impl TraceStore {
    /// The file this store was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
