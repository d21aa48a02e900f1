//! Files of an outbox: their names, and writing them so that a crash leaves all or nothing.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use private_files::{NewFile, sync_folder};

/// A file that a crash left half written is removed after this time; until then a process may be
/// writing it.
const LEFTOVER_AGE: Duration = Duration::from_secs(60 * 60);

/// Beyond so many bytes, lines that are noted once are forgotten.
const NOTED_BYTES: usize = 64 * 1024;

/// The name of a batch's file. Names sort by key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BatchName {
    /// When it was queued, in nanoseconds since the Unix epoch, or just after the batch before.
    pub(super) key: u64,
    /// The id of its first span.
    pub(super) id: String,
}

impl fmt::Display for BatchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{}.batch", self.key, self.id)
    }
}

impl BatchName {
    fn parse(name: &str) -> Option<Self> {
        let (key, id) = name.strip_suffix(".batch")?.split_once('-')?;
        Some(Self { key: key.parse().ok()?, id: id.to_owned() })
    }
}

/// The batches of a folder with their sizes in bytes, the oldest first; none where there is no folder.
pub(super) fn batches(folder: &Path) -> io::Result<Vec<(BatchName, u64)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut batches = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().and_then(BatchName::parse) else { continue };
        // One that is gone by now was delivered.
        if let Ok(file) = entry.metadata() {
            batches.push((name, file.len()));
        }
    }
    batches.sort_unstable();
    Ok(batches)
}

/// Whether a folder has no batches.
pub(super) fn is_empty(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        entries => entries?,
    };
    for entry in entries {
        if entry?.file_name().to_str().and_then(BatchName::parse).is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Copies a regular file, durably.
pub(super) fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(from)?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut from = File::open(from)?;
    NewFile::write(parent(to), |to| io::copy(&mut from, to).map(drop))?.put(to)
}

/// Adds a line to a file, durably. What a crash left of a line before it stays a line of its own.
pub(super) fn append_durably(path: &Path, line: &[u8]) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = private_files::append(path)?;
    file.write_all(&[b"\n", line, b"\n"].concat())?;
    file.sync_data()?;
    if is_new { sync_folder(parent(path)) } else { Ok(()) }
}

/// Replaces a file that may be lost in a crash of the machine, but is never there in part.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = parent(path);
    private_files::create_folder(folder)?;
    let mut file = tempfile::Builder::new().prefix(".").suffix(".new").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Moves a file to another folder of the same disk, durably.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    private_files::create_folder(parent(to))?;
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(()) => sync_folder(parent(to)),
        failed => failed,
    }
}

/// Reads a file and removes it, durably; none where it is gone.
pub(super) fn take(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    remove(path)?;
    sync_folder(parent(path))?;
    Ok(Some(bytes))
}

/// Removes a file; says whether it was there. Of several who remove it at once, one hears so.
pub(super) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true),
    }
}

/// Adds to a count, which is the length of a file: several processes add at once, and a crash takes
/// nothing back. A count that cannot be written is not worth an error.
pub(super) fn count(path: &Path, more: usize) {
    if more > 0
        && let Ok(mut file) = private_files::append(path)
    {
        let _ = file.write_all(&vec![b'.'; more]);
    }
}

/// Adds a line to a file, unless it is there; says whether it was added. Of very many the oldest are
/// forgotten.
pub(super) fn note_once(path: &Path, line: &str) -> io::Result<bool> {
    let mut file = private_files::open(path)?;
    file.lock()?;
    let mut bytes = Vec::new();
    // What is written then goes to its end.
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    if text.lines().any(|noted| noted == line) {
        return Ok(false);
    }
    let mut kept = String::new();
    if text.len() > NOTED_BYTES {
        kept.extend(text.lines().skip(text.lines().count() / 2).map(|noted| format!("{noted}\n")));
        file.set_len(0)?;
        file.rewind()?;
    }
    file.write_all(format!("{kept}{line}\n").as_bytes())?;
    Ok(true)
}

/// Opens the lock of a folder; none where another process holds it.
pub(super) fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = private_files::open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Removes what crashes left half written, or without its batch.
pub(super) fn remove_leftovers(folder: &Path, now: SystemTime) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_leftover = match path.extension().and_then(|extension| extension.to_str()) {
            Some("new") => true,
            Some("progress") => !path.with_extension("batch").exists(),
            _ => false,
        };
        let age = entry.metadata().and_then(|file| file.modified());
        let age = age.ok().and_then(|modified| now.duration_since(modified).ok());
        if is_leftover && age.is_some_and(|age| age > LEFTOVER_AGE) {
            let _ = fs::remove_file(path);
        }
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
