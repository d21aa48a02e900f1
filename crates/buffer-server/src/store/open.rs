//! Opening the database, and getting a broken one out of the way.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode};

use super::StoreError;

/// The version of the table below, kept in the database.
const SCHEMA_VERSION: i64 = 1;

/// The index answers everything but the bodies, so that sums and bounds do not read them.
const SCHEMA: &str = "
    CREATE TABLE events (
        seq         INTEGER PRIMARY KEY AUTOINCREMENT,
        received_ms INTEGER NOT NULL,
        time_ns     INTEGER NOT NULL,
        bytes       INTEGER NOT NULL,
        thread      TEXT NOT NULL,
        body        TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_by_thread ON events (thread, seq, bytes, received_ms);
";

/// Opens the database at `path`, which is created if it does not exist.
pub(super) fn connect(path: &Path, now_ms: u64) -> Result<Connection, StoreError> {
    let file_error = |source| StoreError::File { path: path.to_owned(), source };
    // SQLite would create it for everybody. Its other files take this one's permissions.
    let file = buffer_api::paths::open_private(path).map_err(file_error)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(file_error)?;
    drop(file);
    prepare(path, now_ms).map_err(|source| StoreError::Database { path: path.to_owned(), source })
}

fn prepare(path: &Path, now_ms: u64) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // Before the first table: it decides the layout of the file.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)?;
    // Negative: KiB. The events pass through once; caching them helps nobody.
    connection.pragma_update(None, "cache_size", -512)?;
    let version = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    if connection.query_row("PRAGMA user_version", [], version)? == 0 {
        let first_seq = super::integer(now_ms.saturating_mul(1000));
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?1)",
            [first_seq],
        )?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
    }
    if connection.query_row("PRAGMA user_version", [], version)? == SCHEMA_VERSION {
        Ok(connection)
    } else {
        Err(rusqlite::Error::InvalidQuery)
    }
}

/// Whether a database that cannot be opened is to be replaced: it is corrupt, or was written by
/// another version.
pub(super) fn is_unusable(error: &StoreError) -> bool {
    match error {
        StoreError::Database { source: rusqlite::Error::InvalidQuery, .. } => true,
        StoreError::Database { source, .. } => is_corrupt(source),
        StoreError::Full { .. } | StoreError::File { .. } => false,
    }
}

/// Whether SQLite says that the file is not what it should be.
pub(super) fn is_corrupt(error: &rusqlite::Error) -> bool {
    let corrupt = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase];
    error.sqlite_error_code().is_some_and(|code| corrupt.contains(&code))
}

/// Renames the files of the database, over those of an earlier time, and returns the new name.
pub(super) fn move_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let aside = with_suffix(path, ".corrupt");
    for suffix in ["", "-wal", "-shm"] {
        let moved = fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix));
        if let Err(source) = moved
            && source.kind() != io::ErrorKind::NotFound
        {
            return Err(StoreError::File { path: path.to_owned(), source });
        }
    }
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
