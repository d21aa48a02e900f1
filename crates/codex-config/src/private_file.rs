//! Writes files that only their owner may read.

use std::io;
use std::path::{Path, PathBuf};

use crate::replace::{Access, replace};

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
    replace(path, text.as_bytes(), Access::Private, |_| Ok(()))
        .map_err(|source| WriteError { path: path.to_owned(), source })
}
