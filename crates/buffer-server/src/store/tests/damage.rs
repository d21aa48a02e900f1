//! Every kind of damage: there is a store, it takes events, it hands them out, and what was intact is
//! kept.

use std::io::{Seek, SeekFrom, Write};

use super::*;

/// The events that are in the database before the damage.
const BEFORE: u64 = 400;

/// How many of them must be there afterwards.
#[derive(Debug, Clone, Copy)]
enum Intact {
    /// All.
    All,
    /// All but a few, which the damage hit.
    Most,
    /// Those that were in the main file.
    SomeOf(u64),
    /// None: nothing of it can be known to be ours.
    None,
}

use Intact::{All, Most, SomeOf};

fn write_at(path: &Path, at: u64, bytes: &[u8]) {
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(false).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

fn cut(path: &Path, length: u64) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

fn replace_with_folder(path: &Path) {
    let _ = fs::remove_file(path);
    fs::create_dir(path).unwrap();
}

fn other_file(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn sql(path: &Path, text: &str) {
    let connection = Connection::open(path).unwrap();
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).unwrap();
    connection.execute_batch(text).unwrap();
}

/// The page at which a table or an index begins.
fn root(path: &Path, name: &str) -> u64 {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page: i64 = connection.query_row(sql, [name], |row| row.get(0)).unwrap();
    u64::try_from(page - 1).unwrap() * 4096
}

const NOISE: [u8; 4096] = [0xA5; 4096];

type Damage = (&'static str, fn(&Path), Intact);

/// Damage to the file, all events being in it.
const OF_THE_FILE: &[Damage] = &[
    ("nothing is there", |db| fs::remove_file(db).unwrap(), Intact::None),
    ("it is empty", |db| cut(db, 0), Intact::None),
    ("it is a text", |db| fs::write(db, "no database ".repeat(1000)).unwrap(), Intact::None),
    ("it is noise", |db| fs::write(db, [0xA5; 40_000]).unwrap(), Intact::None),
    ("it is zeros", |db| fs::write(db, [0; 40_000]).unwrap(), Intact::None),
    ("the magic is gone", |db| write_at(db, 0, &[0; 16]), All),
    ("the header is noise", |db| write_at(db, 0, &NOISE[..100]), All),
    ("the first page is noise", |db| write_at(db, 0, &NOISE), All),
    ("the size of pages is wrong", |db| write_at(db, 16, &[0x04, 0x00]), All),
    ("the size of pages makes no sense", |db| write_at(db, 16, &[0x12, 0x34]), All),
    ("it is of a version of SQLite to come", |db| write_at(db, 18, &[9, 9]), All),
    ("the encoding makes no sense", |db| write_at(db, 56, &[0, 0, 0, 9]), All),
    ("it says it is longer", |db| write_at(db, 28, &[0, 9, 9, 9]), All),
    ("the list of free pages leads nowhere", |db| write_at(db, 32, &[0, 0, 9, 9, 0, 0, 0, 9]), All),
    ("it ends within a page", |db| cut(db, size(db) - 1000), Most),
    ("its second half is gone", |db| cut(db, size(db) / 2), SomeOf(100)),
    ("only the first page is left", |db| cut(db, 4096), Intact::None),
    ("fifty bytes are left", |db| cut(db, 50), Intact::None),
    ("a page of events is noise", |db| write_at(db, size(db) / 2 / 4096 * 4096, &NOISE), Most),
    (
        "two pages of events are zeros",
        |db| {
            write_at(db, size(db) / 4 / 4096 * 4096, &[0; 4096]);
            write_at(db, size(db) / 4 * 3 / 4096 * 4096, &[0; 4096]);
        },
        Most,
    ),
    ("the index is noise", |db| write_at(db, root(db, "events_by_thread"), &NOISE), All),
    ("the other index is noise", |db| write_at(db, root(db, "events_of_unknown"), &NOISE), All),
    ("the root of the table is noise", |db| write_at(db, root(db, "events"), &NOISE), Intact::None),
    ("the table of numbers is noise", |db| write_at(db, root(db, "sqlite_sequence"), &NOISE), All),
    (
        "there are no numbers left",
        |db| {
            sql(db, "UPDATE sqlite_sequence SET seq = 9223372036854775807");
        },
        All,
    ),
    ("the row of numbers is gone", |db| sql(db, "DELETE FROM sqlite_sequence"), All),
    ("an index is missing", |db| sql(db, "DROP INDEX events_by_thread"), All),
    (
        "a column is missing",
        |db| {
            sql(db, "DROP INDEX events_by_thread; ALTER TABLE events DROP COLUMN bytes;");
        },
        All,
    ),
    (
        "it does not say whose events are whose",
        |db| {
            sql(
                db,
                "DROP INDEX events_by_thread; DROP INDEX events_of_unknown;
                 ALTER TABLE events DROP COLUMN unknown;",
            );
        },
        All,
    ),
    ("the table is missing", |db| sql(db, "DROP TABLE events"), Intact::None),
    ("it is of a version to come", |db| sql(db, "PRAGMA user_version = 99"), All),
    (
        "its description is broken",
        |db| {
            sql(
                db,
                "PRAGMA writable_schema = ON;
                 UPDATE sqlite_schema SET sql = 'CREATE TABLE events (' WHERE name = 'events';",
            );
        },
        All,
    ),
    (
        "a trigger fails",
        |db| {
            sql(
                db,
                "CREATE TRIGGER t BEFORE INSERT ON events BEGIN SELECT raise(ABORT, 'no'); END;",
            );
        },
        All,
    ),
    (
        "a row is no event",
        |db| {
            sql(db, "UPDATE events SET body = 'x' WHERE seq = (SELECT min(seq) FROM events)");
        },
        Most,
    ),
    (
        "it is another program's database",
        |db| {
            fs::remove_file(db).unwrap();
            sql(db, "CREATE TABLE notes (text); INSERT INTO notes VALUES ('theirs');");
        },
        Intact::None,
    ),
    (
        "it is another program's with the same table",
        |db| {
            fs::remove_file(db).unwrap();
            sql(
                db,
                "CREATE TABLE events (id INTEGER PRIMARY KEY, title); PRAGMA user_version = 2;",
            );
        },
        Intact::None,
    ),
    (
        "it is another program's in UTF-16",
        |db| {
            fs::remove_file(db).unwrap();
            sql(db, "PRAGMA encoding = 'UTF-16'; CREATE TABLE a (b); PRAGMA user_version = 2;");
        },
        Intact::None,
    ),
    ("it is a folder", replace_with_folder, Intact::None),
    (
        "it is a folder with files",
        |db| {
            replace_with_folder(db);
            fs::write(db.join("x"), "y").unwrap();
        },
        Intact::None,
    ),
    ("the log is a folder", |db| replace_with_folder(&other_file(db, "-wal")), All),
    ("the log is noise", |db| fs::write(other_file(db, "-wal"), [0xA5; 50_000]).unwrap(), All),
    ("the index of the log is a folder", |db| replace_with_folder(&other_file(db, "-shm")), All),
    (
        "the index of the log is noise",
        |db| {
            fs::write(other_file(db, "-shm"), [0xA5; 32768]).unwrap();
        },
        All,
    ),
    ("a journal is a folder", |db| replace_with_folder(&other_file(db, "-journal")), All),
    (
        "a journal is noise",
        |db| {
            fs::write(other_file(db, "-journal"), [0xA5; 9000]).unwrap();
        },
        All,
    ),
];

/// What only Unix has in the place of a file.
#[cfg(unix)]
const OF_THE_PLACE: &[Damage] = &[
    (
        "it is a pipe",
        |db| {
            fs::remove_file(db).unwrap();
            let made = std::process::Command::new("mkfifo").arg(db).status().unwrap();
            assert!(made.success());
        },
        Intact::None,
    ),
    (
        "it is a socket",
        |db| {
            fs::remove_file(db).unwrap();
            drop(std::os::unix::net::UnixListener::bind(db).unwrap());
        },
        Intact::None,
    ),
    (
        "it is a link to itself",
        |db| {
            fs::remove_file(db).unwrap();
            std::os::unix::fs::symlink(db, db).unwrap();
        },
        Intact::None,
    ),
    (
        "it is a link to nowhere",
        |db| {
            fs::remove_file(db).unwrap();
            std::os::unix::fs::symlink("/no/such/folder/file", db).unwrap();
        },
        Intact::None,
    ),
    (
        "it is a link to a folder",
        |db| {
            fs::remove_file(db).unwrap();
            std::os::unix::fs::symlink("/tmp", db).unwrap();
        },
        Intact::None,
    ),
    (
        "it is a link to a device",
        |db| {
            fs::remove_file(db).unwrap();
            std::os::unix::fs::symlink("/dev/full", db).unwrap();
        },
        Intact::None,
    ),
    (
        "it is read-only",
        |db| {
            fs::set_permissions(db, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
        },
        All,
    ),
];

#[cfg(not(unix))]
const OF_THE_PLACE: &[Damage] = &[];

/// Damage to the log of the last changes, in which the second half of the events is.
const OF_THE_LOG: &[Damage] = &[
    ("nothing happened to it", |_| {}, All),
    ("it is gone", |db| fs::remove_file(other_file(db, "-wal")).unwrap(), SomeOf(BEFORE / 2)),
    (
        "it is cut",
        |db| {
            let log = other_file(db, "-wal");
            cut(&log, size(&log) / 2);
        },
        SomeOf(BEFORE / 2),
    ),
    (
        "its header is noise",
        |db| write_at(&other_file(db, "-wal"), 0, &NOISE[..32]),
        SomeOf(BEFORE / 2),
    ),
    (
        "its middle is noise",
        |db| {
            let log = other_file(db, "-wal");
            write_at(&log, size(&log) / 2, &NOISE);
        },
        SomeOf(BEFORE / 2),
    ),
    ("the header of the database is gone", |db| write_at(db, 0, &[0; 100]), SomeOf(BEFORE / 2)),
];

/// Leaves a database with [`BEFORE`] events as a process that was killed does. The log has the second
/// half of them.
fn database(home: &TempDir, is_in_log: bool) -> PathBuf {
    let path = home.path().join("state/buffer.db");
    let source = tempfile::tempdir().unwrap();
    let mut store = open(&source, Limits::default());
    let event = |number: u64| {
        let body = format!("{{\"n\":{number},\"text\":\"{}\"}}", "z".repeat(300));
        Event { thread: "a".to_owned(), time_ns: number + 1, body }
    };
    let events: Vec<Event> = (0..BEFORE).map(event).collect();
    let (first, second) = events.split_at(events.len() / 2);
    store.insert(first, Origin::Owner, NOW_MS).unwrap();
    store.tidy(NOW_MS).unwrap();
    store.insert(second, Origin::Owner, NOW_MS).unwrap();
    if !is_in_log {
        store.tidy(NOW_MS).unwrap();
    }
    fs::create_dir(path.parent().unwrap()).unwrap();
    for suffix in ["", "-wal"] {
        fs::copy(other_file(&store.path, suffix), other_file(&path, suffix)).unwrap();
    }
    if !is_in_log {
        fs::remove_file(other_file(&path, "-wal")).unwrap();
    }
    path
}

#[track_caller]
fn check(name: &str, home: &TempDir, path: &Path, intact: Intact) {
    let mut store = Store::open(path, Limits::default(), NOW_MS + 1000).unwrap();
    let found = all(&mut store, "a");
    let least = match intact {
        All => BEFORE,
        Most => BEFORE * 9 / 10,
        SomeOf(least) => least,
        Intact::None => 0,
    };
    assert!(found.len() as u64 >= least, "{name}: {} events of {BEFORE}", found.len());
    let mut ordered = found.clone();
    ordered.sort_unstable();
    ordered.dedup();
    assert_eq!(ordered, found, "{name}: each once, in their order");
    // It takes events, hands them out and removes them.
    store.insert(&[event("b", 7), event("a", 9999)], Origin::Owner, NOW_MS + 2000).unwrap();
    assert_eq!(all(&mut store, "b"), [7], "{name}");
    assert_eq!(all(&mut store, "a").last(), Some(&9999), "{name}");
    assert_eq!(store.remove_through("b", u64::MAX, NOW_MS).unwrap(), 1, "{name}");
    store.tidy(NOW_MS).unwrap();
    assert!(!store.is_in_memory, "{name}: {:?}", store.take_notices());
    for notice in store.take_notices() {
        let Notice::SetAside { aside, .. } = &notice else { panic!("{name}: {notice}") };
        assert!(aside.symlink_metadata().is_ok(), "{name}: {notice}");
        assert_eq!(buffer_api::paths::set_aside(path), std::slice::from_ref(aside), "{name}");
    }
    let expected = all(&mut store, "a");
    drop(store);
    let mut store = Store::open(path, Limits::default(), NOW_MS + 3000).unwrap();
    assert!(store.take_notices().is_empty(), "{name}: it is mended");
    assert_eq!(all(&mut store, "a"), expected, "{name}: it is durable");
    let left = fs::read_dir(home.path().join("state")).unwrap();
    let left: Vec<String> = left.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains("salvage")), "{name}: {left:?}");
}

#[test]
fn every_kind_of_damage_leaves_a_store_with_what_was_intact() {
    assert!(OF_THE_FILE.len() + OF_THE_PLACE.len() + OF_THE_LOG.len() >= 50);
    for (is_in_log, kinds) in [(false, OF_THE_FILE), (false, OF_THE_PLACE), (true, OF_THE_LOG)] {
        for (name, damage, intact) in kinds {
            let home = tempfile::tempdir().unwrap();
            let path = database(&home, is_in_log);
            damage(&path);
            check(name, &home, &path, *intact);
        }
    }
}

/// They counted as the owner's, and took the owner's room.
#[test]
fn events_of_unknown_senders_stay_theirs() {
    let whole: fn(&Path) = |db| sql(db, "DROP INDEX events_by_thread");
    let in_part: fn(&Path) = |db| write_at(db, size(db) / 2 / 4096 * 4096, &NOISE);
    for (name, damage, is_whole) in [
        ("the index is missing", whole, true),
        ("the header is noise", |db| write_at(db, 0, &NOISE[..100]), true),
        ("a page of events is noise", in_part, false),
    ] {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state/buffer.db");
        let mut store = open(&home, Limits::default());
        for number in 0..200 {
            store.insert(&[event("mine", number)], Origin::Owner, NOW_MS).unwrap();
            store.insert(&[event("theirs", number)], Origin::Unknown, NOW_MS).unwrap();
        }
        let before = (store.bytes, store.unknown_bytes);
        store.tidy(NOW_MS).unwrap();
        drop(store);
        damage(&path);
        let mut store = open(&home, Limits::default());
        assert_eq!(store.take_notices().len(), 1, "{name}: it was set aside");
        let (mine, theirs) = (all(&mut store, "mine").len(), all(&mut store, "theirs").len());
        let of_each = |number: usize, bytes: u64| number as u64 * bytes;
        let sums = (of_each(mine, 10), of_each(theirs, 10 + UNKNOWN_OVERHEAD));
        assert_eq!((store.bytes, store.unknown_bytes), sums, "{name}");
        assert!(mine > 0 && theirs > 0, "{name}");
        assert!(!is_whole || sums == before, "{name}: {sums:?}, not {before:?}");
    }
}

#[test]
fn a_database_that_is_damaged_while_it_is_used_is_replaced() {
    for (name, damage, least) in [
        (
            "a page of events",
            (|db| write_at(db, size(db) / 2 / 4096 * 4096, &NOISE)) as fn(&Path),
            300,
        ),
        ("the index", |db| write_at(db, size(db) - 4096, &NOISE), 300),
        ("all of it", |db| fs::write(db, vec![0xA5; size(db) as usize]).unwrap(), 0),
        ("it is cut", |db| cut(db, 8192), 0),
    ] {
        let home = tempfile::tempdir().unwrap();
        let path = database(&home, false);
        let mut store = Store::open(&path, Limits::default(), NOW_MS).unwrap();
        let last = store.last_seq;
        damage(&path);
        store.connection.release_memory().unwrap();
        let found = all(&mut store, "a");
        assert!(found.len() >= least, "{name}: {}", found.len());
        store.insert(&[event("a", 9999)], Origin::Owner, NOW_MS + 60_000).unwrap();
        let events = store.after("a", 0, u64::MAX, NOW_MS).unwrap();
        let newest = events.last().unwrap();
        assert_eq!(newest.time_ns, 9999, "{name}");
        assert!(newest.seq > last, "{name}: old cursors stay older");
        store.insert(&vec![event("c", 1); 500], Origin::Owner, NOW_MS + 60_000).unwrap();
        assert_eq!(all(&mut store, "c").len(), 500, "{name}");
    }
}

#[test]
fn where_there_can_be_no_database_events_are_in_memory() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("state"), "a file in the place of the folder").unwrap();
    let mut store = open(&home, Limits::default());
    assert!(store.is_in_memory);
    let notices = store.take_notices();
    assert!(notices.iter().any(|notice| matches!(notice, Notice::InMemory(_))), "{notices:?}");
    store.insert(&[event("a", 1)], Origin::Owner, NOW_MS).unwrap();
    assert_eq!(all(&mut store, "a"), [1]);
    store.tidy(NOW_MS).unwrap();
}

#[test]
fn only_the_latest_that_were_set_aside_are_kept() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("state/buffer.db");
    fs::create_dir(path.parent().unwrap()).unwrap();
    for number in 0..6 {
        fs::write(&path, format!("{number}: no database").repeat(300)).unwrap();
        drop(Store::open(&path, Limits::default(), NOW_MS + number / 2).unwrap());
    }
    let kept = buffer_api::paths::set_aside(&path);
    let first = |path: &PathBuf| fs::read_to_string(path).unwrap().chars().next().unwrap();
    assert_eq!(kept.iter().map(first).collect::<String>(), "345");
}
