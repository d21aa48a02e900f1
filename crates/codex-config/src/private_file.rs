//! Replaces a file that only its owner may read, all at once.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Says which file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be written", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Writes a file so that a reader sees the old text or the new one, never a part.
///
/// A symbolic link is followed, missing directories are created with mode 0700, and the owner
/// stays where the system allows it. The mode becomes 0600, unless it was stricter.
pub fn write_private(path: &Path, text: &str) -> Result<(), WriteError> {
    replace(path, text).map_err(|source| WriteError { path: path.to_owned(), source })
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = follow_links(path)?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_private_directory(directory)?;
    // Created with mode 0600 from the start.
    let mut file = tempfile::Builder::new().prefix(".arize-").tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    if let Ok(old) = fs::metadata(&path) {
        keep_owner_and_mode(file.as_file(), &old)?;
    }
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    sync_directory(directory);
    Ok(())
}

/// Finds the file behind a chain of symbolic links, which need not exist yet.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    const MAX_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many symbolic links"))
}

fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(unix)]
fn keep_owner_and_mode(file: &File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        // Only root may give a file away; for others the file becomes theirs, as with any editor.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    }
    let mode = old.mode() & 0o7777;
    let is_stricter = mode & !0o600 == 0;
    file.set_permissions(fs::Permissions::from_mode(if is_stricter { mode } else { 0o600 }))
}

#[cfg(not(unix))]
fn keep_owner_and_mode(_file: &File, _old: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// Makes the rename itself durable; some systems cannot, and then the file is still whole.
fn sync_directory(path: &Path) {
    if let Ok(directory) = File::open(path) {
        let _ = directory.sync_all();
    }
}
