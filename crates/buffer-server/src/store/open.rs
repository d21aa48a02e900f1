//! Opening the database, and finding out whether it can be used.

use std::{io, path::Path};

use rusqlite::{Connection, ErrorCode};

use super::StoreError;

/// The version of the table below, kept in the database.
const SCHEMA_VERSION: i64 = 3;

/// The highest number that an event can have come to: the first is a time in microseconds, and each
/// event takes one.
pub(super) const LAST_SEQ: i64 = i64::MAX / 2;

/// Sums and bounds do not read the bodies: the first index answers them.
const SCHEMA: &str = "
    CREATE TABLE events (
        seq         INTEGER PRIMARY KEY AUTOINCREMENT,
        received_ms INTEGER NOT NULL,
        time_ns     INTEGER NOT NULL,
        bytes       INTEGER NOT NULL,
        thread      TEXT NOT NULL,
        body        TEXT NOT NULL,
        unknown     INTEGER NOT NULL DEFAULT 0,
        drained     INTEGER NOT NULL DEFAULT 0
    ) STRICT;
";

const INDEXES: &str = "
    CREATE INDEX events_by_thread ON events (thread, seq, bytes, received_ms, unknown);
    CREATE INDEX events_of_unknown ON events (seq) WHERE unknown = 1;
";

/// From the first version, which did not know whose events are whose.
const FROM_VERSION_1: &str = "
    ALTER TABLE events ADD COLUMN unknown INTEGER NOT NULL DEFAULT 0;
    DROP INDEX events_by_thread;
";

/// From the second version, which drained nothing.
const FROM_VERSION_2: &str = "
    ALTER TABLE events ADD COLUMN drained INTEGER NOT NULL DEFAULT 0;
";

/// Opens the database at `path`, which is created if it does not exist. New events get numbers above
/// `first_seq`.
pub(super) fn connect(path: &Path, first_seq: u64) -> Result<Connection, StoreError> {
    let file_error = |source| StoreError::File { path: path.to_owned(), source };
    // Of what is no file, such as a pipe, SQLite would not say so.
    if std::fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        return Err(file_error(io::Error::other("it is not a file")));
    }
    // SQLite would create it for everybody. Its other files take this one's permissions.
    let file = private_files::open(path).map_err(file_error)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(file_error)?;
    drop(file);
    let connection = Connection::open(path).and_then(|connection| {
        prepare(&connection, first_seq)?;
        Ok(connection)
    });
    connection.map_err(|source| StoreError::database(path, source))
}

/// Makes a database that ends with this process.
pub(super) fn in_memory(path: &Path, first_seq: u64) -> Result<Connection, StoreError> {
    let connection = Connection::open_in_memory().and_then(|connection| {
        prepare(&connection, first_seq)?;
        Ok(connection)
    });
    connection.map_err(|source| StoreError::database(path, source))
}

fn prepare(connection: &Connection, first_seq: u64) -> rusqlite::Result<()> {
    // Before the log is looked at: its index then needs no file, for which a full disk has no room.
    // There is one connection.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?;
    if version == 0 {
        // Before the first table: it decides the layout of the file.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)?;
    // What was handed out is overwritten.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Negative: KiB. The events pass through once; a cache would not help.
    connection.pragma_update(None, "cache_size", -512)?;
    match version {
        0 => {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute_batch(SCHEMA)?;
            transaction.execute_batch(INDEXES)?;
            transaction.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?1)",
                [super::integer(first_seq)],
            )?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()?;
        }
        1 => {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute_batch(FROM_VERSION_1)?;
            transaction.execute_batch(INDEXES)?;
            transaction.execute_batch(FROM_VERSION_2)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()?;
        }
        2 => {
            let transaction = connection.unchecked_transaction()?;
            transaction.execute_batch(FROM_VERSION_2)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()?;
        }
        SCHEMA_VERSION => match connection.pragma_update(None, "user_version", SCHEMA_VERSION) {
            // It can be written to, but for the moment.
            Err(error) if is_full(&error) => {}
            written => written?,
        },
        _ => return Err(rusqlite::Error::InvalidQuery),
    }
    check(connection)
}

/// Checks that the tables are those that we made, and that there are numbers left for new events.
fn check(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare(super::INSERT)?;
    connection.prepare("SELECT drained FROM events")?;
    connection.prepare("SELECT seq FROM events INDEXED BY events_by_thread WHERE thread = ''")?;
    connection.prepare("SELECT seq FROM events INDEXED BY events_of_unknown WHERE unknown = 1")?;
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'events'";
    let last: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    if last <= LAST_SEQ { Ok(()) } else { Err(rusqlite::Error::InvalidQuery) }
}

/// Whether there is no room.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// Whether an error says nothing about the database: the next attempt may succeed.
pub(super) fn is_passing(error: &rusqlite::Error) -> bool {
    use ErrorCode::{DatabaseBusy, DatabaseLocked, OperationInterrupted, OutOfMemory};
    let passing = [DatabaseBusy, DatabaseLocked, OperationInterrupted, OutOfMemory];
    is_full(error) || error.sqlite_error_code().is_some_and(|code| passing.contains(&code))
}
