//! Where the transcript of a thread is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use codex_config::sessions;
use codex_turn::{ThreadMeta, Transcript};

use crate::read::{self, Tail};

/// The transcript of a thread: in the folder of the day on which the thread was begun (its id, a
/// version 7 UUID, tells), among the archived ones, or in any other day's folder.
pub(crate) fn transcript(codex_home: &Path, thread_id: &str) -> Option<PathBuf> {
    let sessions = sessions::folder(codex_home);
    let day = days(thread_id).into_iter().find_map(|day| file_of(&sessions.join(day), thread_id));
    day.or_else(|| file_of(&codex_home.join("archived_sessions"), thread_id)).or_else(|| {
        // Ids of other kinds say nothing about the day.
        days(thread_id)
            .is_empty()
            .then(|| sessions::days(codex_home).find_map(|day| file_of(&day, thread_id)))?
    })
}

/// A transcript and what its folder says of it.
pub(crate) struct Listed {
    pub(crate) thread_id: String,
    /// In bytes.
    pub(crate) length: u64,
    modified: SystemTime,
}

/// The transcripts that were written to since a time, the one that was written last first.
pub(crate) fn written_since(codex_home: &Path, since: SystemTime) -> Vec<Listed> {
    let entries = sessions::days(codex_home)
        .flat_map(|day| fs::read_dir(day).into_iter().flatten().filter_map(Result::ok));
    let listed = entries.filter_map(|entry| {
        let name = entry.file_name();
        let thread_id = sessions::thread_of(name.to_str()?)?.to_owned();
        // Not what the folder says, which on Windows is old while Codex has the file open.
        let file = fs::metadata(entry.path()).ok()?;
        Some(Listed { thread_id, length: file.len(), modified: file.modified().ok()? })
    });
    let mut written: Vec<Listed> = listed.filter(|file| file.modified >= since).collect();
    written.sort_unstable_by_key(|file| std::cmp::Reverse(file.modified));
    written
}

/// The thread whose transcript was written last, if it was just now and ends with this answer.
pub(crate) fn latest_thread_with_answer(codex_home: &Path, answer: Option<&str>) -> Option<String> {
    const JUST_NOW: Duration = Duration::from_secs(60);
    let newest_day = sessions::days(codex_home).next()?;
    let files = fs::read_dir(newest_day).ok()?.filter_map(Result::ok);
    let newest = files
        .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
        .filter(|(modified, _)| {
            SystemTime::now().duration_since(*modified).unwrap_or_default() < JUST_NOW
        })
        .max()?;
    let until = Instant::now() + read::READING;
    let opened = read::open(&newest.1, None, until).ok()?;
    let thread_id = opened.meta.thread_id.clone();
    (last_answer(opened.meta, opened.tail, until)?.as_deref() == answer).then_some(thread_id)
}

fn last_answer(meta: ThreadMeta, mut tail: Tail, until: Instant) -> Option<Option<String>> {
    let mut transcript = Transcript::resume(meta, tail.begin());
    tail.pull_all(&mut transcript, until).ok()?;
    Some(transcript.finish().0.pop()?.answer)
}

/// `YYYY/MM/DD` of the id's day in UTC and its neighbours: Codex names folders in local time.
fn days(thread_id: &str) -> Vec<String> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let Some(begun) = codex_turn::thread_begun(thread_id) else { return Vec::new() };
    let begun = SystemTime::UNIX_EPOCH + Duration::from_nanos(begun.0);
    [Some(begun), begun.checked_sub(DAY), begun.checked_add(DAY)]
        .into_iter()
        .flatten()
        .map(|day| humantime::format_rfc3339_seconds(day).to_string()[..10].replace('-', "/"))
        .collect()
}

fn file_of(folder: &Path, thread_id: &str) -> Option<PathBuf> {
    let (plain, packed) = (format!("-{thread_id}.jsonl"), format!("-{thread_id}.jsonl.zst"));
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let is_of_thread = |name: &str| name.ends_with(&plain) || name.ends_with(&packed);
    let files = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_of_thread));
    // Where there are both, the packed one is older.
    files.map(|entry| entry.path()).min_by_key(|path| read::is_packed(path))
}
