//! What was handed out is not readable in any file.

use super::*;

/// Looks for a text in all files of the database; returns those that hold it.
fn files_with(home: &TempDir, text: &str) -> Vec<String> {
    let holds = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let files = fs::read_dir(home.path().join("state")).unwrap();
    let files = files.map(|file| file.unwrap().path()).filter(|path| holds(path));
    files.map(|path| path.display().to_string()).collect()
}

fn secret(thread: &str, number: u64, length: usize) -> Event {
    let body = format!("{{\"text\":\"SECRET-{thread}-{number:04}-{}\"}}", "y".repeat(length));
    Event { thread: thread.to_owned(), time_ns: number, body }
}

fn removed(store: &mut Store, thread: &str, through: u64) {
    store.remove_through(thread, through, NOW_MS).unwrap();
    store.tidy(NOW_MS).unwrap();
}

#[test]
fn what_was_removed_is_in_no_file() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    // Threads in turn, short bodies and ones that take pages of their own.
    for number in 0..200 {
        let length = if number % 7 == 0 { 9000 } else { 40 * (number as usize % 5) };
        let events = [secret("a", number, length), secret("b", number, length)];
        store.insert(&events, Origin::Owner, NOW_MS).unwrap();
    }
    assert!(!files_with(&home, "SECRET-a-0007").is_empty());
    removed(&mut store, "a", u64::MAX);
    assert_eq!(files_with(&home, "SECRET-a-"), [""; 0]);
    assert!(!files_with(&home, "SECRET-b-0007").is_empty());
    // Part by part, with others coming in.
    let half = store.after("b", 0, u64::MAX, NOW_MS).unwrap()[99].seq;
    removed(&mut store, "b", half);
    store.insert(&[secret("c", 1, 10)], Origin::Owner, NOW_MS).unwrap();
    for number in 0..100 {
        assert_eq!(files_with(&home, &format!("SECRET-b-{number:04}")), [""; 0], "{number}");
    }
    removed(&mut store, "b", u64::MAX);
    removed(&mut store, "c", u64::MAX);
    assert_eq!(files_with(&home, "SECRET-"), [""; 0]);
    drop(store);
    assert_eq!(files_with(&home, "SECRET-"), [""; 0]);
}

/// Threads that come and go in any order: rows move between pages.
#[test]
fn what_was_removed_is_in_no_file_whatever_moved_meanwhile() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    let mut random = 1_u64;
    let mut gone: Vec<(u64, u64)> = Vec::new();
    for number in 0..600_u64 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (thread, length) = ((random >> 33) % 9, (random >> 40) as usize % 700);
        let event = secret(&format!("t{thread}"), number, length);
        store.insert(&[event], Origin::Owner, NOW_MS).unwrap();
        if (random >> 50).is_multiple_of(3) {
            let name = format!("t{}", (random >> 20) % 9);
            let events = store.after(&name, 0, u64::MAX, NOW_MS).unwrap();
            if let Some(last) = events.get(events.len() / 2) {
                let thread = (random >> 20) % 9;
                gone.extend(times(&events[..=events.len() / 2]).iter().map(|it| (thread, *it)));
                store.remove_through(&name, last.seq, NOW_MS).unwrap();
            }
        }
    }
    store.tidy(NOW_MS).unwrap();
    assert!(gone.len() > 200, "{}", gone.len());
    for (thread, number) in gone {
        let text = format!("SECRET-t{thread}-{number:04}-");
        assert_eq!(files_with(&home, &text), [""; 0], "{text}");
    }
}

#[test]
fn one_that_was_killed_before_it_had_overwritten_does_so_when_it_starts() {
    let home = tempfile::tempdir().unwrap();
    let mut store = open(&home, Limits::default());
    store.insert(&[secret("a", 1, 100), secret("b", 2, 100)], Origin::Owner, NOW_MS).unwrap();
    store.remove_through("a", u64::MAX, NOW_MS).unwrap();
    // As the system leaves the files of a process that was killed.
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("state")).unwrap();
    for name in ["buffer.db", "buffer.db-wal"] {
        fs::copy(home.path().join("state").join(name), copy.path().join("state").join(name))
            .unwrap();
    }
    assert!(!files_with(&copy, "SECRET-a").is_empty());
    let mut store = open(&copy, Limits::default());
    assert_eq!(all(&mut store, "b"), [2]);
    assert_eq!(files_with(&copy, "SECRET-a"), [""; 0]);
}
