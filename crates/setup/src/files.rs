//! A file as it is, and as it would be without us.

use std::path::{Path, PathBuf};

use codex_config::file_edit::{self, Snapshot, digest};
use codex_config::profile::{self, ProfileError};
use codex_config::{codex_toml, edit, env_file, hooks_json};

use crate::change::Undo;
use crate::record::{Entry, Record, RecordError};

/// A file as it is, and as it would be without us.
#[derive(Debug, Clone, PartialEq)]
pub struct FileState {
    /// The file as it is.
    pub now: Snapshot,
    /// What it would hold without us; nothing if it would not exist.
    pub before: Option<String>,
}

/// Says why a file cannot be dealt with.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error(transparent)]
    Snapshot(#[from] file_edit::FileError),
    /// Our part cannot be taken out of it.
    #[error("`{}` cannot be edited", .path.display())]
    Undo {
        /// The file.
        path: PathBuf,
        /// What stands in the way.
        #[source]
        source: EditError,
    },
    /// What was noted of it cannot be used.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Says why a file stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// Codex's configuration cannot be edited.
    #[error(transparent)]
    CodexConfig(#[from] codex_toml::EditError),
    /// Codex's hooks cannot be edited.
    #[error(transparent)]
    HooksJson(#[from] hooks_json::EditError),
    /// The settings cannot be edited.
    #[error(transparent)]
    Settings(#[from] edit::EditError),
    /// A profile cannot be edited.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

impl FileState {
    /// Reads a file's state.
    pub fn read(path: &Path, record: &Record) -> Result<Self, FileError> {
        let now = Snapshot::read(path)?;
        let before = match record.entry(path) {
            None => now.exists().then(|| now.text().to_owned()),
            Some(entry) => without_us(entry, &now)?,
        };
        Ok(Self { now, before })
    }

    /// What it would hold without us; empty where there would be no file.
    pub fn text_before(&self) -> &str {
        self.before.as_deref().unwrap_or_default()
    }
}

/// What a file would hold without us: its backup if it is as we left it and there is one, else what it
/// holds now without our part.
fn without_us(entry: &Entry, now: &Snapshot) -> Result<Option<String>, FileError> {
    if !now.exists() {
        // The user removed it, and would not want it back.
        return Ok(None);
    }
    let sha256 = digest(now.text());
    let is_ours = entry.after.contains(&sha256);
    match &entry.before {
        // The change was noted, and not made.
        Some(backup) if backup.sha256 == sha256 => return Ok(Some(now.text().to_owned())),
        Some(backup) if is_ours => {
            if let Some(before) = backup.restore()? {
                return Ok(Some(before));
            }
        }
        None if is_ours => return Ok(None),
        _ => {}
    }
    let undone = undo(&entry.undo, now.text())
        .map_err(|source| FileError::Undo { path: entry.path.clone(), source })?;
    // A file that we made and that the user put nothing into would not be there.
    Ok((entry.before.is_some() || !undone.trim().is_empty()).then_some(undone))
}

/// Takes our part out of a text that was changed since.
fn undo(undo: &Undo, now: &str) -> Result<String, EditError> {
    Ok(match undo {
        Undo::Leave => now.to_owned(),
        Undo::Settings(undo) => edit::undo(now, undo)?,
        Undo::EnvFile(_) => env_file::uninstall(now),
        Undo::CodexConfig(undo) => codex_toml::undo(now, undo)?,
        Undo::HooksJson(_) => hooks_json::uninstall(now)?,
        Undo::Profile => profile::remove(now)?,
    })
}
