//! Giving up the oldest events, removing what was collected, and giving disk space back.

use std::collections::HashMap;

use rusqlite::params;

use super::{Store, ThreadSums, integer, unsigned};
use crate::http::Origin;

/// Unused pages of the database that are kept for the next events: 1 MiB.
const SPARE_PAGES: i64 = 256;

impl Store {
    /// Reads the sums of what the database holds.
    pub(super) fn load_sums(&mut self) -> rusqlite::Result<()> {
        let mut threads: HashMap<String, ThreadSums> = HashMap::new();
        let (mut owners, mut unknowns, mut last) = (0, 0, self.last_seq);
        {
            let mut statement = self.connection.prepare(
                "SELECT thread, unknown, count(*), sum(bytes), max(received_ms), max(seq) \
                 FROM events INDEXED BY events_by_thread GROUP BY thread, unknown",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let number = |place| row.get(place).map(unsigned);
                let (is_unknown, bytes): (bool, u64) = (row.get(1)?, number(3)?);
                let sums = threads.entry(row.get(0)?).or_default();
                sums.events += number(2)?;
                sums.newest_ms = sums.newest_ms.max(number(4)?);
                match is_unknown {
                    true => unknowns += bytes,
                    false => {
                        owners += bytes;
                        sums.bytes += bytes;
                    }
                }
                last = last.max(number(5)?);
            }
        }
        (self.threads, self.bytes, self.unknown_bytes) = (threads, owners, unknowns);
        self.last_seq = last;
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
            dropped += self.delete(&thread, through, "AND unknown = 0")?;
        }
        for origin in [Origin::Owner, Origin::Unknown] {
            dropped += self.drop_oldest(origin, now_ms)?;
        }
        Ok(dropped)
    }

    /// Removes the events of `thread` up to and with `through`; returns how many.
    pub(super) fn delete_through(&mut self, thread: &str, through: u64) -> rusqlite::Result<u64> {
        self.delete(thread, through, "")
    }

    fn delete(&mut self, thread: &str, through: u64, further: &str) -> rusqlite::Result<u64> {
        if !self.threads.contains_key(thread) {
            return Ok(0);
        }
        let sql = format!(
            "DELETE FROM events WHERE thread = ?1 AND seq <= ?2 {further} RETURNING bytes, unknown"
        );
        let mut removed = Vec::new();
        {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![thread, integer(through)])?;
            while let Some(row) = rows.next()? {
                removed.push((unsigned(row.get(0)?), row.get::<_, bool>(1)?));
            }
        }
        for &(bytes, is_unknown) in &removed {
            let origin = if is_unknown { Origin::Unknown } else { Origin::Owner };
            self.forget(thread, bytes, origin);
        }
        Ok(removed.len() as u64)
    }

    /// Overwrites what was removed, in the log of the last changes, too, and returns unused pages to
    /// the file system, if there are enough of them to be worth it.
    pub(super) fn give_back_space(&self) -> rusqlite::Result<()> {
        let free: i64 = self.connection.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
        if free > SPARE_PAGES {
            let mut statement = self.connection.prepare("PRAGMA incremental_vacuum")?;
            let mut rows = statement.query([])?;
            // One page per step.
            while rows.next()?.is_some() {}
        }
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// The event of `thread` up to which the owner's have to go to free `excess` bytes.
    fn seq_that_frees(&self, thread: &str, excess: u64) -> rusqlite::Result<u64> {
        let mut statement = self.connection.prepare_cached(
            "SELECT seq, bytes FROM events WHERE thread = ?1 AND unknown = 0 ORDER BY seq",
        )?;
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

    /// Gives up events of one origin while they are too old or all of them are too many.
    fn drop_oldest(&mut self, origin: Origin, now_ms: u64) -> rusqlite::Result<u64> {
        let (mut kept, limit, of_origin) = match origin {
            Origin::Owner => (self.bytes, self.limits.total_bytes, "unknown = 0"),
            Origin::Unknown => (self.unknown_bytes, self.limits.unknown_bytes, "unknown = 1"),
        };
        if kept == 0 {
            return Ok(0);
        }
        let max_age = u64::try_from(self.limits.age.as_millis()).unwrap_or(u64::MAX);
        let too_old = now_ms.saturating_sub(max_age);
        let mut doomed = Vec::new();
        {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT seq, received_ms, bytes, thread FROM events WHERE {of_origin} ORDER BY seq"
            ))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let bytes = unsigned(row.get(2)?);
                if unsigned(row.get(1)?) >= too_old && kept <= limit {
                    break;
                }
                kept = kept.saturating_sub(bytes);
                doomed.push((unsigned(row.get(0)?), bytes, row.get::<_, String>(3)?));
            }
        }
        let Some((last, ..)) = doomed.last() else { return Ok(0) };
        self.connection
            .prepare_cached(&format!("DELETE FROM events WHERE seq <= ?1 AND {of_origin}"))?
            .execute([integer(*last)])?;
        for (_, bytes, thread) in &doomed {
            self.forget(thread, *bytes, origin);
        }
        Ok(doomed.len() as u64)
    }

    /// Takes an event that was removed out of the sums.
    fn forget(&mut self, thread: &str, bytes: u64, origin: Origin) {
        let of_all = match origin {
            Origin::Owner => &mut self.bytes,
            Origin::Unknown => &mut self.unknown_bytes,
        };
        *of_all = of_all.saturating_sub(bytes);
        let Some(sums) = self.threads.get_mut(thread) else { return };
        sums.events = sums.events.saturating_sub(1);
        if origin == Origin::Owner {
            sums.bytes = sums.bytes.saturating_sub(bytes);
        }
        if sums.events == 0 {
            self.threads.remove(thread);
        }
    }
}

impl ThreadSums {
    /// Counts an event that arrived at `now_ms`.
    pub(super) fn add(&mut self, bytes: u64, origin: Origin, now_ms: u64) {
        self.events += 1;
        self.newest_ms = now_ms;
        if origin == Origin::Owner {
            self.bytes += bytes;
        }
    }
}
