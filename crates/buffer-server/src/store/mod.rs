//! The buffered events, in SQLite.
//!
//! One connection, used by one thread at a time. A batch of events is one transaction: after
//! [`Store::insert`] returns, it survives the end of the process in any form. Each insert also
//! keeps the bounds, oldest events first. Sums per thread are kept in memory, so that neither
//! bounds nor health need a scan.
//!
//! A database that turns out to be corrupt is moved aside and a new one is begun: the events of
//! a day are not worth a service that does not start. The sequence of a new database begins at
//! the current time in microseconds, so a cursor that a client kept stays older than what
//! arrives from then on.

mod bounds;
mod open;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::{config::Limits, event::Event};

/// Keeps events per thread until they are removed or a bound is reached.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    path: PathBuf,
    limits: Limits,
    threads: HashMap<String, ThreadSums>,
    bytes: u64,
    moved_aside: Option<PathBuf>,
}

/// What is known of a thread without asking the database.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct ThreadSums {
    events: u64,
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
    #[error("`{}` cannot be created", .path.display())]
    File {
        /// The database.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl Store {
    /// Opens the database at `path`, creating it for its owner only; `now_ms` is the time in
    /// milliseconds since the Unix epoch.
    pub(crate) fn open(path: &Path, limits: Limits, now_ms: u64) -> Result<Self, StoreError> {
        let (connection, moved_aside) = match open::connect(path, now_ms) {
            Err(error) if open::is_unusable(&error) => {
                let aside = open::move_aside(path)?;
                (open::connect(path, now_ms)?, Some(aside))
            }
            other => (other?, None),
        };
        let mut store = Self {
            connection,
            path: path.to_owned(),
            limits,
            threads: HashMap::new(),
            bytes: 0,
            moved_aside,
        };
        store.repairing(now_ms, Self::load_sums)?;
        Ok(store)
    }

    /// Keeps `events`, durably once this returns, and gives up what then exceeds the bounds.
    /// Returns how many events were given up.
    pub(crate) fn insert(&mut self, events: &[Event], now_ms: u64) -> Result<u64, StoreError> {
        self.repairing(now_ms, |store| {
            store.connection.execute_batch("BEGIN IMMEDIATE")?;
            let inserted = store.insert_all(events, now_ms).and_then(|dropped| {
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

    /// The events of `thread` that happened after `since_ns`, in the order of arrival.
    pub(crate) fn since(
        &mut self,
        thread: &str,
        since_ns: u64,
        now_ms: u64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let sql = "SELECT seq, time_ns, body FROM events WHERE thread = ?1 AND time_ns > ?2 \
                   ORDER BY seq";
        self.repairing(now_ms, |store| store.select(sql, thread, since_ns, u64::MAX))
    }

    /// The newest arrival among the events of `thread` that happened after `since_ns`.
    pub(crate) fn newest_since(
        &mut self,
        thread: &str,
        since_ns: u64,
        now_ms: u64,
    ) -> Result<Option<Newest>, StoreError> {
        self.repairing(now_ms, |store| {
            let mut statement = store.connection.prepare_cached(
                "SELECT seq, received_ms FROM events WHERE thread = ?1 AND time_ns > ?2 \
                 ORDER BY seq DESC LIMIT 1",
            )?;
            let row = statement.query_row(params![thread, integer(since_ns)], |row| {
                Ok(Newest { seq: unsigned(row.get(0)?), received_ms: unsigned(row.get(1)?) })
            });
            row.optional()
        })
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
    /// nobody waits.
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
            bytes: self.bytes,
        }
    }

    /// Whether there are events of `thread`.
    pub(crate) fn holds(&self, thread: &str) -> bool {
        self.threads.contains_key(thread)
    }

    /// Where a corrupt database was moved to, once.
    pub(crate) fn take_moved_aside(&mut self) -> Option<PathBuf> {
        self.moved_aside.take()
    }

    fn insert_all(&mut self, events: &[Event], now_ms: u64) -> rusqlite::Result<u64> {
        let mut inserted = 0;
        {
            let mut statement = self.connection.prepare_cached(
                "INSERT INTO events (received_ms, time_ns, bytes, thread, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for event in events {
                let bytes = event.body.len() as u64;
                if bytes > self.limits.thread_bytes {
                    continue;
                }
                let (received, time) = (integer(now_ms), integer(event.time_ns));
                statement.execute(params![
                    received,
                    time,
                    integer(bytes),
                    event.thread,
                    event.body
                ])?;
                let sums = match self.threads.get_mut(&event.thread) {
                    Some(sums) => sums,
                    None => self.threads.entry(event.thread.clone()).or_default(),
                };
                sums.add(bytes, now_ms);
                self.bytes += bytes;
                inserted += 1;
            }
        }
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
            let body: String = row.get(2)?;
            bytes += body.len() as u64;
            if bytes > limit && !events.is_empty() {
                break;
            }
            let (seq, time_ns) = (unsigned(row.get(0)?), unsigned(row.get(1)?));
            events.push(StoredEvent { seq, time_ns, body });
        }
        Ok(events)
    }

    /// Does `work`, and once more with a new database if the present one is corrupt.
    fn repairing<T>(
        &mut self,
        now_ms: u64,
        mut work: impl FnMut(&mut Self) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        match work(self) {
            Err(error) if open::is_corrupt(&error) => {
                self.begin_anew(now_ms)?;
                work(self).map_err(|source| self.error(source))
            }
            other => other.map_err(|source| self.error(source)),
        }
    }

    fn begin_anew(&mut self, now_ms: u64) -> Result<(), StoreError> {
        // The old connection must be gone before its files are: it would write to them.
        let nowhere = Connection::open_in_memory().map_err(|source| self.error(source))?;
        drop(std::mem::replace(&mut self.connection, nowhere));
        self.moved_aside = Some(open::move_aside(&self.path)?);
        self.connection = open::connect(&self.path, now_ms)?;
        self.threads.clear();
        self.bytes = 0;
        Ok(())
    }

    fn error(&self, source: rusqlite::Error) -> StoreError {
        let path = self.path.clone();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full { path },
            _ => StoreError::Database { path, source },
        }
    }
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
