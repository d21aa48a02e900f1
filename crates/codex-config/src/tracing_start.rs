//! When tracing of a home began: turns that ended before are history, which the user did not agree to send.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use private_files::{WriteError, write_text};

use crate::Paths;

/// The file of a home that says when its tracing began.
#[derive(Debug, Clone)]
pub struct TracingStart {
    file: PathBuf,
}

impl TracingStart {
    /// Names the file.
    pub fn of(paths: &Paths) -> Self {
        Self { file: paths.state_dir.join("since") }
    }

    /// The time that was noted. One in the future is that of a clock that was wrong, and would make
    /// history of all that is new.
    pub fn noted(&self) -> Option<SystemTime> {
        let text = fs::read_to_string(&self.file).ok()?;
        let time = humantime::parse_rfc3339(text.trim()).ok()?;
        (time <= SystemTime::now()).then_some(time)
    }

    /// Notes a time in the place of an earlier one.
    pub fn note(&self, time: SystemTime) -> Result<(), WriteError> {
        write_text(&self.file, &format!("{}\n", humantime::format_rfc3339(time)))
    }

    /// Forgets the time: nothing is traced any more.
    pub fn forget(&self) {
        let _ = fs::remove_file(&self.file);
    }
}
