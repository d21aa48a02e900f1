//! The notices that were given.

use std::io;
use std::path::PathBuf;

use alerts::{Alert, Given, Memory, Millis, Quiet, Used};

/// The file of the last notices.
#[derive(Debug, Clone)]
pub struct Shown {
    file: PathBuf,
}

/// The file of the last notices cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use `{}`", file.display())]
pub struct ShownError {
    file: PathBuf,
    source: io::Error,
}

impl Shown {
    /// In this file.
    pub fn at(file: PathBuf) -> Self {
        Self { file }
    }

    /// The last ones, the newest first; none where there is no file.
    pub fn last(&self) -> Result<Vec<Given>, ShownError> {
        let memory: io::Result<Memory> = match std::fs::read(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.and_then(|text| Ok(serde_json::from_slice(&text)?)),
        };
        let memory = memory.map_err(|source| self.error(source))?;
        Ok(memory.given().cloned().collect())
    }

    /// Those of the alerts that are to be given now; remembers them.
    pub fn take(
        &self,
        alerts: Vec<Alert>,
        quiet: Quiet,
        now: Millis,
    ) -> Result<Vec<Alert>, ShownError> {
        if alerts.is_empty() {
            return Ok(alerts);
        }
        self.change(|memory| memory.take(alerts, quiet, now))
    }

    /// Remembers one that was given without a question.
    pub fn note(&self, given: Given) -> Result<(), ShownError> {
        self.change(|memory| memory.note(given))
    }

    /// Adds what a turn used to its session, once for each turn, and says what the session used.
    pub fn add_to_session(
        &self,
        session: &str,
        turn: &str,
        used: Used,
        now: Millis,
    ) -> Result<Used, ShownError> {
        self.change(|memory| memory.add_to_session(session, turn, used, now))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> Result<T, ShownError> {
        let change = |text: &[u8]| {
            // What cannot be understood is lost anyway, and without it the next change would fail, too.
            let before: Memory = serde_json::from_slice(text).unwrap_or_default();
            let mut memory = before.clone();
            let result = change(&mut memory);
            let changed = (memory != before).then(|| serde_json::to_vec(&memory)).transpose()?;
            Ok((changed, result))
        };
        private_files::update(&self.file, change).map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> ShownError {
        ShownError { file: self.file.clone(), source }
    }
}
