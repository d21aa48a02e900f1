use std::{fs, time::Duration};

use tempfile::TempDir;

use super::*;

mod damage;
mod overwriting;

const NOW_MS: u64 = 1_800_000_000_000;

fn open(home: &TempDir, limits: Limits) -> Store {
    Store::open(&home.path().join("state/buffer.db"), limits, NOW_MS).unwrap()
}

fn limits(thread_bytes: u64, total_bytes: u64) -> Limits {
    Limits { thread_bytes, total_bytes, ..Limits::default() }
}

/// An event of ten bytes.
fn event(thread: &str, time_ns: u64) -> Event {
    Event { thread: thread.to_owned(), time_ns, body: format!("{{\"n\":{:4}}}", time_ns) }
}

fn times(events: &[StoredEvent]) -> Vec<u64> {
    events.iter().map(|event| event.time_ns).collect()
}

fn all(store: &mut Store, thread: &str) -> Vec<u64> {
    times(&store.after(thread, 0, u64::MAX, NOW_MS).unwrap())
}

#[test]
fn events_come_back_by_cursor() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    store
        .insert(
            &[event("a", 30), event("b", 1), event("a", 10), event("a", 20)],
            Origin::Owner,
            NOW_MS,
        )
        .unwrap();
    let events = store.after("a", 0, u64::MAX, NOW_MS).unwrap();
    assert_eq!(times(&events), [30, 10, 20]);
    assert!(events[0].seq > NOW_MS * 1000, "the sequence begins at the present");
    assert_eq!(times(&store.after("a", events[0].seq, u64::MAX, NOW_MS).unwrap()), [10, 20]);
    assert_eq!(times(&store.after("a", 0, 20, NOW_MS).unwrap()), [30, 10]);
    assert_eq!(times(&store.after("a", 0, 1, NOW_MS).unwrap()), [30], "at least one");
    assert_eq!(store.totals(), Totals { threads: 2, events: 4, bytes: 40, are_in_memory: false });
}

#[test]
fn events_are_drained_once_by_time_and_stay() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    let events = [event("a", 30), event("b", 1), event("a", 10), event("a", 20)];
    store.insert(&events, Origin::Owner, NOW_MS).unwrap();
    let newest = store.newest_to_drain("a", 20, NOW_MS).unwrap();
    let first = store.after("a", 0, 1, NOW_MS).unwrap()[0].seq;
    assert_eq!(newest, Some(Newest { seq: first, received_ms: NOW_MS }));
    assert_eq!(store.newest_to_drain("a", 30, NOW_MS).unwrap(), None);
    assert_eq!(times(&store.drain("a", 10, NOW_MS).unwrap()), [30, 20]);
    assert_eq!(store.newest_to_drain("a", 10, NOW_MS).unwrap(), None);
    drop(store);
    // Also for a service that was started again.
    let mut store = open(&home, Limits::default());
    store.insert(&[event("a", 25)], Origin::Owner, NOW_MS).unwrap();
    assert_eq!(times(&store.drain("a", 10, NOW_MS).unwrap()), [25]);
    assert_eq!(times(&store.drain("a", 0, NOW_MS).unwrap()), [10], "it was too old before");
    assert_eq!(times(&store.drain("a", 0, NOW_MS).unwrap()), [0; 0]);
    assert_eq!(all(&mut store, "a"), [30, 10, 20, 25], "the hook still reads them");
}

#[test]
fn what_is_removed_is_gone_and_its_numbers_are_not_used_again() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    store.insert(&[event("a", 1), event("b", 2), event("a", 3)], Origin::Owner, NOW_MS).unwrap();
    let events = store.after("a", 0, u64::MAX, NOW_MS).unwrap();
    assert_eq!(store.remove_through("a", events[0].seq, NOW_MS).unwrap(), 1);
    assert_eq!(all(&mut store, "a"), [3]);
    assert_eq!(store.remove_through("a", u64::MAX, NOW_MS).unwrap(), 1);
    assert_eq!(store.remove_through("a", u64::MAX, NOW_MS).unwrap(), 0);
    assert_eq!(store.totals(), Totals { threads: 1, events: 1, bytes: 10, are_in_memory: false });
    drop(store);
    // The clock was set back meanwhile.
    let mut store =
        Store::open(&home.path().join("state/buffer.db"), Limits::default(), 5).unwrap();
    store.insert(&[event("a", 4)], Origin::Owner, 5).unwrap();
    let seq = store.after("a", 0, u64::MAX, NOW_MS).unwrap()[0].seq;
    assert!(seq > events[1].seq, "{seq}");
}

#[test]
fn the_oldest_events_of_a_long_thread_go_first() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, limits(30, 1000));
    let dropped = store
        .insert(&[event("b", 1), event("a", 2), event("a", 3)], Origin::Owner, NOW_MS)
        .unwrap();
    assert_eq!(dropped, 0);
    let dropped = store
        .insert(&[event("a", 4), event("a", 5), event("a", 6)], Origin::Owner, NOW_MS)
        .unwrap();
    assert_eq!(dropped, 2);
    assert_eq!(all(&mut store, "a"), [4, 5, 6]);
    assert_eq!(all(&mut store, "b"), [1]);
    assert_eq!(store.totals(), Totals { threads: 2, events: 4, bytes: 40, are_in_memory: false });
}

#[test]
fn the_oldest_events_of_all_go_when_there_are_too_many() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, limits(30, 50));
    store.insert(&[event("a", 1), event("b", 2), event("b", 3)], Origin::Owner, NOW_MS).unwrap();
    let dropped = store.insert(
        &[event("c", 4), event("c", 5), event("c", 6), event("d", 7)],
        Origin::Owner,
        NOW_MS,
    );
    assert_eq!(dropped.unwrap(), 2);
    assert_eq!(all(&mut store, "a"), [0; 0]);
    assert_eq!(all(&mut store, "b"), [3]);
    assert_eq!(all(&mut store, "c"), [4, 5, 6]);
    assert_eq!(store.totals(), Totals { threads: 3, events: 5, bytes: 50, are_in_memory: false });
}

#[test]
fn an_event_that_is_too_large_does_not_cost_the_others() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, limits(30, 50));
    let large = Event { body: "x".repeat(31), ..event("a", 2) };
    assert_eq!(store.insert(&[event("a", 1), large], Origin::Owner, NOW_MS).unwrap(), 1);
    assert_eq!(all(&mut store, "a"), [1]);
}

#[test]
fn events_grow_old() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits { age: Duration::from_secs(1), ..Limits::default() });
    store.insert(&[event("a", 1)], Origin::Owner, NOW_MS).unwrap();
    store.insert(&[event("b", 2)], Origin::Owner, NOW_MS + 500).unwrap();
    assert_eq!(store.oldest_ms(NOW_MS).unwrap(), Some(NOW_MS));
    assert_eq!(store.expire(NOW_MS + 1000).unwrap(), 0);
    assert_eq!(store.expire(NOW_MS + 1001).unwrap(), 1);
    assert_eq!(store.oldest_ms(NOW_MS).unwrap(), Some(NOW_MS + 500));
    assert_eq!(store.insert(&[event("c", 3)], Origin::Owner, NOW_MS + 1501).unwrap(), 1);
    assert_eq!(store.totals(), Totals { threads: 1, events: 1, bytes: 10, are_in_memory: false });
}

#[test]
fn silent_threads_are_removed() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    store.insert(&[event("a", 1), event("b", 2)], Origin::Owner, NOW_MS).unwrap();
    store.insert(&[event("b", 3)], Origin::Owner, NOW_MS + 10).unwrap();
    assert_eq!(store.remove_idle(NOW_MS - 1, NOW_MS).unwrap(), 0);
    assert_eq!(store.remove_idle(NOW_MS, NOW_MS).unwrap(), 1);
    assert_eq!(all(&mut store, "b"), [2, 3]);
}

#[test]
fn sums_are_right_after_opening_again() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    store.insert(&[event("a", 1), event("b", 2), event("a", 3)], Origin::Owner, NOW_MS).unwrap();
    let (totals, threads) = (store.totals(), store.threads.clone());
    drop(store);
    let store = open(&home, Limits::default());
    assert_eq!(store.totals(), totals);
    assert_eq!(store.threads, threads);
}

#[test]
fn disk_space_is_given_back() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    let large = Event { body: format!("\"{}\"", "x".repeat(100_000)), ..event("a", 1) };
    store.insert(&vec![large; 50], Origin::Owner, NOW_MS).unwrap();
    let on_disk = || -> u64 {
        let files = fs::read_dir(home.path().join("state")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    };
    assert!(on_disk() > 5_000_000);
    store.remove_through("a", u64::MAX, NOW_MS).unwrap();
    store.tidy(NOW_MS).unwrap();
    assert!(on_disk() < 200_000, "{}", on_disk());
}

#[test]
fn a_full_disk_is_said_and_nothing_is_half_done() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    store.insert(&[event("a", 1)], Origin::Owner, NOW_MS).unwrap();
    store.connection.pragma_update(None, "max_page_count", 30).unwrap();
    let large = Event { body: format!("\"{}\"", "x".repeat(200_000)), ..event("b", 3) };
    let error = store.insert(&[event("b", 2), large], Origin::Owner, NOW_MS).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert_eq!(store.totals(), Totals { threads: 1, events: 1, bytes: 10, are_in_memory: false });
    store.insert(&[event("b", 4)], Origin::Owner, NOW_MS).unwrap();
    assert_eq!(all(&mut store, "b"), [4]);
}

/// A database as an earlier version made it, with an event of thread `a`.
fn of_version(home: &TempDir, version: u8, columns: &str, indexes: &str, event: &str) {
    let path = home.path().join("state/buffer.db");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(&format!(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
         CREATE TABLE events (
             seq INTEGER PRIMARY KEY AUTOINCREMENT, received_ms INTEGER NOT NULL,
             time_ns INTEGER NOT NULL, bytes INTEGER NOT NULL, thread TEXT NOT NULL,
             body TEXT NOT NULL {columns}
         ) STRICT;
         {indexes}
         INSERT INTO events VALUES ({event});
         PRAGMA user_version = {version};"
    ))
    .unwrap();
}

#[test]
fn a_database_of_the_first_version_is_taken_over() {
    let home = tempfile::tempdir().unwrap();
    let index = "CREATE INDEX events_by_thread ON events (thread, seq, bytes, received_ms);";
    of_version(&home, 1, "", index, "7, 1800000000000, 30, 10, 'a', '{\"n\":0030}'");
    let mut store = open(&home, Limits::default());
    assert!(store.take_notices().is_empty());
    store.insert(&[event("a", 31)], Origin::Owner, NOW_MS).unwrap();
    store.insert(&[event("a", 32)], Origin::Unknown, NOW_MS).unwrap();
    let expected = store.threads.clone();
    drop(store);
    let mut store = open(&home, Limits::default());
    assert_eq!(all(&mut store, "a"), [31, 32], "the body of the old one is no JSON");
    assert_eq!(store.threads, expected);
    assert_eq!((store.bytes, store.unknown_bytes), (20, 10 + UNKNOWN_OVERHEAD));
    assert_eq!(times(&store.drain("a", 0, NOW_MS).unwrap()), [31, 32]);
}

#[test]
fn a_database_of_the_second_version_is_taken_over() {
    let home = tempfile::tempdir().unwrap();
    let indexes = "
        CREATE INDEX events_by_thread ON events (thread, seq, bytes, received_ms, unknown);
        CREATE INDEX events_of_unknown ON events (seq) WHERE unknown = 1;";
    let columns = ", unknown INTEGER NOT NULL DEFAULT 0";
    of_version(&home, 2, columns, indexes, "7, 1800000000000, 30, 10, 'a', '{\"n\":1}', 0");
    let mut store = open(&home, Limits::default());
    assert!(store.take_notices().is_empty());
    store.insert(&[event("a", 31)], Origin::Owner, NOW_MS).unwrap();
    for expected in [&[30, 31][..], &[]] {
        assert_eq!(times(&store.drain("a", 0, NOW_MS).unwrap()), expected);
    }
    drop(store);
    let mut store = open(&home, Limits::default());
    assert_eq!(all(&mut store, "a"), [30, 31]);
}

#[test]
fn unknown_senders_take_no_room_of_the_owners() {
    let home = tempfile::tempdir().unwrap();
    let room = Limits { unknown_bytes: 3 * (10 + UNKNOWN_OVERHEAD), ..limits(30, 60) };
    let mut store = open(&home, room);
    let owners: Vec<Event> = (1..=6).map(|n| event(if n < 4 { "a" } else { "b" }, n)).collect();
    assert_eq!(store.insert(&owners, Origin::Owner, NOW_MS).unwrap(), 0);
    // Into a thread of the owner's, and into many others.
    for number in 10..40 {
        let thread = if number % 2 == 0 { "a".to_owned() } else { format!("x{number}") };
        store.insert(&[event(&thread, number)], Origin::Unknown, NOW_MS).unwrap();
    }
    let owners = |store: &mut Store| {
        let mut owners = all(store, "a");
        owners.extend(all(store, "b"));
        owners.retain(|number| *number < 10);
        owners
    };
    assert_eq!(owners(&mut store), [1, 2, 3, 4, 5, 6]);
    assert_eq!(store.totals().events, 9, "the latest three of the others");
    assert_eq!(all(&mut store, "x39"), [39]);
    // The owner's bounds are for the owner's events.
    assert_eq!(store.insert(&[event("b", 7)], Origin::Owner, NOW_MS).unwrap(), 1);
    assert_eq!(owners(&mut store), [1, 2, 3, 5, 6, 7]);
    assert_eq!(store.insert(&[event("c", 8)], Origin::Owner, NOW_MS).unwrap(), 1);
    assert_eq!(owners(&mut store), [2, 3, 5, 6, 7]);
    let expected = store.threads.clone();
    drop(store);
    assert_eq!(open(&home, room).threads, expected);
}

#[test]
fn an_event_that_lost_a_bit_does_not_cost_the_others() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    store.insert(&[event("a", 1), event("a", 2), event("a", 3)], Origin::Owner, NOW_MS).unwrap();
    for broken in ["x'7b226e223affff'", "'{\"n\":'", "'[]'"] {
        let sql = format!("UPDATE events SET body = CAST({broken} AS TEXT) WHERE time_ns = 2");
        store.connection.execute_batch(&sql).unwrap();
        assert_eq!(all(&mut store, "a"), [1, 3], "{broken}");
    }
    assert!(store.take_notices().is_empty());
}

#[cfg(unix)]
#[test]
fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    store.insert(&[event("a", 1)], Origin::Owner, NOW_MS).unwrap();
    let files: Vec<_> = fs::read_dir(home.path().join("state")).unwrap().collect();
    assert_eq!(files.len(), 2, "database and log");
    for file in files {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
    }
}
