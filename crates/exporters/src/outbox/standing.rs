//! How it stands with a target: its refusals in a row, what it said, and when to try again.
//!
//! All of it may be lost: then the target is offered what waits at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::backoff::{is_due, wait};
use super::folder;
use crate::Verdict;

/// The file's form. Unknown fields of later versions are dropped; missing ones are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Standing {
    /// Failures since the target last accepted something.
    pub(super) failures: u32,
    /// What it said last, or why there is no connection.
    pub(super) error: Option<String>,
    /// The settings with which that was.
    pub(super) fingerprint: u64,
    /// How often the target failed at a batch, by the name of its file.
    pub(super) failed_at: BTreeMap<String, u32>,
    #[serde(skip)]
    pub(super) due: Option<SystemTime>,
}

impl Standing {
    pub(super) fn load(folder: &Path) -> Self {
        let text = fs::read(folder.join("standing.json")).unwrap_or_default();
        let standing: Self = serde_json::from_slice(&text).unwrap_or_default();
        Self { due: read_due(folder), ..standing }
    }

    /// Writes it down, as well as the disk allows: it says nothing that is needed.
    pub(super) fn save(&self, folder: &Path) {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let _ = folder::write(&folder.join("standing.json"), &text);
        let file = folder.join("due");
        let _ = match self.due {
            Some(due) => folder::write(&file, millis(due).to_string().as_bytes()),
            None => folder::remove(&file).map(drop),
        };
    }

    /// Whether to offer the target what waits, with these settings.
    pub(super) fn is_due(&self, now: SystemTime, fingerprint: u64) -> bool {
        self.fingerprint != fingerprint || self.due.is_none_or(|due| is_due(due, now))
    }

    /// The target took something.
    pub(super) fn accepted(&mut self) {
        self.failures = 0;
        self.error = None;
        self.due = None;
    }

    /// The target took nothing more.
    pub(super) fn failed(&mut self, verdict: Verdict, error: String, now: SystemTime, jitter: f64) {
        self.failures = self.failures.saturating_add(1);
        self.error = Some(error);
        self.due = Some(now + wait(verdict, self.failures, jitter));
    }
}

/// A time that cannot be read has come.
fn read_due(folder: &Path) -> Option<SystemTime> {
    let text = fs::read_to_string(folder.join("due")).ok()?;
    let millis = text.trim().parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis()
}
