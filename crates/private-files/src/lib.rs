//! Files that only their owner may read.
//!
//! Prompts and credentials are in them: directories are created with mode 0700 and files with 0600,
//! from the start and whatever the process's mask is. On Windows, where files have no modes, they are
//! as private as the folder they are in.
//!
//! | Function | What a crash leaves |
//! | --- | --- |
//! | [`append`], [`open`] | what was written so far |
//! | [`write()`], [`update`] | the old content or the new one; after a power cut perhaps neither |
//! | [`write_durably`], [`NewFile`] | the old content or the new one, also after a power cut |
//! | [`replace`], [`write_text`] | the same, in the place of a file of the user's: through links, with its owner and attributes |
//!
//! ```
//! # let folder = tempfile::tempdir()?;
//! let file = folder.path().join("state/last.json");
//! private_files::write_durably(&file, b"{}")?;
//! assert_eq!(std::fs::read(&file)?, b"{}");
//! # #[cfg(unix)]
//! # {
//! # use std::os::unix::fs::PermissionsExt;
//! # assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
//! # }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Invariants: this crate knows no format and no path of any program.

mod new_file;
mod replace;

pub use new_file::{NewFile, write_durably};
pub use replace::{Access, follow_links, replace};

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be written", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Creates a folder, and those above it, for their owner only. One that exists stays as it is.
///
/// # Errors
///
/// When one of them cannot be created.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Creates the folder that a file goes into, for its owner only.
///
/// # Errors
///
/// When the folder cannot be created.
pub fn create_parent(file: &Path) -> io::Result<()> {
    create_folder(parent(file))
}

/// Opens a file for appending, creating it and its folder for their owner only. It need not be readable:
/// a log may be a pipe.
///
/// # Errors
///
/// When the file or its folder cannot be created or opened.
pub fn append(file: &Path) -> io::Result<File> {
    create_parent(file)?;
    private(OpenOptions::new().append(true).create(true)).open(file)
}

/// Opens a file for reading and writing, creating it and its folder for their owner only.
///
/// # Errors
///
/// When the file or its folder cannot be created or opened.
pub fn open(file: &Path) -> io::Result<File> {
    create_parent(file)?;
    private(OpenOptions::new().read(true).write(true).create(true)).open(file)
}

/// Replaces the content of a file in one step, for its owner only.
///
/// # Errors
///
/// When the file or its folder cannot be written.
pub fn write(file: &Path, content: &[u8]) -> io::Result<()> {
    create_parent(file)?;
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    // Left behind by a crash, perhaps with other permissions.
    if let Err(error) = fs::remove_file(&fresh)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut open = private(OpenOptions::new().write(true).create_new(true)).open(&fresh)?;
    open.write_all(content)?;
    fs::rename(&fresh, file)
}

/// Changes the content of a file, which is empty where there is none, while no other process changes it so:
/// each holds the lock of a file beside it. What `change` gives is written in one step; without it the file
/// stays as it is.
///
/// # Errors
///
/// When the file cannot be locked, read or written.
pub fn update<T>(
    file: &Path,
    change: impl FnOnce(&[u8]) -> io::Result<(Option<Vec<u8>>, T)>,
) -> io::Result<T> {
    let lock = open(&file.with_extension("lock"))?;
    lock.lock()?;
    let before = match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let (after, result) = change(&before)?;
    if let Some(after) = after {
        write(file, &after)?;
    }
    Ok(result)
}

/// Writes a text in the place of a file of the user's, which becomes readable by its owner alone.
///
/// # Errors
///
/// When the file or its folder cannot be written.
pub fn write_text(path: &Path, text: &str) -> Result<(), WriteError> {
    replace(path, text.as_bytes(), Access::Private, |_| Ok(()))
        .map_err(|source| WriteError { path: path.to_owned(), source })
}

/// Takes an open file away from group and others, to whom a mode may have given it.
///
/// # Errors
///
/// When its mode cannot be read or changed.
#[cfg(unix)]
pub fn keep_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Windows has no modes.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
pub fn keep_private(_file: &File) -> io::Result<()> {
    Ok(())
}

/// Makes the names in a folder durable.
///
/// # Errors
///
/// When the folder cannot be opened, or the system cannot do that.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows opens no folders, and keeps their names in its journal.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// The folder of a file; `.` for a name alone.
fn parent(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Lets a file be created for its owner only.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn changes_of_several_threads_are_all_there() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("folder/list");
        let add = || {
            update(&file, |before| Ok((Some([before, b"x"].concat()), before.len()))).unwrap();
        };
        std::thread::scope(|scope| {
            (0..8).for_each(|_| drop(scope.spawn(|| (0..20).for_each(|_| add()))));
        });
        assert_eq!(update(&file, |text| Ok((None, text.len()))).unwrap(), 160);
        assert_eq!(fs::read(&file).unwrap().len(), 160);
    }

    #[test]
    fn what_is_created_is_for_its_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join("folder/below").join(name);
        append(&at("appended")).unwrap();
        open(&at("opened")).unwrap();
        write(&at("written"), b"secret\n").unwrap();
        write_durably(&at("durable"), b"secret\n").unwrap();
        write_text(&at("text"), "secret\n").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home.path().join("folder")), 0o700);
        assert_eq!(mode(&home.path().join("folder/below")), 0o700);
        for name in ["appended", "opened", "written", "durable", "text"] {
            assert_eq!(mode(&at(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn what_is_appended_to_need_not_be_readable() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs::write(&path, "a").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o200)).unwrap();
        let mut file = append(&path).unwrap();
        file.write_all(b"b").unwrap();
        // Root may open any file, but reads only through what was opened for it.
        let error = io::Read::read(&mut file, &mut [0]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(9), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"ab");
    }

    #[test]
    fn a_file_that_others_could_read_is_taken_from_them() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        keep_private(&File::open(&path).unwrap()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
