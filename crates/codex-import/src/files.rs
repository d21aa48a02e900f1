//! Which transcripts there are.

use std::cmp::Reverse;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use codex_home::sessions::{self, TranscriptName};

/// Folders of folders are followed so far: `sessions/YYYY/MM/DD` has three.
const DEPTH: usize = 6;

/// A file with the name of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed last, in nanoseconds since the Unix epoch.
    pub modified_ns: u64,
}

impl Transcript {
    /// The file at a path, as it is now.
    pub fn at(path: &Path) -> io::Result<Self> {
        Self::new(path, &fs::metadata(path)?)
    }

    fn new(path: &Path, metadata: &fs::Metadata) -> io::Result<Self> {
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = since.and_then(|since| u64::try_from(since.as_nanos()).ok());
        let modified_ns = modified.unwrap_or_default();
        Ok(Self { path: path.to_owned(), size: metadata.len(), modified_ns })
    }

    /// What its name says.
    pub(crate) fn name(&self) -> Option<TranscriptName<'_>> {
        TranscriptName::of(&self.path)
    }

    /// What stands for the time at which it was begun in its name: names sort by it.
    fn begun(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The transcripts, the newest first.
    pub transcripts: Vec<Transcript>,
    /// What could not be looked into, and why.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

/// Finds the transcripts of homes of Codex, below other folders, and single files.
pub fn find(places: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for place in places {
        let is_home = sessions::folder(place).is_dir() || sessions::archive(place).is_dir();
        if is_home {
            for folder in [sessions::folder(place), sessions::archive(place)] {
                if folder.is_dir() {
                    found.add_folder(&folder, DEPTH);
                }
            }
        } else if place.is_dir() {
            found.add_folder(place, DEPTH);
        } else {
            found.add_file(place, fs::metadata(place));
        }
    }
    found.transcripts.sort_by(|one, other| other.begun().cmp(one.begun()));
    let mut seen = std::collections::HashSet::new();
    found.transcripts.retain(|transcript| seen.insert(transcript.path.clone()));
    found
}

impl Found {
    fn add_folder(&mut self, folder: &Path, depth: usize) {
        let entries: io::Result<Vec<DirEntry>> = fs::read_dir(folder).and_then(Iterator::collect);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.unreadable.push((folder.to_owned(), error)),
        };
        entries.sort_by_key(|entry| Reverse(entry.file_name()));
        for entry in entries {
            let path = entry.path();
            // A link to a folder is not followed: it may lead back.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth > 0 => self.add_folder(&path, depth - 1),
                _ if TranscriptName::of(&path).is_some() => {
                    self.add_file(&path, fs::metadata(&path));
                }
                _ => {}
            }
        }
    }

    fn add_file(&mut self, path: &Path, metadata: io::Result<fs::Metadata>) {
        match metadata.and_then(|metadata| Transcript::new(path, &metadata)) {
            Ok(transcript) => self.transcripts.push(transcript),
            Err(error) => self.unreadable.push((path.to_owned(), error)),
        }
    }
}
