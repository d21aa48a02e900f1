//! The lock that makes the service a single one per home. The system releases it with the
//! process, however that ends.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

#[cfg(not(windows))]
use std::io::{Read, Seek, Write};

/// How long the lock is tried again while others only look at it, see [`holder`]. On a busy machine one
/// that checks may be stopped before it has let go.
const PATIENCE: Duration = Duration::from_secs(3);

/// Holds the lock for as long as it lives.
#[derive(Debug)]
pub struct InstanceLock {
    #[cfg(windows)]
    pid_path: PathBuf,
    _file: File,
}

/// Says why the lock was not acquired.
#[derive(Debug, thiserror::Error)]
pub enum AcquireError {
    /// The service of this home already runs.
    #[error("`{}` is held by {}", .lock.display(), describe(.pid))]
    Held {
        /// The lock file.
        lock: PathBuf,
        /// The process that holds it, if it says.
        pid: Option<u32>,
    },
    /// The file cannot be locked.
    #[error("`{}` cannot be locked", .lock.display())]
    Io {
        /// The lock file.
        lock: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl InstanceLock {
    /// Locks `lock` and writes this process's id into it.
    ///
    /// # Errors
    ///
    /// When another process holds it.
    pub fn acquire(lock: &Path) -> Result<Self, AcquireError> {
        let io_error = |source| AcquireError::Io { lock: lock.to_owned(), source };
        let mut file = private_files::open(lock).map_err(io_error)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(io_error(source)),
                // Those who look share the lock; an instance does not.
                Err(TryLockError::WouldBlock)
                    if Instant::now() < deadline && file.try_lock_shared().is_ok() =>
                {
                    // Where this fails, so does the next attempt.
                    let _ = file.unlock();
                    thread::sleep(Duration::from_millis(1));
                }
                Err(TryLockError::WouldBlock) => {
                    let pid = read_pid(&mut file, lock);
                    return Err(AcquireError::Held { lock: lock.to_owned(), pid });
                }
            }
        }
        // On a full disk it cannot be said. The lock is what counts.
        let _ = write_pid(&mut file, lock);
        Ok(Self {
            #[cfg(windows)]
            pid_path: pid_path(lock),
            _file: file,
        })
    }
}

#[cfg(windows)]
impl Drop for InstanceLock {
    fn drop(&mut self) {
        // While it is held, so that no other process's file is removed. One that stays says nothing.
        let _ = std::fs::remove_file(&self.pid_path);
    }
}

/// The process that holds the lock, `Some(None)` if its id is unknown. If the lock is free,
/// `when_free` runs while no process can take it.
pub(super) fn holder(lock: &Path, when_free: impl FnOnce()) -> Option<Option<u32>> {
    let mut file = File::open(lock).ok()?;
    match file.try_lock_shared() {
        Ok(()) => {
            when_free();
            None
        }
        Err(TryLockError::WouldBlock) => Some(read_pid(&mut file, lock)),
        Err(TryLockError::Error(_)) => None,
    }
}

#[cfg(not(windows))]
fn write_pid(file: &mut File, _lock: &Path) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(not(windows))]
fn read_pid(file: &mut File, _lock: &Path) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Beside the lock: on Windows no other process can read a locked file.
#[cfg(windows)]
fn write_pid(_file: &mut File, lock: &Path) -> io::Result<()> {
    private_files::write(&pid_path(lock), format!("{}\n", std::process::id()).as_bytes())
}

#[cfg(windows)]
fn read_pid(_file: &mut File, lock: &Path) -> Option<u32> {
    std::fs::read_to_string(pid_path(lock)).ok()?.trim().parse().ok()
}

#[cfg(windows)]
fn pid_path(lock: &Path) -> PathBuf {
    lock.with_added_extension("pid")
}

fn describe(pid: &Option<u32>) -> String {
    match pid {
        Some(pid) => format!("PID {pid}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_learns_who_is_first() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run/lock");
        assert_eq!(holder(&path, || ()), None);
        let first = InstanceLock::acquire(&path).unwrap();
        let me = std::process::id();
        assert_eq!(holder(&path, || panic!("it is not free")), Some(Some(me)));
        let error = InstanceLock::acquire(&path).unwrap_err();
        assert!(error.to_string().ends_with(&format!("is held by PID {me}")), "{error}");
        drop(first);
        let mut free = false;
        assert_eq!(holder(&path, || free = true), None);
        assert!(free);
        InstanceLock::acquire(&path).unwrap();
    }

    #[test]
    fn a_check_does_not_keep_one_from_starting() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        drop(InstanceLock::acquire(&path).unwrap());
        thread::scope(|scope| {
            let (looking, looks) = std::sync::mpsc::channel();
            let path = &path;
            scope.spawn(move || {
                holder(path, || {
                    looking.send(()).unwrap();
                    thread::sleep(PATIENCE / 10);
                })
            });
            looks.recv().unwrap();
            InstanceLock::acquire(path).unwrap();
        });
    }
}
