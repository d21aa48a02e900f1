//! What can go wrong, one type per operation. Every message names the file.

use std::io;
use std::path::PathBuf;

use otlp_model::TraceId;
use rusqlite::ErrorCode;

/// A store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no file, and the caller only wanted to read.
    #[error("`{path}`: there is no trace store here", path = path.display())]
    Missing {
        /// The file that was asked for.
        path: PathBuf,
    },
    /// The file or its folder could not be made, or not be made private.
    #[error("`{path}`: cannot create a private trace store", path = path.display())]
    Create {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A newer release wrote the file.
    #[error(
        "`{path}`: written by a newer release (tables of version {found}, this one knows {known})",
        path = path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of the tables in the file.
        found: usize,
        /// Newest version this release knows.
        known: usize,
    },
    /// SQLite cannot use the file: it is damaged, is no database, or stayed locked for 5 seconds.
    #[error("`{path}`: cannot open the trace store", path = path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// Spans could not be written. None of the batch was.
#[derive(Debug, thiserror::Error)]
#[error("`{path}`: cannot write spans", path = path.display())]
pub struct InsertError {
    /// The file.
    pub path: PathBuf,
    /// What SQLite said.
    pub source: rusqlite::Error,
}

/// A question could not be answered.
#[derive(Debug, thiserror::Error)]
#[error("`{path}`: cannot read spans", path = path.display())]
pub struct QueryError {
    /// The file.
    pub path: PathBuf,
    /// What SQLite said, or what is wrong with the stored row.
    pub source: rusqlite::Error,
}

/// The start of a trace id did not lead to one trace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindTraceError {
    /// It is not the start of a trace id.
    #[error("`{prefix}` is not the start of a trace id (1 to 32 hexadecimal digits)")]
    NotHex {
        /// What was asked for.
        prefix: String,
    },
    /// No trace begins like this.
    #[error("`{path}`: no trace id begins with `{prefix}`", path = path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        prefix: String,
    },
    /// More than one trace begins like this.
    #[error("`{prefix}` is the start of several trace ids: {}", list(.matches))]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// The first of them, in order; at most ten.
        matches: Vec<TraceId>,
    },
    /// The store could not be read.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl OpenError {
    /// Whether the same call may succeed later without a repair.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Sqlite { source, .. } if is_transient(source))
    }
}

impl InsertError {
    /// Whether the same call may succeed later: the file was locked or the disk full.
    pub fn is_transient(&self) -> bool {
        is_transient(&self.source)
    }
}

fn is_transient(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull)
    )
}

fn list(ids: &[TraceId]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}
