//! Where the service keeps its files, and how they are kept private.
//!
//! Prompts go through here: directories are created 0700 and files 0600.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// The service's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The harness home that the others are under.
    pub home: PathBuf,
    /// JSON: process id, address, version and program of the running service.
    pub pid_file: PathBuf,
    /// Locked by the running service for as long as it lives.
    pub lock: PathBuf,
    /// What a reader has to show, as text.
    pub token: PathBuf,
    /// The service's log.
    pub log: PathBuf,
    /// The buffered events.
    pub database: PathBuf,
    /// What the hook could not deliver, a folder per target.
    pub outbox: PathBuf,
}

impl Paths {
    /// Lays the files out under a harness home, which is `~/.arize/harness` by default.
    pub fn under(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            pid_file: home.join("run/codex-buffer.pid"),
            lock: home.join("run/codex-buffer.lock"),
            token: home.join("run/codex-buffer.token"),
            log: home.join("logs/codex-buffer.log"),
            database: home.join("state/codex/buffer.db"),
            outbox: home.join("state/codex/outbox"),
        }
    }

    /// Reads the token that reading from the service takes; `None` if no service ever ran here.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn read_token(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(&self.token) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What follows the name of a database that could not be used and was set aside; a number follows.
pub const SET_ASIDE: &str = ".damaged-";

/// The databases that were set aside in place of `database`, the oldest first.
pub fn set_aside(database: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (database.parent(), database.file_name()) else {
        return Vec::new();
    };
    let prefix = format!("{}{SET_ASIDE}", name.to_string_lossy());
    let is_aside = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(&prefix));
        number.is_some_and(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.filter(is_aside).map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Creates the directory that `file` goes into, for its owner only.
///
/// # Errors
///
/// When the directory cannot be created. Directories that exist stay as they are.
pub fn create_parent(file: &Path) -> io::Result<()> {
    let Some(parent) = file.parent() else { return Ok(()) };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(parent)
}

/// Opens `file` for appending, creating it and its directory for their owner only.
///
/// # Errors
///
/// When the file or its directory cannot be created or opened.
pub fn append_private(file: &Path) -> io::Result<File> {
    create_parent(file)?;
    private(OpenOptions::new().append(true).create(true)).open(file)
}

/// Opens `file` for reading and writing, creating it and its directory for their owner only.
///
/// # Errors
///
/// When the file or its directory cannot be created or opened.
pub fn open_private(file: &Path) -> io::Result<File> {
    create_parent(file)?;
    private(OpenOptions::new().read(true).write(true).create(true)).open(file)
}

/// Replaces the content of `file` in one step, for its owner only.
///
/// # Errors
///
/// When the file or its directory cannot be written.
pub fn write_private(file: &Path, content: &[u8]) -> io::Result<()> {
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
    io::Write::write_all(&mut open, content)?;
    fs::rename(&fresh, file)
}

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
    fn what_is_created_is_for_its_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(&home.path().join("harness"));
        append_private(&paths.log).unwrap();
        open_private(&paths.lock).unwrap();
        write_private(&paths.token, b"secret\n").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&paths.home), 0o700);
        assert_eq!(mode(paths.log.parent().unwrap()), 0o700);
        for file in [&paths.log, &paths.lock, &paths.token] {
            assert_eq!(mode(file), 0o600, "{}", file.display());
        }
        assert_eq!(paths.read_token().unwrap().as_deref(), Some("secret"));
    }

    #[test]
    fn no_token_is_not_an_error() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Paths::under(home.path()).read_token().unwrap(), None);
    }
}
