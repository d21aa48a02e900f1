//! Changes files that belong to the user: what was read is replaced, or nothing is.
//!
//! [`Snapshot::read`] remembers what a file held. [`Snapshot::replace`] and [`Snapshot::remove`]
//! refuse when it holds something else by then, so that what another program wrote in between is
//! not lost. [`back_up`] keeps a copy elsewhere.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use private_files::{Access, WriteError, follow_links, replace, write_text};

/// Says why a file of the user was not changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file is there but cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else by now.
    #[error("`{}` was changed by another program in the meantime", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file is marked as not to be changed.
    #[error("`{}` is read-only", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The file, or a copy of it, cannot be written or removed.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a file held when it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    path: PathBuf,
    text: Option<String>,
}

impl Snapshot {
    /// Reads a file, which need not exist. A file that is not UTF-8 is an error.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        match read_if_exists(path) {
            Ok(text) => Ok(Self { path: path.to_owned(), text }),
            Err(source) => Err(FileError::Read { path: path.to_owned(), source }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path behind symbolic links, of a file that need not exist yet.
    pub fn real_path(&self) -> PathBuf {
        follow_links(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// Says whether the file was there.
    pub fn exists(&self) -> bool {
        self.text.is_some()
    }

    /// What the file held; nothing where there was none.
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// Replaces the file by a text, all at once, or creates it.
    ///
    /// A symbolic link stays and its target is replaced. Mode and owner stay as they are, missing
    /// directories are created with mode 0700.
    pub fn replace(&self, text: &str) -> Result<(), FileError> {
        self.replace_for(Access::AsBefore, text)
    }

    /// Does the same, and makes the file its owner's alone: mode 0600, unless it was stricter.
    pub fn replace_private(&self, text: &str) -> Result<(), FileError> {
        self.replace_for(Access::Private, text)
    }

    fn replace_for(&self, access: Access, text: &str) -> Result<(), FileError> {
        self.check_writable()?;
        let mut changed = false;
        let written = replace(&self.path, text.as_bytes(), access, |path| {
            changed = read_if_exists(path)? != self.text;
            if changed { Err(io::Error::other("changed")) } else { Ok(()) }
        });
        let path = self.path.clone();
        match written {
            Ok(()) => Ok(()),
            Err(_) if changed => Err(FileError::Changed { path }),
            Err(source) => Err(FileError::Write { path, source }),
        }
    }

    /// Removes the file; of a symbolic link only the target goes.
    pub fn remove(&self) -> Result<(), FileError> {
        self.check_writable()?;
        if Self::read(&self.path)? != *self {
            return Err(FileError::Changed { path: self.path.clone() });
        }
        if !self.exists() {
            return Ok(());
        }
        follow_links(&self.path)
            .and_then(std::fs::remove_file)
            .map_err(|source| FileError::Write { path: self.path.clone(), source })
    }

    fn check_writable(&self) -> Result<(), FileError> {
        match std::fs::metadata(&self.path) {
            Ok(metadata) if metadata.permissions().readonly() => {
                Err(FileError::ReadOnly { path: self.path.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// Shows no text, which may hold credentials.
impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.text.as_ref().map(String::len);
        f.debug_struct("Snapshot").field("path", &self.path).field("bytes", &bytes).finish()
    }
}

/// Keeps a copy of what a file held in a directory, durably and for its owner alone, and says where.
/// It is named by its content, so that no copy is ever replaced by another one.
pub fn back_up(path: &Path, text: &str, directory: &Path) -> Result<PathBuf, WriteError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let copy = directory.join(format!("{name}.{}", &digest(text)[..16]));
    write_text(&copy, text)?;
    Ok(copy)
}

/// Gives the SHA-256 of a text in hexadecimal, by which a file is recognised later.
pub fn digest(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a text has nothing to fail on.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn read_if_exists(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
