//! A file that gets its name when it is complete.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::{create_folder, parent, sync_folder};

/// Writes a file so that it is there as a whole, also after a crash of the machine, or not at all.
///
/// # Errors
///
/// When the file or its folder cannot be written.
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    NewFile::write(parent(path), |file| file.write_all(bytes))?.put(path)
}

/// A file that is written and has no name yet.
#[derive(Debug)]
pub struct NewFile(NamedTempFile);

impl NewFile {
    /// Writes a file that will get a name in this folder. What a crash leaves of it is called
    /// `.….new`.
    ///
    /// # Errors
    ///
    /// When the file or its folder cannot be written.
    pub fn write(
        folder: &Path,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<Self> {
        create_folder(folder)?;
        // For its owner only from the start.
        let mut file = tempfile::Builder::new().prefix(".").suffix(".new").tempfile_in(folder)?;
        write(file.as_file_mut())?;
        file.as_file().sync_all()?;
        Ok(Self(file))
    }

    /// Its size in bytes.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn size(&self) -> io::Result<u64> {
        Ok(self.0.as_file().metadata()?.len())
    }

    /// Gives it its name, durably.
    ///
    /// # Errors
    ///
    /// When the file cannot be renamed, or a folder not be synchronised.
    pub fn put(self, path: &Path) -> io::Result<()> {
        self.0.persist(path).map_err(|error| error.error)?;
        let folder = parent(path);
        sync_folder(folder)?;
        // The folder itself may be new, and the one above it.
        folder.ancestors().skip(1).take(2).try_for_each(sync_folder)
    }
}
