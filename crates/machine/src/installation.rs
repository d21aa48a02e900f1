//! What setup noted of the installation.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use codex_config::Paths;
use codex_config::codex_toml::{self, Exporter};
use serde::Deserialize;

/// The parts of setup's record that say how Codex was configured. Others are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Installation {
    entries: Vec<Entry>,
    otel_changed_ms: Option<u64>,
    /// The folder whose programs were copied, where updates of them will be found.
    pub origin: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    path: PathBuf,
    before: Option<Backup>,
}

#[derive(Debug, Deserialize)]
struct Backup {
    copy: PathBuf,
}

impl Installation {
    /// Reads the record; an empty one where there is none.
    pub fn read(paths: &Paths) -> Self {
        let record = fs::read(paths.harness_home.join("state/setup.json")).unwrap_or_default();
        serde_json::from_slice(&record).unwrap_or_default()
    }

    /// When setup last changed where Codex's telemetry goes.
    pub fn otel_changed(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.otel_changed_ms?))
    }

    /// The exporter of log events that Codex's configuration had before setup.
    pub fn exporter_before(&self, paths: &Paths) -> Option<Exporter> {
        let config = paths.codex_home.join("config.toml");
        let entry = self.entries.iter().find(|entry| entry.path == config)?;
        let before = fs::read_to_string(&entry.before.as_ref()?.copy).ok()?;
        codex_toml::inspect(&before).ok()?.otel?.exporter
    }
}
