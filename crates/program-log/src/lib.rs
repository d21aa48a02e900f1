//! The log of the programs that run beside the buffer service.
//!
//! It says what happened, never what a prompt or a tool said: callers pass no such text. A file has 1 MiB
//! at most; when it is full, it takes the place of the one before (`….1`).

use std::fmt::Arguments;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use terminal_text::chain;

/// How a line begins that says that something was left out because it was too much.
pub const LIMIT_REACHED: &str = "limit reached: ";

/// How a line of the service's log begins that says why a run of the hook came to nothing.
pub const HOOK_FAILED: &str = "the hook failed: ";

/// A bounded log file, mode 0600. Logging never fails: an error of the log has no place to go.
#[derive(Debug, Clone)]
pub struct Log {
    file: PathBuf,
    verbose: bool,
}

impl Log {
    /// A log that goes to `file`. It is opened with the first line.
    pub fn new(file: PathBuf, verbose: bool) -> Self {
        Self { file, verbose }
    }

    /// Something did not work.
    pub fn error(&self, line: Arguments<'_>) {
        self.write("error", line);
    }

    /// Something is odd, and went on.
    pub fn warn(&self, line: Arguments<'_>) {
        self.write("warn", line);
    }

    /// Something was left out because it was too much.
    pub fn limit(&self, line: Arguments<'_>) {
        self.warn(format_args!("{LIMIT_REACHED}{line}"));
    }

    /// Something worked that a person looks for.
    pub fn info(&self, line: Arguments<'_>) {
        self.write("info", line);
    }

    /// What only a search for a fault needs (`ARIZE_VERBOSE`).
    pub fn verbose(&self, line: Arguments<'_>) {
        if self.verbose {
            self.write("debug", line);
        }
    }

    fn write(&self, level: &str, line: Arguments<'_>) {
        const MAX_BYTES: u64 = 1024 * 1024;
        if fs::metadata(&self.file).is_ok_and(|file| file.len() > MAX_BYTES) {
            let _ = fs::rename(&self.file, rotated(&self.file));
        }
        let Ok(mut file) = private_files::append(&self.file) else { return };
        let time = humantime::format_rfc3339_millis(SystemTime::now());
        // One line, one write: several hooks may log at once.
        let line = terminal_text::line(&line.to_string());
        let text = format!("{time} {level:5} [{}] {line}", std::process::id());
        let _ = file.write_all(format!("{text}\n").as_bytes());
    }
}

/// What a log file becomes when it is full: there is one such file, and it is replaced.
pub fn rotated(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_makes_way_under_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        // `ARIZE_LOG_FILE` may name any file.
        for name in ["codex.log", "codex.txt", "codex"] {
            let file = folder.path().join(name);
            let full = vec![b'x'; 1024 * 1024 + 1];
            fs::write(&file, &full).unwrap();
            Log::new(file.clone(), false).info(format_args!("next"));
            assert_eq!(fs::read(folder.path().join(format!("{name}.1"))).unwrap(), full);
            assert!(fs::read_to_string(&file).unwrap().ends_with("] next\n"));
        }
    }
}
