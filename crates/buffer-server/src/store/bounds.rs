//! Giving up the oldest events, removing what was collected, and giving disk space back.

use std::collections::HashMap;

use rusqlite::params;

use super::{Store, ThreadSums, integer, unsigned};

/// Unused pages of the database that are kept for the next events: 1 MiB.
const SPARE_PAGES: i64 = 256;

impl Store {
    /// Reads the sums of what the database holds.
    pub(super) fn load_sums(&mut self) -> rusqlite::Result<()> {
        let mut threads = HashMap::new();
        {
            let mut statement = self.connection.prepare(
                "SELECT thread, count(*), sum(bytes), max(received_ms) FROM events \
                 GROUP BY thread",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let sums = ThreadSums {
                    events: unsigned(row.get(1)?),
                    bytes: unsigned(row.get(2)?),
                    newest_ms: unsigned(row.get(3)?),
                };
                threads.insert(row.get(0)?, sums);
            }
        }
        self.bytes = threads.values().map(|sums: &ThreadSums| sums.bytes).sum();
        self.threads = threads;
        Ok(())
    }

    /// Gives up the oldest events until every bound holds; returns how many.
    pub(super) fn drop_beyond_bounds(&mut self, now_ms: u64) -> rusqlite::Result<u64> {
        let limit = self.limits.thread_bytes;
        let too_long = |(_, sums): &(&String, &ThreadSums)| sums.bytes > limit;
        let threads: Vec<(String, u64)> = self
            .threads
            .iter()
            .filter(too_long)
            .map(|(thread, sums)| (thread.clone(), sums.bytes - limit))
            .collect();
        let mut dropped = 0;
        for (thread, excess) in threads {
            let through = self.seq_that_frees(&thread, excess)?;
            dropped += self.delete_through(&thread, through)?;
        }
        Ok(dropped + self.drop_oldest_of_all(now_ms)?)
    }

    /// Removes the events of `thread` up to and with `through`; returns how many.
    pub(super) fn delete_through(&mut self, thread: &str, through: u64) -> rusqlite::Result<u64> {
        let Some(sums) = self.threads.get_mut(thread) else { return Ok(0) };
        let (mut events, mut bytes) = (0, 0);
        {
            let mut statement = self.connection.prepare_cached(
                "DELETE FROM events WHERE thread = ?1 AND seq <= ?2 RETURNING bytes",
            )?;
            let mut rows = statement.query(params![thread, integer(through)])?;
            while let Some(row) = rows.next()? {
                events += 1;
                bytes += unsigned(row.get(0)?);
            }
        }
        sums.subtract(events, bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
        if sums.events == 0 {
            self.threads.remove(thread);
        }
        Ok(events)
    }

    /// Returns unused pages to the file system, if there are enough of them to be worth it.
    pub(super) fn give_back_space(&self) -> rusqlite::Result<()> {
        let free: i64 = self.connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
        if free <= SPARE_PAGES {
            return Ok(());
        }
        let mut statement = self.connection.prepare("PRAGMA incremental_vacuum")?;
        let mut rows = statement.query([])?;
        // One page per step.
        while rows.next()?.is_some() {}
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// The event of `thread` up to which events have to go to free `excess` bytes.
    fn seq_that_frees(&self, thread: &str, excess: u64) -> rusqlite::Result<u64> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq, bytes FROM events WHERE thread = ?1 ORDER BY seq")?;
        let mut rows = statement.query([thread])?;
        let (mut last, mut freed) = (0, 0);
        while freed < excess
            && let Some(row) = rows.next()?
        {
            last = unsigned(row.get(0)?);
            freed += unsigned(row.get(1)?);
        }
        Ok(last)
    }

    /// Gives up events of any thread while they are too old or all are too many.
    fn drop_oldest_of_all(&mut self, now_ms: u64) -> rusqlite::Result<u64> {
        let max_age = u64::try_from(self.limits.age.as_millis()).unwrap_or(u64::MAX);
        let too_old = now_ms.saturating_sub(max_age);
        let mut doomed = Vec::new();
        {
            let mut statement = self.connection.prepare_cached(
                "SELECT seq, received_ms, bytes, thread FROM events ORDER BY seq",
            )?;
            let mut rows = statement.query([])?;
            let mut kept = self.bytes;
            while let Some(row) = rows.next()? {
                let bytes = unsigned(row.get(2)?);
                if unsigned(row.get(1)?) >= too_old && kept <= self.limits.total_bytes {
                    break;
                }
                kept = kept.saturating_sub(bytes);
                doomed.push((unsigned(row.get(0)?), bytes, row.get::<_, String>(3)?));
            }
        }
        let Some((last, ..)) = doomed.last() else { return Ok(0) };
        self.connection
            .prepare_cached("DELETE FROM events WHERE seq <= ?1")?
            .execute([integer(*last)])?;
        for (_, bytes, thread) in &doomed {
            self.bytes = self.bytes.saturating_sub(*bytes);
            if let Some(sums) = self.threads.get_mut(thread) {
                sums.subtract(1, *bytes);
            }
        }
        self.threads.retain(|_, sums| sums.events > 0);
        Ok(doomed.len() as u64)
    }
}

impl ThreadSums {
    /// Counts an event that arrived at `now_ms`.
    pub(super) fn add(&mut self, bytes: u64, now_ms: u64) {
        self.events += 1;
        self.bytes += bytes;
        self.newest_ms = now_ms;
    }

    fn subtract(&mut self, events: u64, bytes: u64) {
        self.events = self.events.saturating_sub(events);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}
