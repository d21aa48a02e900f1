//! One setup or uninstallation at a time changes the files of a user.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use buffer_api::process::{AcquireError, InstanceLock};

use crate::record::{Record, RecordError, RecordFiles};

/// How long another one is waited for; without processes to start it takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(3);

/// Keeps others from changing what is installed for as long as it lives. The system releases it with
/// the process, however that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: PathBuf,
    _held: InstanceLock,
}

/// Says why nothing may be changed now.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another one is at work.
    #[error("another setup or uninstallation is at work{}", .pid.map_or_else(String::new, |pid| format!(" (PID {pid})")))]
    Held {
        /// Its process, if it says.
        pid: Option<u32>,
    },
    /// Another one was at work after this one had looked.
    #[error("another setup or uninstallation changed what is installed in the meantime")]
    Outdated,
    /// The record that tells cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// There can be no lock.
    #[error(transparent)]
    File(AcquireError),
}

impl Lock {
    /// Waits a little until no other process is at work, and makes sure that what was noted is still
    /// `known`.
    pub(crate) fn take(place: &RecordFiles, known: &Record) -> Result<Self, LockError> {
        let file = place.lock();
        let deadline = Instant::now() + PATIENCE;
        let lock = loop {
            match InstanceLock::acquire(&file) {
                // Not the one of a file that its last holder has removed.
                Ok(held) if is_ours(&file) => break Self { file, _held: held },
                Ok(_) | Err(AcquireError::Held { .. }) if Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(20));
                }
                Ok(_) => return Err(LockError::Held { pid: None }),
                Err(AcquireError::Held { pid, .. }) => return Err(LockError::Held { pid }),
                Err(error) => return Err(LockError::File(error)),
            }
        };
        if place.load()? == *known {
            return Ok(lock);
        }
        drop(lock);
        // Waiting for an uninstallation, we made those of the lock again.
        place.remove_empty_folders();
        Err(LockError::Outdated)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is held, so that no other process's is removed. One that stays does no harm.
        let _ = fs::remove_file(&self.file);
    }
}

impl LockError {
    /// What to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Held { .. } => Some("run this again when it has ended"),
            Self::Outdated => Some("run this again"),
            Self::Record(error) => error.hint(),
            Self::File(_) => None,
        }
    }
}

/// Whether the file at the path is the one that we hold, which has our number in it.
#[cfg(unix)]
fn is_ours(file: &std::path::Path) -> bool {
    let holder = fs::read_to_string(file).unwrap_or_default();
    holder.trim() == std::process::id().to_string()
}

/// Windows keeps a file that is open, and shows no other process the content of one that is locked.
#[cfg(not(unix))]
fn is_ours(_file: &std::path::Path) -> bool {
    true
}
