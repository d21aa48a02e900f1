//! The interface of the Python plugin's buffer service: each event is handed out once.
//!
//! Other programs drain, while the hook reads by cursor and acknowledges. So draining removes nothing:
//! it marks an event, and the hook still finds it.

use rusqlite::{OptionalExtension, params};

use super::{Newest, Store, StoreError, StoredEvent, integer, stored_event, unsigned};

impl Store {
    /// The events of `thread` that happened after `since_ns` and were not drained before, in the order
    /// of arrival.
    pub(crate) fn drain(
        &mut self,
        thread: &str,
        since_ns: u64,
        now_ms: u64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.repairing(now_ms, |store| {
            let mut statement = store.connection.prepare_cached(
                "UPDATE events SET drained = 1 \
                 WHERE thread = ?1 AND time_ns > ?2 AND drained = 0 RETURNING seq, time_ns, body",
            )?;
            let rows =
                statement.query_and_then(params![thread, integer(since_ns)], stored_event)?;
            let events: rusqlite::Result<Vec<_>> = rows.filter_map(Result::transpose).collect();
            let mut events = events?;
            // SQLite promises no order.
            events.sort_by_key(|event| event.seq);
            Ok(events)
        })
    }

    /// The newest arrival among the events that [`Store::drain`] would hand out.
    pub(crate) fn newest_to_drain(
        &mut self,
        thread: &str,
        since_ns: u64,
        now_ms: u64,
    ) -> Result<Option<Newest>, StoreError> {
        self.repairing(now_ms, |store| {
            let mut statement = store.connection.prepare_cached(
                "SELECT seq, received_ms FROM events \
                 WHERE thread = ?1 AND time_ns > ?2 AND drained = 0 ORDER BY seq DESC LIMIT 1",
            )?;
            let row = statement.query_row(params![thread, integer(since_ns)], |row| {
                Ok(Newest { seq: unsigned(row.get(0)?), received_ms: unsigned(row.get(1)?) })
            });
            row.optional()
        })
    }
}
