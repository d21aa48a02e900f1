//! Which transcripts Codex writes to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use codex_home::sessions;

use crate::SILENCE;

/// Folders of so many days are searched each time: a new thread has its file in that of today.
const NEWEST_DAYS: usize = 2;

/// How often the folders of all days are searched: a thread that is resumed has its file in an older one.
const ALL_DAYS: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Files {
    home: PathBuf,
    /// When the folders of all days are searched next.
    all_days_at: Option<SystemTime>,
}

impl Files {
    pub(crate) fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), all_days_at: None }
    }

    /// The files that something was written to within the time of [`SILENCE`], with their sizes.
    pub(crate) fn recent<'p>(
        &mut self,
        now: SystemTime,
        known: impl Iterator<Item = &'p PathBuf>,
    ) -> BTreeMap<PathBuf, u64> {
        let searches_all = self.all_days_at.is_none_or(|at| now >= at);
        if searches_all {
            self.all_days_at = Some(now + ALL_DAYS);
        }
        let days =
            sessions::days(&self.home).take(if searches_all { usize::MAX } else { NEWEST_DAYS });
        let found = days.flat_map(sessions::newest_first).filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| sessions::thread_of(name).is_some())
        });
        let recent = found.chain(known.cloned()).filter_map(|path| {
            let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
            let age = now.duration_since(metadata.modified().ok()?).unwrap_or_default();
            (age < SILENCE).then_some((path, metadata.len()))
        });
        recent.collect()
    }
}
