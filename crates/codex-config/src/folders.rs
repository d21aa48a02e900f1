//! In which folders Codex's turns are traced.

use std::path::{Path, PathBuf};

use crate::Paths;
use crate::reader::{Reader, Source::Key};

/// Holds the folders in which turns are traced, or that they are traced everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders(Option<Vec<PathBuf>>);

impl Folders {
    /// Whether turns that ran here are traced. A turn whose folder is unknown is traced only if all
    /// are.
    pub fn cover(&self, cwd: Option<&Path>) -> bool {
        let Some(folders) = &self.0 else { return true };
        let real = |path: &Path| dunce::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        cwd.is_some_and(|cwd| {
            let cwd = real(cwd);
            folders.iter().any(|folder| cwd.starts_with(real(folder)))
        })
    }
}

/// Decides it. What is no list of texts names no folder, and then no turn is traced: the user meant to
/// keep turns back.
pub(crate) fn folders(paths: &Paths, reader: &mut Reader<'_>) -> Folders {
    const KEY: &str = "harnesses.codex.folders";
    if reader.value(Key(KEY)).is_none() {
        return Folders(None);
    }
    Folders(Some(reader.list(KEY).iter().map(|folder| paths.resolve(folder)).collect()))
}
