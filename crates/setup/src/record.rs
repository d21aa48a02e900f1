//! The record of an installation: what was there before, what we made of it.
//!
//! Each change is noted here, durably and with a backup of what it replaces, before it is made. So
//! whatever interrupts an installation, the record knows at least what was changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use codex_config::file_edit::{self, FileError, Snapshot, digest};
use private_files::{WriteError, write_text};
use serde::{Deserialize, Serialize};

use crate::autostart::Launcher;
use crate::change::{Part, Undo};

/// Where the record and the backups are.
#[derive(Debug, Clone)]
pub struct RecordFiles {
    file: PathBuf,
    backups: PathBuf,
}

/// What an installation changed, in the order in which it did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The files that were edited or made.
    pub entries: Vec<Entry>,
    /// The programs that were copied.
    pub programs: Vec<PathBuf>,
    /// Whether `codex` was put before the real one.
    pub shim: bool,
    /// Whether our `bin` was put first on the user's `PATH` in Windows' registry.
    pub windows_path: bool,
    /// What starts the buffer service at login.
    pub launcher: Option<Launcher>,
    /// The folder whose programs were copied, where updates of them will be found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<PathBuf>,
    /// Folders that were not there before, the outer ones first.
    pub created_folders: Vec<PathBuf>,
    /// When Codex's configuration was last changed, in milliseconds since the Unix epoch. The doctor
    /// compares it with the start of Codex's background process, which goes on with what it read then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otel_changed_ms: Option<u64>,
}

/// One file that was changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// What of the installation it belongs to.
    pub part: Part,
    /// The file as it would be without us; nothing if there would be none.
    pub before: Option<Backup>,
    /// The SHA-256 of what we left there; of the text before, too, while an update may have been
    /// interrupted.
    pub after: Vec<String>,
    /// How our part is taken out of a file that was changed since.
    pub undo: Undo,
}

/// A copy of a file as it would be without us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    /// The copy.
    pub copy: PathBuf,
    /// The SHA-256 of the text.
    pub sha256: String,
}

/// Says why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The record is there and cannot be read, or cannot be removed.
    #[error("`{}` cannot be read", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The record makes no sense.
    #[error("`{}` is not a record of an installation", .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A backup cannot be read or written.
    #[error(transparent)]
    Snapshot(#[from] FileError),
    /// The record cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl RecordError {
    /// What to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Parse { .. } => Some(
                "move the file away; without it, `arize-codex uninstall` takes back what it recognises",
            ),
            Self::File { .. } | Self::Snapshot(_) | Self::Write(_) => None,
        }
    }
}

impl Record {
    /// Finds what was noted of a file.
    pub fn entry(&self, path: &Path) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == path)
    }

    /// Notes a change, in the place of an earlier one of the same file.
    pub fn note(&mut self, entry: Entry) {
        match self.entries.iter_mut().find(|known| known.path == entry.path) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    /// Whether nothing is left to be taken back.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RecordFiles {
    /// Finds the place below a harness home.
    pub fn under(harness_home: &Path) -> Self {
        let state = harness_home.join("state");
        Self { file: state.join("setup.json"), backups: state.join("setup-backups") }
    }

    /// Names the file that says who changes what is installed.
    pub(crate) fn lock(&self) -> PathBuf {
        self.file.with_extension("lock")
    }

    /// Names the record's file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Reads the record; one of nothing where nothing was installed.
    pub fn load(&self) -> Result<Record, RecordError> {
        match fs::read(&self.file) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|source| RecordError::Parse { path: self.file.clone(), source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
            Err(source) => Err(RecordError::File { path: self.file.clone(), source }),
        }
    }

    /// Writes the record durably, for its owner only.
    pub fn save(&self, record: &Record) -> Result<(), RecordError> {
        let mut text = serde_json::to_string_pretty(record)
            .map_err(|source| RecordError::Parse { path: self.file.clone(), source })?;
        text.push('\n');
        Ok(write_text(&self.file, &text)?)
    }

    /// Keeps a copy of what a file held.
    pub fn back_up(&self, path: &Path, text: &str) -> Result<Backup, RecordError> {
        let copy = file_edit::back_up(path, text, &self.backups)?;
        Ok(Backup { copy, sha256: digest(text) })
    }

    /// Removes the folders of ours in which nothing is left.
    pub(crate) fn remove_empty_folders(&self) {
        let Some(harness_home) = self.file.parent().and_then(Path::parent) else { return };
        for folder in ["bin", "run", "logs", "state/codex", "state"] {
            let _ = fs::remove_dir(harness_home.join(folder));
        }
        let _ = fs::remove_dir(harness_home);
        if harness_home.ends_with(".arize/harness") {
            let _ = harness_home.parent().map(fs::remove_dir);
        }
    }

    /// Removes the record and all backups.
    pub fn forget(&self) -> Result<(), RecordError> {
        let file = (&self.file, fs::remove_file(&self.file));
        for (path, removed) in [file, (&self.backups, fs::remove_dir_all(&self.backups))] {
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(RecordError::File { path: path.clone(), source: error });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Backup {
    /// Reads the copy; nothing if it is gone, or is not what was backed up.
    pub fn restore(&self) -> Result<Option<String>, RecordError> {
        let copy = Snapshot::read(&self.copy)?;
        let is_it = copy.exists() && digest(copy.text()) == self.sha256;
        Ok(is_it.then(|| copy.text().to_owned()))
    }
}
