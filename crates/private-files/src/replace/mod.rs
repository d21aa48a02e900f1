//! Replaces a file all at once: a reader sees the old bytes or the new ones, never a part.
//!
//! Only a file with further names (hard links) is written to where it is, because another one in its
//! place would be one that those names do not have.

mod attributes;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::{create_folder, parent, sync_folder};

/// Who may read the new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Its owner alone: mode 0600, or what it was where that is stricter.
    Private,
    /// Those who could read the old one; of a new file those whom the process's mask lets.
    AsBefore,
}

/// Writes a file that need not exist yet.
///
/// A symbolic link is followed and stays, missing directories are created with mode 0700, and the
/// owner and extended attributes stay where the system allows it. `may_replace` is asked at the last
/// moment.
///
/// # Errors
///
/// When the file or its folder cannot be written.
pub fn replace(
    path: &Path,
    bytes: &[u8],
    access: Access,
    may_replace: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let path = follow_links(path)?;
    let directory = parent(&path);
    if has_further_names(&path) {
        may_replace(&path)?;
        return write_in_place(&path, bytes, access);
    }
    create_folder(directory)?;
    let mut file = temporary_file(directory, access)?;
    file.write_all(bytes)?;
    if let Ok(old) = File::open(&path) {
        // Before the mode, which limits what an access control list allows.
        attributes::copy(&old, file.as_file());
        keep_owner_and_mode(file.as_file(), &old.metadata()?, access)?;
    }
    file.as_file().sync_all()?;
    may_replace(&path)?;
    file.persist(&path).map_err(|error| error.error)?;
    // Some systems cannot make the rename itself durable, and then the file is still whole.
    let _ = sync_folder(directory);
    Ok(())
}

#[cfg(unix)]
fn has_further_names(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.nlink() > 1)
}

/// What Windows knows of them is not to be had without unsafe code.
#[cfg(not(unix))]
fn has_further_names(_path: &Path) -> bool {
    false
}

/// Writes to a file that has further names; they are all of one file, whose end comes last.
fn write_in_place(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    keep_owner_and_mode(&file, &file.metadata()?, access)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

/// Finds the file behind a chain of symbolic links, which need not exist yet.
///
/// # Errors
///
/// When there are too many links.
pub fn follow_links(path: &Path) -> io::Result<PathBuf> {
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

/// Creates a file that goes away unless it is put in place.
fn temporary_file(directory: &Path, access: Access) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".arize-");
    // Without this its mode is 0600 from the start.
    #[cfg(unix)]
    if access == Access::AsBefore {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = access;
    builder.tempfile_in(directory)
}

#[cfg(unix)]
fn keep_owner_and_mode(file: &File, old: &fs::Metadata, access: Access) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        // Only root may give a file away; for others the file becomes theirs, as with any editor.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    }
    let mode = old.mode() & 0o7777;
    let is_stricter = mode & !0o600 == 0;
    let keeps_mode = is_stricter || access == Access::AsBefore;
    file.set_permissions(fs::Permissions::from_mode(if keeps_mode { mode } else { 0o600 }))
}

#[cfg(not(unix))]
fn keep_owner_and_mode(_file: &File, _old: &fs::Metadata, _access: Access) -> io::Result<()> {
    Ok(())
}
