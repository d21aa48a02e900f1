//! Where the files of a thread are.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use codex_home::sessions::{self, TranscriptName};

use crate::transcript_reader::{self, ReadUntil, Turns};

/// One of the files of a thread: the first one, or a segment that goes on after a revert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ThreadFile {
    /// How Codex refers to it: by its segment, or by the thread.
    pub(crate) id: String,
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl ThreadFile {
    /// The file at a path that Codex named.
    pub(crate) fn at(path: &Path, thread_id: &str) -> Self {
        let name = TranscriptName::of(path);
        let id = name.map_or(thread_id, |name| name.id()).to_owned();
        Self { id, path: path.to_owned() }
    }
}

/// What was found of a thread.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Its files, in the order in which Codex began them.
    pub(crate) files: Vec<ThreadFile>,
    /// What stands in the place of one and is no regular file, such as a pipe.
    pub(crate) others: Vec<PathBuf>,
}

/// Where the files of a thread are searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// In the folder of the day on which the thread was begun (its id, a version 7 UUID, tells), in
    /// those of the days since a time, and where an earlier run has found them.
    Since(SystemTime),
    /// In the folders of all days since the thread was begun, and if the first file is not there, among
    /// the archived ones and in any other day's folder.
    Everywhere,
}

/// The files of a thread; `known` are places where some were found before.
pub(crate) fn files(codex_home: &Path, thread_id: &str, known: &[PathBuf], reach: Reach) -> Found {
    let mut found = Candidates::new(thread_id);
    let sessions = sessions::folder(codex_home);
    if let Some(begun) = codex_turn::thread_begun(thread_id) {
        let around = around(SystemTime::UNIX_EPOCH + Duration::from_nanos(begun.0));
        let around = around.map(|day| sessions.join(day));
        let since = match reach {
            Reach::Since(time) => around[0].clone().max(sessions.join(&self::around(time)[0])),
            Reach::Everywhere => around[0].clone(),
        };
        let days = sessions::days(codex_home).take_while(|day| *day >= since);
        days.for_each(|day| found.add_folder(&day));
        let before = around.iter().filter(|day| **day < since);
        before.for_each(|day| found.add_folder(day));
    }
    known.iter().for_each(|path| found.add(path));
    if reach == Reach::Everywhere && !found.has_first() {
        found.add_folder(&sessions::archive(codex_home));
    }
    if reach == Reach::Everywhere && !found.has_first() {
        sessions::days(codex_home).for_each(|day| found.add_folder(&day));
    }
    found.done()
}

/// `YYYY/MM/DD` of the days before, at and after a time in UTC: Codex names folders in local time.
fn around(time: SystemTime) -> [String; 3] {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    [time.checked_sub(DAY).unwrap_or(time), time, time.checked_add(DAY).unwrap_or(time)]
        .map(|day| humantime::format_rfc3339_seconds(day).to_string()[..10].replace('-', "/"))
}

/// What may be the files of a thread.
struct Candidates<'a> {
    thread_id: &'a str,
    /// By what Codex calls them. Segments are named after the time of their begin; before them comes
    /// the first file, whose segment is none.
    by_segment: BTreeMap<Option<String>, Vec<PathBuf>>,
    others: Vec<PathBuf>,
}

impl<'a> Candidates<'a> {
    fn new(thread_id: &'a str) -> Self {
        Self { thread_id, by_segment: BTreeMap::new(), others: Vec::new() }
    }

    fn add_folder(&mut self, folder: &Path) {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries {
            // A day has thousands of names, of which one matters.
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.contains(self.thread_id)) {
                self.add(&entry.path());
            }
        }
    }

    /// Adds a path, unless it is no transcript of the thread.
    fn add(&mut self, path: &Path) {
        let Some(name) = TranscriptName::of(path).filter(|name| name.thread == self.thread_id)
        else {
            return;
        };
        let Ok(metadata) = fs::metadata(path) else { return };
        let places = match metadata.is_file() {
            true => self.by_segment.entry(name.segment.map(str::to_owned)).or_default(),
            false => &mut self.others,
        };
        if !places.iter().any(|place| place == path) {
            places.push(path.to_owned());
        }
    }

    fn has_first(&self) -> bool {
        self.by_segment.contains_key(&None)
    }

    fn done(self) -> Found {
        let Self { thread_id, by_segment, others } = self;
        let files = by_segment.into_iter().filter_map(|(segment, places)| {
            let id = segment.unwrap_or_else(|| thread_id.to_owned());
            Some(ThreadFile { id, path: current(places)? })
        });
        Found { files: files.collect(), others }
    }
}

/// The one of several places of the same file that Codex goes on with: where there is a packed one,
/// too, that is older; of copies it is the one that was written to last.
fn current(places: Vec<PathBuf>) -> Option<PathBuf> {
    if places.len() < 2 {
        return places.into_iter().next();
    }
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    places.into_iter().min_by_key(|path| (sessions::is_packed(path), Reverse(modified(path))))
}

/// A thread with a file that was written to.
pub(crate) struct Written {
    pub(crate) thread_id: String,
    /// Its files that were written to: what Codex calls each, and its length in bytes, which is none
    /// where it is packed.
    pub(crate) files: Vec<(String, Option<u64>)>,
    modified: SystemTime,
}

/// The threads that were written to since a time, the one that was written to last first.
pub(crate) fn written_since(codex_home: &Path, since: SystemTime) -> Vec<Written> {
    let mut threads: BTreeMap<String, Written> = BTreeMap::new();
    let entries = sessions::days(codex_home)
        .flat_map(|day| fs::read_dir(day).into_iter().flatten().filter_map(Result::ok));
    for entry in entries {
        let path = entry.path();
        let Some(name) = TranscriptName::of(&path) else { continue };
        // Not what the folder says, which on Windows is old while Codex has the file open.
        let Ok(file) = fs::metadata(&path) else { continue };
        let Some(modified) = file.modified().ok().filter(|time| file.is_file() && *time >= since)
        else {
            continue;
        };
        let thread_id = name.thread.to_owned();
        let thread = threads.entry(thread_id.clone()).or_insert_with(|| Written {
            thread_id,
            files: Vec::new(),
            modified,
        });
        thread.modified = thread.modified.max(modified);
        thread.files.push((name.id().to_owned(), (!name.is_packed).then_some(file.len())));
    }
    let mut written: Vec<Written> = threads.into_values().collect();
    written.sort_by_key(|thread| Reverse(thread.modified));
    written
}

/// The thread whose transcript was written last, if it was just now and ends with this answer.
pub(crate) fn latest_thread_with_answer(
    codex_home: &Path,
    answer: Option<&str>,
    until: ReadUntil,
) -> Option<String> {
    const JUST_NOW: Duration = Duration::from_secs(60);
    let newest_day = sessions::days(codex_home).next()?;
    let files = fs::read_dir(newest_day).ok()?.filter_map(Result::ok);
    let newest = files
        .filter_map(|file| {
            let metadata = file.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((metadata.modified().ok()?, file.path()))
        })
        .filter(|(modified, _)| {
            SystemTime::now().duration_since(*modified).unwrap_or_default() < JUST_NOW
        })
        .max()?;
    let last = transcript_reader::turns(&newest.1, Turns::Last, until).ok()?.pop()?;
    (last.answer.as_deref() == answer).then_some(last.meta.thread_id)
}
