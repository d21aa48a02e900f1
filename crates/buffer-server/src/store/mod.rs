//! The buffered events, in SQLite.
//!
//! One connection, used by one thread at a time. A batch of events is one transaction: after
//! [`Store::insert`] returns, it survives the end of the process in any form. Each insert also
//! keeps the bounds, oldest events first. Sums per thread are kept in memory, so that neither
//! bounds nor health need a scan.
//!
//! A database that cannot be used, whatever the reason, is set aside, and what can be read of it goes
//! on in a new one; see `damage`. Where there can be none on disk, events are kept in memory. So there
//! is always a store. The sequence of a new database begins at the current time in microseconds, or
//! after the last number that was given: a cursor that a client kept stays older than what arrives from
//! then on.

mod bounds;
mod damage;
mod drain;
mod open;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use program_log::chain;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{config::Limits, event::Event, http::Origin};

/// Keeps events per thread until they are removed or a bound is reached.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    path: PathBuf,
    limits: Limits,
    threads: HashMap<String, ThreadSums>,
    /// Bytes of the owner's events.
    bytes: u64,
    /// Bytes of events of unknown senders.
    unknown_bytes: u64,
    /// The number of the last event.
    last_seq: u64,
    is_in_memory: bool,
    notices: Vec<Notice>,
}

/// Something that happened to the database.
#[derive(Debug)]
pub(crate) enum Notice {
    /// It could not be used, and another one was begun.
    SetAside {
        /// What was wrong.
        why: StoreError,
        /// Where it is now.
        aside: PathBuf,
        /// How many events of it are in the new one.
        salvaged: u64,
    },
    /// There can be none on disk.
    InMemory(StoreError),
}

/// What is known of a thread without asking the database.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct ThreadSums {
    /// Events of all senders.
    events: u64,
    /// Bytes of the owner's.
    bytes: u64,
    /// When its newest event arrived, in milliseconds since the Unix epoch.
    newest_ms: u64,
}

/// What is buffered altogether.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Threads with events.
    pub(crate) threads: u64,
    /// Events.
    pub(crate) events: u64,
    /// Bytes of their bodies.
    pub(crate) bytes: u64,
    /// Whether they end with this process, because there can be no database on disk.
    pub(crate) are_in_memory: bool,
}

/// An event as it is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredEvent {
    /// Its place in the order of arrival.
    pub(crate) seq: u64,
    /// When it happened, in nanoseconds since the Unix epoch.
    pub(crate) time_ns: u64,
    /// The rest of it, a JSON object.
    pub(crate) body: String,
}

/// The newest event of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Newest {
    /// Its place in the order of arrival.
    pub(crate) seq: u64,
    /// When it arrived, in milliseconds since the Unix epoch.
    pub(crate) received_ms: u64,
}

/// Says what the store could not do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// There is no room on the disk.
    #[error("`{}` cannot grow: the disk is full", .path.display())]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// The database cannot be used.
    #[error("`{}` cannot be used", .path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// The file cannot be created or moved.
    #[error("`{}` cannot be created or moved", .path.display())]
    File {
        /// The database.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    fn database(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        if open::is_full(&source) { Self::Full { path } } else { Self::Database { path, source } }
    }

    /// Whether it says nothing about the database: the next attempt may succeed.
    fn is_passing(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Database { source, .. } => open::is_passing(source),
            Self::File { .. } => false,
        }
    }
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SetAside { why, aside, salvaged } => write!(
                f,
                "the database was set aside as `{}`, and {salvaged} events of it were saved: {}",
                aside.display(),
                chain(why)
            ),
            Self::InMemory(why) => {
                write!(f, "events are in memory only, until the next start: {}", chain(why))
            }
        }
    }
}

/// Puts an event in.
const INSERT: &str = "INSERT INTO events (received_ms, time_ns, bytes, thread, body, unknown) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// The bytes of all events where they are in memory.
const MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// What an event of an unknown sender takes beside its body, such as its thread in our memory.
const UNKNOWN_OVERHEAD: u64 = 256;

impl Store {
    /// Opens the database at `path`, creating it for its owner only; `now_ms` is the time in
    /// milliseconds since the Unix epoch.
    ///
    /// What was in the way of a database on disk is among the notices. Only where there can be none in
    /// memory either, is it an error.
    pub(crate) fn open(path: &Path, limits: Limits, now_ms: u64) -> Result<Self, StoreError> {
        let first_seq = now_ms.saturating_mul(1000);
        let (connection, failed) = match open::connect(path, first_seq) {
            Ok(connection) => (connection, None),
            Err(error) => (open::in_memory(path, first_seq)?, Some(error)),
        };
        let mut store = Self {
            connection,
            path: path.to_owned(),
            limits,
            threads: HashMap::new(),
            bytes: 0,
            unknown_bytes: 0,
            last_seq: first_seq,
            is_in_memory: false,
            notices: Vec::new(),
        };
        let failed = failed.or_else(|| store.take_over().err());
        match failed.map(|error| damage::check_room(path).err().unwrap_or(error)) {
            None => {}
            Some(error) if error.is_passing() => store.go_on_in_memory(error)?,
            Some(error) => store.begin_anew(error, now_ms)?,
        }
        Ok(store)
    }

    /// Reads what there is, and overwrites what one that was killed had removed and not overwritten.
    fn take_over(&mut self) -> Result<(), StoreError> {
        self.load_sums().map_err(|source| StoreError::database(&self.path, source))?;
        match self.give_back_space() {
            Err(error) if !open::is_passing(&error) => Err(StoreError::database(&self.path, error)),
            _ => Ok(()),
        }
    }

    /// Keeps `events`, durably once this returns, and gives up what then exceeds the bounds of their
    /// origin. Returns how many events were given up.
    pub(crate) fn insert(
        &mut self,
        events: &[Event],
        origin: Origin,
        now_ms: u64,
    ) -> Result<u64, StoreError> {
        self.repairing(now_ms, |store| {
            store.connection.execute_batch("BEGIN IMMEDIATE")?;
            let inserted = store.insert_all(events, origin, now_ms).and_then(|dropped| {
                store.connection.execute_batch("COMMIT")?;
                Ok(dropped)
            });
            if inserted.is_err() {
                store.undo()?;
            }
            inserted
        })
    }

    /// The events of `thread` after the cursor `after`, oldest first, as many as fit into
    /// `limit` bytes and at least one.
    pub(crate) fn after(
        &mut self,
        thread: &str,
        after: u64,
        limit: u64,
        now_ms: u64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let sql = "SELECT seq, time_ns, body FROM events WHERE thread = ?1 AND seq > ?2 \
                   ORDER BY seq";
        self.repairing(now_ms, |store| store.select(sql, thread, after, limit))
    }

    /// Removes the events of `thread` up to and with the cursor `through`; returns how many.
    pub(crate) fn remove_through(
        &mut self,
        thread: &str,
        through: u64,
        now_ms: u64,
    ) -> Result<u64, StoreError> {
        self.repairing(now_ms, |store| store.delete_through(thread, through))
    }

    /// Removes the threads that nothing arrived for since `before_ms`; returns how many events
    /// that were.
    pub(crate) fn remove_idle(&mut self, before_ms: u64, now_ms: u64) -> Result<u64, StoreError> {
        self.repairing(now_ms, |store| {
            let idle = |(_, sums): &(&String, &ThreadSums)| sums.newest_ms <= before_ms;
            let threads: Vec<String> =
                store.threads.iter().filter(idle).map(|(thread, _)| thread.clone()).collect();
            let mut removed = 0;
            for thread in threads {
                removed += store.delete_through(&thread, u64::MAX)?;
            }
            Ok(removed)
        })
    }

    /// Removes the events that are too old; returns how many.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Result<u64, StoreError> {
        self.repairing(now_ms, |store| store.drop_beyond_bounds(now_ms))
    }

    /// Gives the disk space of removed events back, which takes a moment; to be called when
    /// no request waits.
    pub(crate) fn tidy(&mut self, now_ms: u64) -> Result<(), StoreError> {
        self.repairing(now_ms, |store| store.give_back_space())
    }

    /// When the oldest event arrived, in milliseconds since the Unix epoch.
    pub(crate) fn oldest_ms(&mut self, now_ms: u64) -> Result<Option<u64>, StoreError> {
        self.repairing(now_ms, |store| {
            let sql = "SELECT received_ms FROM events ORDER BY seq LIMIT 1";
            let row = store.connection.query_row(sql, [], |row| row.get(0).map(unsigned));
            row.optional()
        })
    }

    /// What is buffered.
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            threads: self.threads.len() as u64,
            events: self.threads.values().map(|sums| sums.events).sum(),
            bytes: self.bytes + self.unknown_bytes,
            are_in_memory: self.is_in_memory,
        }
    }

    /// When the newest event arrived, in milliseconds since the Unix epoch.
    pub(crate) fn newest_ms(&self) -> Option<u64> {
        self.threads.values().map(|sums| sums.newest_ms).max()
    }

    /// Whether there are events of `thread`.
    pub(crate) fn holds(&self, thread: &str) -> bool {
        self.threads.contains_key(thread)
    }

    /// What happened to the database since this was asked.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn insert_all(
        &mut self,
        events: &[Event],
        origin: Origin,
        now_ms: u64,
    ) -> rusqlite::Result<u64> {
        let (overhead, bytes_of_all) = match origin {
            Origin::Owner => (0, &mut self.bytes),
            Origin::Unknown => (UNKNOWN_OVERHEAD, &mut self.unknown_bytes),
        };
        let mut inserted = 0;
        {
            let mut statement = self.connection.prepare_cached(INSERT)?;
            for event in events {
                let length = event.body.len() as u64;
                if length > self.limits.thread_bytes {
                    continue;
                }
                let bytes = length + overhead;
                let (received, time) = (integer(now_ms), integer(event.time_ns));
                statement.execute(params![
                    received,
                    time,
                    integer(bytes),
                    event.thread,
                    event.body,
                    origin == Origin::Unknown,
                ])?;
                let sums = match self.threads.get_mut(&event.thread) {
                    Some(sums) => sums,
                    None => self.threads.entry(event.thread.clone()).or_default(),
                };
                sums.add(bytes, origin, now_ms);
                *bytes_of_all += bytes;
                inserted += 1;
            }
        }
        self.last_seq = self.last_seq.max(unsigned(self.connection.last_insert_rowid()));
        let too_large = events.len() as u64 - inserted;
        Ok(too_large + self.drop_beyond_bounds(now_ms)?)
    }

    /// Forgets the transaction that failed, in the database and in the sums.
    fn undo(&mut self) -> rusqlite::Result<()> {
        // SQLite ends it itself after some errors.
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.load_sums()
    }

    fn select(
        &self,
        sql: &str,
        thread: &str,
        bound: u64,
        limit: u64,
    ) -> rusqlite::Result<Vec<StoredEvent>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![thread, integer(bound)])?;
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let Some(event) = stored_event(row)? else { continue };
            bytes += event.body.len() as u64;
            if bytes > limit && !events.is_empty() {
                break;
            }
            events.push(event);
        }
        Ok(events)
    }

    /// Does `work`, and once more with a new database if the present one cannot be used.
    fn repairing<T>(
        &mut self,
        now_ms: u64,
        mut work: impl FnMut(&mut Self) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let error = match work(self) {
            Ok(done) => return Ok(done),
            Err(source) => StoreError::database(&self.path, source),
        };
        if error.is_passing() || self.is_in_memory {
            return Err(error);
        }
        damage::check_room(&self.path)?;
        self.begin_anew(error, now_ms)?;
        work(self).map_err(|source| StoreError::database(&self.path, source))
    }

    /// Sets the database aside and begins another one with what can be read of it.
    fn begin_anew(&mut self, why: StoreError, now_ms: u64) -> Result<(), StoreError> {
        let first_seq = now_ms.saturating_mul(1000).max(self.last_seq);
        // The old connection must be gone before its files are: it would write to them.
        self.connection = open::in_memory(&self.path, first_seq)?;
        let aside = match damage::set_aside(&self.path, now_ms) {
            Ok(aside) => aside,
            Err(error) => return self.go_on_in_memory(error),
        };
        let opened = open::connect(&self.path, first_seq);
        let unopened = opened.map(|connection| self.connection = connection).err();
        let salvaged = damage::salvage(&aside, &self.connection, now_ms);
        self.notices.push(Notice::SetAside { why, aside, salvaged });
        match unopened {
            Some(error) => self.go_on_in_memory(error),
            None => self.load_sums().map_err(|source| StoreError::database(&self.path, source)),
        }
    }

    /// Goes on with the present connection, which is not to a file, or with a new one.
    fn go_on_in_memory(&mut self, why: StoreError) -> Result<(), StoreError> {
        if self.connection.path().is_some_and(|path| !path.is_empty()) {
            self.connection = open::in_memory(&self.path, self.last_seq)?;
        }
        self.is_in_memory = true;
        self.limits.total_bytes = self.limits.total_bytes.min(MEMORY_BYTES);
        self.notices.push(Notice::InMemory(why));
        self.load_sums().map_err(|source| StoreError::database(&self.path, source))
    }
}

/// The event in a row of `seq, time_ns, body`; none where bits of its body were lost.
fn stored_event(row: &Row<'_>) -> rusqlite::Result<Option<StoredEvent>> {
    let Some(body) = row.get_ref(2)?.as_bytes().ok().and_then(json_object) else {
        return Ok(None);
    };
    Ok(Some(StoredEvent { seq: unsigned(row.get(0)?), time_ns: unsigned(row.get(1)?), body }))
}

/// The text of a JSON object, if it is one.
fn json_object(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.starts_with('{'))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok().then(|| text.to_owned())
}

/// SQLite has no unsigned numbers; what does not fit is as good as the largest that does.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests;
