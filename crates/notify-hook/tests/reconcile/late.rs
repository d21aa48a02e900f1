//! Transcripts that come late, are somewhere else, or are others than before.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use notify_hook::Report;

use crate::home::{Home, NOTHING, SENT};

/// The path at which a transcript of the home's thread is in another folder.
fn elsewhere(home: &Home, folder: &str) -> std::path::PathBuf {
    let name = home.transcript_path();
    home.paths.codex_home.join(folder).join(name.file_name().unwrap())
}

fn move_to(home: &Home, folder: &str) {
    let there = elsewhere(home, folder);
    fs::create_dir_all(there.parent().unwrap()).unwrap();
    fs::rename(home.transcript_path(), there).unwrap();
}

#[test]
fn a_transcript_that_appears_after_notify_is_waited_for() {
    let home = Home::new("0.169.0/basic");
    fs::create_dir_all(home.paths.codex_home.join("sessions")).unwrap();
    thread::scope(|scope| {
        let look = scope.spawn(|| home.run(Some(home.payload())));
        // Whether it comes before or after the run begins, it is found.
        thread::sleep(Duration::from_millis(60));
        home.write_transcript(&home.recorded());
        assert_eq!(look.join().unwrap(), SENT);
    });
    assert_eq!(home.names(), ["Turn 1"]);
}

#[test]
fn a_transcript_is_found_in_any_days_folder() {
    for folder in ["sessions/2026/12/24", "sessions/2026/11/22", "sessions/2019/01/01"] {
        let home = Home::new("0.169.0/basic");
        home.write_transcript(&home.recorded());
        move_to(&home, folder);
        assert_eq!(home.run(Some(home.payload())), SENT);
        assert_eq!(home.names(), ["Turn 1"], "{folder}");
        assert_eq!(home.run(Some(home.payload())), NOTHING);
    }
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let home = Home::new("0.169.0/basic");
    home.write_transcript(&format!("\u{feff}{}", home.recorded()));
    assert_eq!(home.run(Some(home.payload())), SENT);
    assert_eq!(home.names(), ["Turn 1"]);
    assert!(!home.log().contains("not a record"), "{}", home.log());
}

/// The place behind the first turns of a transcript.
fn behind(text: &str, turns: usize) -> usize {
    let end = text.match_indices("\"task_complete\"").nth(turns - 1).unwrap().0;
    end + text[end..].find('\n').unwrap() + 1
}

#[test]
fn another_transcript_of_the_thread_loses_no_turn_and_doubles_none() {
    let recorded = Home::new("0.169.0/tui_multi").recorded();
    let end = behind(&recorded, 2);
    let padded = |more: usize| {
        recorded.replacen("\"cwd\":\"", &format!("\"cwd\":\"/{}", "x".repeat(more)), 1)
    };
    let shorter = recorded.replacen("/home/dev", "/h", 20);
    assert!(shorter.len() < recorded.len());
    for (what, other) in [
        ("the same", recorded.clone()),
        ("a mark before it", format!("\u{feff}{recorded}")),
        ("longer", padded(10)),
        ("much longer", padded(100_000)),
        ("shorter", shorter),
        ("shifted by an empty line", recorded.replacen('\n', "\n\n", 1)),
    ] {
        let home = Home::new("0.169.0/tui_multi");
        home.write_transcript(&recorded[..end]);
        assert_eq!(home.run(None), Report { traced: 2, unsent: 0 });
        // Another file takes its place, as programs do that synchronise or edit.
        let new = home.transcript_path().with_extension("new");
        fs::write(&new, &other).unwrap();
        fs::rename(&new, home.transcript_path()).unwrap();
        assert_eq!(home.run(None), SENT, "{what}");
        assert_eq!(home.names(), ["Turn 1", "Turn 2", "Turn 3"], "{what}");
        assert_eq!(home.run(None), NOTHING, "{what}");
    }
}

#[test]
fn another_transcript_that_is_shorter_than_what_was_read() {
    let home = Home::new("0.169.0/tui_multi");
    let recorded = home.recorded();
    home.write_transcript(&recorded[..behind(&recorded, 2)]);
    assert_eq!(home.run(None), Report { traced: 2, unsent: 0 });
    // It has lost its second turn, and then gets the third.
    let (first, third) = (behind(&recorded, 1), behind(&recorded, 2));
    home.write_transcript(&recorded[..first]);
    assert_eq!(home.run(None), NOTHING);
    home.append(&recorded[third..]);
    assert_eq!(home.run(None), SENT);
    assert_eq!(
        home.batches()[2].spans[0].text("output.value"),
        home.payload().last_assistant_message.as_deref()
    );
}

/// Turns of a long thread, each of the same few records under an id of its own.
fn long_thread(home: &Home, turns: usize) -> String {
    let recorded = home.recorded();
    let (meta, turn) = recorded.split_at(recorded.find('\n').unwrap() + 1);
    let id = home.payload().turn_id.unwrap();
    let turns =
        (0..turns).map(|number| turn.replace(&id, &format!("01a2{number:04x}{}", &id[8..])));
    meta.to_owned() + &turns.collect::<String>()
}

#[test]
fn of_a_long_thread_no_turn_is_sent_again_when_its_transcript_is_another() {
    let home = Home::new("0.169.0/basic");
    let text = long_thread(&home, 300);
    home.write_transcript(&text);
    // On a busy machine one run does not send them all.
    while home.run(None).traced > 0 {}
    assert_eq!(home.batches().len(), 300);
    home.write_transcript(&format!("\u{feff}{}", long_thread(&home, 301)));
    assert_eq!(home.run(None), SENT);
    assert_eq!(home.batches().len(), 301);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_passed_over_at_once() {
    use std::os::unix::net::UnixListener;

    fn pipe(path: &Path) {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }
    fn socket(path: &Path) {
        drop(UnixListener::bind(path).unwrap());
    }
    fn device(path: &Path) {
        std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    }
    fn folder(path: &Path) {
        fs::create_dir(path).unwrap();
    }
    for (what, make) in
        [("pipe", pipe as fn(&Path)), ("socket", socket), ("device", device), ("folder", folder)]
    {
        let home = Home::new("0.169.0/basic");
        let path = home.transcript_path();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // The path of a socket must be short.
        let short = home.dir.path().join("s");
        make(&short);
        fs::rename(&short, &path).unwrap();
        assert_eq!(home.run(Some(home.payload())), SENT, "{what}");
        assert_eq!(home.names(), ["Turn"], "{what}");
        assert!(home.log().contains("cannot be read: it is no regular file"), "{}", home.log());
        // The transcript is in the archive after all, and the turn was sent.
        fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
        home.write_transcript(&home.recorded());
        assert_eq!(home.run(None), NOTHING, "{what}");
    }
}
