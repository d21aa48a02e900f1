//! Which transcripts there are.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::UNIX_EPOCH;

use codex_home::sessions::{self, TranscriptName};

/// Folders of folders are followed so far: `sessions/YYYY/MM/DD` has three.
const DEPTH: usize = 6;

/// As many folders are listed sooner than a thread is started.
const FEW: usize = 16;

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
            let folders = [sessions::folder(place), sessions::archive(place)];
            found.add_below(folders.into_iter().filter(|folder| folder.is_dir()).collect());
        } else if place.is_dir() {
            found.add_below(vec![place.clone()]);
        } else {
            found.add_file(place, fs::metadata(place));
        }
    }
    found.transcripts.sort_by(|one, other| {
        other.begun().cmp(one.begun()).then_with(|| one.path.cmp(&other.path))
    });
    found.transcripts.dedup_by(|one, other| one.path == other.path);
    found
}

impl Found {
    /// Adds what is in folders and below them.
    fn add_below(&mut self, mut folders: Vec<PathBuf>) {
        for _ in 0..=DEPTH {
            let threads = match folders.len() {
                0 => return,
                1..FEW => 1,
                _ => thread::available_parallelism().map_or(1, usize::from),
            };
            let shares = folders.chunks(folders.len().div_ceil(threads));
            let listings = thread::scope(|scope| {
                let readers: Vec<_> = shares.map(|share| scope.spawn(|| list(share))).collect();
                readers.into_iter().filter_map(|reader| reader.join().ok()).collect::<Vec<_>>()
            });
            let mut next = Vec::new();
            for (mut listed, folders) in listings {
                self.transcripts.append(&mut listed.transcripts);
                self.unreadable.append(&mut listed.unreadable);
                next.extend(folders);
            }
            folders = next;
        }
    }

    fn add_file(&mut self, path: &Path, metadata: io::Result<fs::Metadata>) {
        match metadata.and_then(|metadata| Transcript::new(path, &metadata)) {
            Ok(transcript) => self.transcripts.push(transcript),
            Err(error) => self.unreadable.push((path.to_owned(), error)),
        }
    }
}

/// What is in these folders, and the folders in them.
fn list(folders: &[PathBuf]) -> (Found, Vec<PathBuf>) {
    let (mut found, mut below) = (Found::default(), Vec::new());
    for folder in folders {
        let entries: io::Result<Vec<DirEntry>> = fs::read_dir(folder).and_then(Iterator::collect);
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                found.unreadable.push((folder.clone(), error));
                continue;
            }
        };
        for entry in entries {
            let path = entry.path();
            // A link to a folder is not followed: it may lead back.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => below.push(path),
                Ok(kind) if TranscriptName::of(&path).is_some() => {
                    // Within its folder, a file is found without its path being walked again.
                    let metadata =
                        if kind.is_symlink() { fs::metadata(&path) } else { entry.metadata() };
                    found.add_file(&path, metadata);
                }
                _ => {}
            }
        }
    }
    (found, below)
}
