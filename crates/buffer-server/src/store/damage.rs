//! A database that cannot be used: it is set aside as it is, and what can be read of it goes on in a
//! new one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use buffer_api::paths::SET_ASIDE;
use rusqlite::{Connection, OpenFlags, Params, Row, Statement, config::DbConfig, params};

use super::{StoreError, UNKNOWN_OVERHEAD, integer, open};

/// The files of a database.
const SUFFIXES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// The size of a page of our databases: SQLite's default.
const PAGE_BYTES: u64 = 4096;

/// How many databases that were set aside are kept.
const KEPT: usize = 3;

/// Checks that another database could be begun beside the present one: on a full disk any error may
/// come of that, and a new one would have no room for the events of the old one.
pub(super) fn check_room(path: &Path) -> Result<(), StoreError> {
    let probe = with_suffix(path, "-probe");
    let written = private_files::write(&probe, &[0; 64 * 1024]);
    let _ = fs::remove_file(&probe);
    let _ = fs::remove_file(with_suffix(&probe, ".new"));
    match written.map_err(|error| error.kind()) {
        Err(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            Err(StoreError::Full { path: path.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Renames the files of the database, whatever is there, and returns the new name.
pub(super) fn set_aside(path: &Path, now_ms: u64) -> Result<PathBuf, StoreError> {
    let error = |source| StoreError::File { path: path.to_owned(), source };
    let name = |number: u64| with_suffix(path, &format!("{SET_ASIDE}{number:013}"));
    let free = |aside: &PathBuf| {
        SUFFIXES.iter().all(|suffix| with_suffix(aside, suffix).symlink_metadata().is_err())
    };
    let aside = (now_ms..).map(name).find(free).unwrap_or_else(|| name(now_ms));
    for suffix in SUFFIXES {
        let moved = fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix));
        if let Err(source) = moved
            && source.kind() != io::ErrorKind::NotFound
        {
            return Err(error(source));
        }
    }
    forget_older(path);
    Ok(aside)
}

/// Removes all but the latest few that were set aside.
fn forget_older(path: &Path) {
    let mut all = buffer_api::paths::set_aside(path);
    let older = all.len().saturating_sub(KEPT);
    for aside in all.drain(..older) {
        for suffix in SUFFIXES {
            // What is no regular file stays: it is not the service's.
            let _ = fs::remove_file(with_suffix(&aside, suffix));
        }
    }
}

/// Copies the events that can be read from the database at `aside` to `into`; returns how many.
///
/// Works on a copy, and takes what it can get: with the log of the last changes or without, and with
/// a new first page where the old one is damaged.
pub(super) fn salvage(aside: &Path, into: &Connection, now_ms: u64) -> u64 {
    let Ok(work) = Workshop::beside(aside) else { return 0 };
    for (with_log, new_first_page) in [(true, false), (true, true), (false, false), (false, true)] {
        let ready = work.copy(aside, with_log).and_then(|()| match new_first_page {
            true => work.replace_first_page(),
            false => Ok(()),
        });
        if ready.is_err() {
            continue;
        }
        let copied = read(&work.copy).and_then(|from| copy_events(&from, into, now_ms));
        if let Ok(events @ 1..) = copied {
            return events;
        }
    }
    0
}

/// A folder for the copies, which goes when it is dropped.
struct Workshop {
    folder: PathBuf,
    copy: PathBuf,
}

impl Workshop {
    fn beside(aside: &Path) -> io::Result<Self> {
        let folder = with_suffix(aside, "-salvage");
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&folder)?;
        Ok(Self { copy: folder.join("copy.db"), folder })
    }

    /// Makes a copy in place of the last one.
    fn copy(&self, aside: &Path, with_log: bool) -> io::Result<()> {
        for suffix in SUFFIXES {
            let _ = fs::remove_file(with_suffix(&self.copy, suffix));
        }
        if !fs::metadata(aside)?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        fs::copy(aside, &self.copy)?;
        let log = with_suffix(aside, "-wal");
        if with_log && fs::metadata(&log).is_ok_and(|it| it.is_file()) {
            fs::copy(log, with_suffix(&self.copy, "-wal"))?;
        }
        Ok(())
    }

    /// Puts the first page of a new database in place of the copy's. All of our databases have the
    /// same tables at the same places.
    fn replace_first_page(&self) -> io::Result<()> {
        let path = self.folder.join("new.db");
        if !path.exists() {
            drop(open::connect(&path, 1).map_err(io::Error::other)?);
        }
        let mut page = fs::read(path)?;
        page.truncate(PAGE_BYTES as usize);
        let mut copy = fs::OpenOptions::new().read(true).write(true).open(&self.copy)?;
        let pages = u32::try_from(copy.metadata()?.len() / PAGE_BYTES).unwrap_or(u32::MAX);
        // How many pages there are, and that none of them is known to be free.
        page[28..32].copy_from_slice(&pages.to_be_bytes());
        page[32..40].fill(0);
        io::Write::write_all(&mut copy, &page)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Opens a damaged database.
fn read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    // A file that is shorter than it says is one that can be read up to its end.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    Ok(connection)
}

/// Copies events row by row: from either end up to where the table is damaged, and those between that
/// the index names, each by itself.
fn copy_events(from: &Connection, into: &Connection, now_ms: u64) -> rusqlite::Result<u64> {
    // The first version did not know whose events are whose.
    let has_unknown = from.prepare("SELECT unknown FROM events").is_ok();
    let unknown = if has_unknown { "unknown" } else { "0" };
    let rows = format!("SELECT seq, received_ms, time_ns, thread, body, {unknown} FROM events");
    let mut keep = Keep {
        insert: into.prepare(
            "INSERT OR IGNORE INTO events (seq, received_ms, time_ns, bytes, thread, body, unknown) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?,
        copied: 0,
        now_ms,
    };
    let transaction = into.unchecked_transaction()?;
    let is_whole = keep.all(&mut from.prepare(&format!("{rows} ORDER BY seq"))?, [])?;
    if !is_whole {
        keep.all(&mut from.prepare(&format!("{rows} ORDER BY seq DESC"))?, [])?;
        let mut by_number = from.prepare(&format!("{rows} WHERE seq = ?1"))?;
        let index = from.prepare("SELECT seq FROM events INDEXED BY events_by_thread");
        if let Ok(mut index) = index
            && let Ok(mut numbers) = index.query([])
        {
            while let Ok(Some(number)) = numbers.next() {
                let number: i64 = number.get(0)?;
                keep.all(&mut by_number, [number])?;
            }
        }
    }
    let copied = keep.copied;
    drop(keep);
    transaction.commit()?;
    Ok(copied)
}

/// Copies rows.
struct Keep<'a> {
    insert: Statement<'a>,
    copied: u64,
    now_ms: u64,
}

impl Keep<'_> {
    /// Copies all rows up to the end or to damage; says whether it came to the end.
    fn all(&mut self, from: &mut Statement<'_>, bounds: impl Params) -> rusqlite::Result<bool> {
        let Ok(mut rows) = from.query(bounds) else { return Ok(false) };
        loop {
            match rows.next() {
                Ok(Some(row)) => self.one(row)?,
                Ok(None) => return Ok(true),
                Err(_) => return Ok(false),
            }
        }
    }

    /// Copies a row. One that makes no sense is one that is lost.
    fn one(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let number = |place| row.get::<_, i64>(place);
        let text = |place| row.get::<_, String>(place);
        let (Ok(seq), Ok(received), Ok(time)) = (number(0), number(1), number(2)) else {
            return Ok(());
        };
        let (Ok(thread), Ok(body)) = (text(3), text(4)) else { return Ok(()) };
        if (0..=open::LAST_SEQ).contains(&seq) {
            let received = received.min(integer(self.now_ms));
            // What cannot be read gets no room of what is the owner's.
            let is_unknown = !matches!(number(5), Ok(0));
            let overhead = if is_unknown { UNKNOWN_OVERHEAD } else { 0 };
            let bytes = integer(body.len() as u64 + overhead);
            let row = params![seq, received, time, bytes, thread, body, is_unknown];
            self.copied += self.insert.execute(row)? as u64;
        }
        Ok(())
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
