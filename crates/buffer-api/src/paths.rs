//! Where the service keeps its files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_not_an_error() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Paths::under(home.path()).read_token().unwrap(), None);
    }
}
