//! How Codex files its transcripts: `sessions/YYYY/MM/DD/rollout-TIME-THREAD.jsonl` in its own
//! directory, in the folder of the local day on which the thread began. What is in them is not
//! known here.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder below which transcripts are.
pub fn folder(codex_home: &Path) -> PathBuf {
    codex_home.join("sessions")
}

/// The folders of all days, the newest first. They are looked for as the iterator goes on.
pub fn days(codex_home: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    newest_first(folder(codex_home)).flat_map(newest_first).flat_map(newest_first)
}

/// What is in a folder of this tree, the newest first, as the names tell; nothing where it cannot be
/// read.
pub fn newest_first(folder: PathBuf) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    entries.sort_unstable_by(|a, b| b.cmp(a));
    entries.into_iter()
}

/// The thread of a transcript with this file name; none for other files and packed transcripts.
pub fn thread_of(file_name: &str) -> Option<&str> {
    const UUID: usize = 36;
    let stem = file_name.strip_prefix("rollout-")?.strip_suffix(".jsonl")?;
    let (time, thread) = stem.split_at_checked(stem.len().checked_sub(UUID)?)?;
    (time.ends_with('-') && is_thread_id(thread)).then_some(thread)
}

/// Whether a text can be the id of a thread, which is a UUID. Nothing else is passed to a program.
pub fn is_thread_id(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a1fb18-d745-76d3-8970-09f42d282b2f";

    #[test]
    fn a_file_is_named_after_its_thread() {
        for (name, thread) in [
            (format!("rollout-2026-11-20T22-34-31-{ID}.jsonl"), Some(ID)),
            (format!("rollout-2026-11-20T22-34-31-{ID}.jsonl.zst"), None),
            (format!("rollout-2026-11-20T22-34-31{ID}.jsonl"), None),
            (format!("{ID}.jsonl"), None),
            (format!("rollout-{ID}.jsonl"), None),
            ("rollout-.jsonl".to_owned(), None),
            (format!("rollout-\u{e9}{}.jsonl", "x".repeat(35)), None),
            (format!("rollout-t-{}.jsonl", "x".repeat(36)), None),
        ] {
            assert_eq!(thread_of(&name), thread, "{name}");
        }
    }

    #[test]
    fn ids_are_uuids() {
        assert!(is_thread_id(ID) && is_thread_id(&ID.to_uppercase()));
        let option = format!("--{}", &ID[2..]);
        let longer = format!("{ID}-0");
        for text in
            ["", "t", "--help", &option, &longer, &ID[1..], &"0".repeat(36), &"-".repeat(36)]
        {
            assert!(!is_thread_id(text), "{text}");
        }
    }

    #[test]
    fn the_newest_days_come_first() {
        let home = tempfile::tempdir().unwrap();
        for day in ["2025/12/31", "2026/11/21", "2026/02/28", "2026/11/20"] {
            fs::create_dir_all(folder(home.path()).join(day)).unwrap();
        }
        fs::write(folder(home.path()).join("notes.txt"), "").unwrap();
        let found: Vec<PathBuf> = days(home.path()).collect();
        let expected = ["2026/11/21", "2026/11/20", "2026/02/28", "2025/12/31"]
            .map(|day| folder(home.path()).join(day));
        assert_eq!(found, expected);
        assert_eq!(days(&home.path().join("nowhere")).count(), 0);
    }
}
