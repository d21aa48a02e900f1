//! Opening: private files first, then SQLite, then the tables.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::ffi::{
    SQLITE_CANTOPEN, SQLITE_IOERR_SHMLOCK, SQLITE_IOERR_SHMMAP, SQLITE_IOERR_SHMOPEN,
};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::schema::{MIGRATIONS, migrate, version};
use crate::{OpenError, TraceStore};

/// How long one process waits for another that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

impl TraceStore {
    /// Opens a store for writing, making the file (mode 0600) and its folder (0700) where they are
    /// missing and bringing older tables up to date.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        create_private(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = connect(path, flags)?;
        let prepared = match prepare(&mut connection, use_write_ahead_log) {
            Err(error) if lacks_shared_memory(&error) => {
                // What was tried holds on to the log.
                drop(connection);
                connection = connect(path, flags)?;
                use_rollback_journal(&connection)
                    .and_then(|()| prepare(&mut connection, |_| Ok(())))
            }
            prepared => prepared,
        };
        prepared.map_err(|source| sqlite_error(path, source))?;
        Self { path: path.to_owned(), connection }.checked()
    }

    /// Opens a store that is there already; the connection cannot change it.
    ///
    /// Tables of an older release are brought up to date first, which does write once. Where nothing may be
    /// written, as in a sandbox, a store at rest is read as it is.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        if !path.exists() {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = connect(path, flags)?;
        let needs_writing = match version(&connection) {
            Ok(found) => found < MIGRATIONS.len(),
            Err(error) if lacks_shared_memory(&error) => true,
            Err(source) => return Err(sqlite_error(path, source)),
        };
        if needs_writing {
            drop(connection);
            connection = match Self::open(path) {
                Ok(store) => {
                    drop(store);
                    connect(path, flags)?
                }
                Err(error) => at_rest(path, flags)?.ok_or(error)?,
            };
        }
        Self { path: path.to_owned(), connection }.checked()
    }

    /// Opens a store of another machine, which stays as it is: one of an older release is copied to
    /// `scratch`, and the copy is brought up to date.
    pub fn open_other(path: &Path, scratch: &Path) -> Result<Self, OpenError> {
        if !path.is_file() {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connect(path, flags)?;
        let error = |source| sqlite_error(path, source);
        match version(&connection).map_err(error)? {
            0 => return Err(OpenError::Missing { path: path.to_owned() }),
            found if found >= MIGRATIONS.len() => {
                return Self { path: path.to_owned(), connection }.checked();
            }
            _ => {}
        }
        create_private(scratch)?;
        connection.execute("VACUUM INTO ?", [scratch.to_string_lossy()]).map_err(error)?;
        drop(connection);
        Self::open(scratch)
    }

    /// This store, unless its tables are newer than this release.
    fn checked(self) -> Result<Self, OpenError> {
        let found = version(&self.connection).map_err(|source| sqlite_error(&self.path, source))?;
        if found > MIGRATIONS.len() {
            return Err(OpenError::Newer { path: self.path, found, known: MIGRATIONS.len() });
        }
        Ok(self)
    }
}

/// Makes the file before SQLite does, which would let the umask decide who may read it. The `-wal`
/// and `-shm` files get the mode of the file they belong to.
pub(crate) fn create_private(path: &Path) -> Result<(), OpenError> {
    let create = || private_files::keep_private(&private_files::open(path)?);
    create().map_err(|source| OpenError::Create { path: path.to_owned(), source })
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    let connection =
        Connection::open_with_flags(path, flags).map_err(|source| sqlite_error(path, source))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|source| sqlite_error(path, source))?;
    Ok(connection)
}

/// A store that no process is at work on, read without a lock and without the index of a log, for which
/// files would have to be made. None where a process is, or the tables are of another release.
fn at_rest(path: &Path, flags: OpenFlags) -> Result<Option<Connection>, OpenError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let name = path.to_str().filter(|_| !Path::new(&log).exists());
    let Some(name) = name else { return Ok(None) };
    let name = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let address = format!("file:{name}?immutable=1");
    let connection = connect(Path::new(&address), flags | OpenFlags::SQLITE_OPEN_URI)?;
    let found = version(&connection).map_err(|source| sqlite_error(path, source))?;
    Ok((found == MIGRATIONS.len()).then_some(connection))
}

/// Settings for a connection that writes, and the tables.
fn prepare(
    connection: &mut Connection,
    choose_journal: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    // A file of a newer release is left exactly as it is.
    if version(connection)? > MIGRATIONS.len() {
        return Ok(());
    }
    // A new file; one that is there keeps what it was made with.
    if version(connection)? == 0 {
        choose_journal(connection)?;
    }
    // A batch that was accepted must survive a power cut: its turn is not sent again.
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(connection, MIGRATIONS)
}

/// Readers and one writer at the same time. Two processes that switch a new file over at the same
/// moment get "busy" at once, whatever the busy timeout, so this asks again.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            answer => return answer,
        }
    }
}

/// Whether there is no memory that processes could share by a file, which the index of the log is in: so
/// it is on some file systems of networks and virtual machines.
fn lacks_shared_memory(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    let no_shared_memory =
        [SQLITE_CANTOPEN, SQLITE_IOERR_SHMOPEN, SQLITE_IOERR_SHMMAP, SQLITE_IOERR_SHMLOCK];
    code.is_some_and(|code| no_shared_memory.contains(&code))
}

/// Does without a log: readers wait for a writer, and it for them. A log that is there already is taken
/// over, for which its index is kept in the memory of this process alone.
fn use_rollback_journal(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "TRUNCATE")?;
    connection.pragma_update(None, "locking_mode", "NORMAL")?;
    // The lock goes with the next statement.
    version(connection).map(drop)
}

fn sqlite_error(path: &Path, source: rusqlite::Error) -> OpenError {
    OpenError::Sqlite { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_at_rest_is_read_without_a_file_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("50% of? #1.db");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let writing = TraceStore::open(&path).unwrap();
        assert!(at_rest(&path, flags).unwrap().is_none(), "a process is at work on it");
        drop(writing);
        let connection = at_rest(&path, flags).unwrap().unwrap();
        assert_eq!(version(&connection).unwrap(), MIGRATIONS.len());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
