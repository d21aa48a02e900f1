//! Whether a process still writes to a transcript.
//!
//! While a turn goes on, Codex has its transcript open for writing (seen with 17 versions from 0.44 to
//! 0.171), also when nothing happens because a person is asked something. A turn that goes on in a
//! transcript that no process has open is one whose Codex is gone: it was killed, or crashed.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// How long nothing may have been written before the answer counts: a Codex that takes a thread up
/// again opens the file first.
const SETTLED: Duration = Duration::from_secs(1);

/// The time between two answers that must be the same.
const BETWEEN: Duration = Duration::from_millis(100);

/// What is known of the processes that have a file open for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writers {
    /// There are so many.
    Some(usize),
    /// There is none on any machine.
    None,
    /// There may be one that is not seen: of another user, in another container, on another machine, or
    /// on a system that does not tell.
    Unknown,
}

/// Whether a file that had no writer a moment ago has none for good: the Codex that wrote to it is
/// gone. `silence` is how long nothing was written.
pub(crate) fn stays_without_writers(file: &Path, silence: Duration) -> bool {
    if silence < SETTLED {
        return false;
    }
    sleep(BETWEEN);
    writers(file) == Writers::None
}

/// What is known of the writers of a file; [`Writers::Unknown`] on systems other than Linux and macOS.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(crate) fn writers(_file: &Path) -> Writers {
    Writers::Unknown
}

#[cfg(target_os = "linux")]
pub(crate) use linux::writers;
#[cfg(target_os = "macos")]
pub(crate) use lsof::writers;

/// What `lsof`, a part of macOS, says of a file. It shows the processes of this user; those of another
/// user cannot write to a transcript, which is private.
#[cfg(any(target_os = "macos", test))]
mod lsof {
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    use super::Writers;

    /// Where macOS has it; no other program of that name is run.
    const PROGRAM: &str = if cfg!(target_os = "macos") { "/usr/sbin/lsof" } else { "lsof" };

    /// How long it may take.
    const PATIENCE: Duration = Duration::from_secs(2);

    pub(crate) fn writers(file: &Path) -> Writers {
        let mut command = Command::new(PROGRAM);
        command.args(["-F", "pa", "--"]).arg(file);
        let Ok(output) = processes::answer(processes::without_keys(&mut command), PATIENCE) else {
            return Writers::Unknown;
        };
        match (output.status.code(), output.stderr.is_empty()) {
            (Some(0), _) => of(&String::from_utf8_lossy(&output.stdout)),
            // No process has the file open.
            (Some(1), true) if output.stdout.is_empty() && is_on_this_machine(file) => {
                Writers::None
            }
            _ => Writers::Unknown,
        }
    }

    /// Reads a line for each process (`p`) and, below it, the access (`a`) of each of its open files.
    fn of(fields: &str) -> Writers {
        let (mut writers, mut is_counted) = (0, false);
        for line in fields.lines() {
            match line.as_bytes() {
                [b'p', ..] => is_counted = false,
                [b'a', b'w' | b'u'] if !is_counted => {
                    writers += 1;
                    is_counted = true;
                }
                _ => {}
            }
        }
        if writers == 0 { Writers::None } else { Writers::Some(writers) }
    }

    /// Whether no other machine may write to the file's file system.
    #[cfg(target_os = "macos")]
    fn is_on_this_machine(file: &Path) -> bool {
        /// `MNT_LOCAL` of `statfs(2)`.
        const LOCAL: u32 = 0x1000;
        rustix::fs::statfs(file).is_ok_and(|system| system.f_flags & LOCAL != 0)
    }

    #[cfg(not(target_os = "macos"))]
    fn is_on_this_machine(_file: &Path) -> bool {
        true
    }

    #[cfg(test)]
    mod tests {
        use std::fs::{self, File, OpenOptions};

        use super::*;

        #[test]
        fn each_process_that_can_write_counts_once() {
            assert_eq!(of("p29893\nau\nar\nau\np7\nar\np8\naw\n"), Writers::Some(2));
            assert_eq!(of("p7\nar\n"), Writers::None);
            assert_eq!(of("p7\na \n"), Writers::None);
        }

        /// Where the program is installed.
        #[cfg(unix)]
        #[test]
        fn the_program_says_who_writes() {
            if Command::new(PROGRAM).arg("-v").output().is_err() {
                return;
            }
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("rollout.jsonl");
            fs::write(&path, "x").unwrap();
            assert_eq!(writers(&path), Writers::None);
            let reader = File::open(&path).unwrap();
            assert_eq!(writers(&path), Writers::None, "a reader is not a writer");
            drop(reader);
            let writer = OpenOptions::new().append(true).open(&path).unwrap();
            assert_eq!(writers(&path), Writers::Some(1));
            drop(writer);
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    use codex_config::{file_system_of, shared_file_system};

    use super::Writers;

    /// `f_type` of `statfs(2)` for the file system of a container's own files.
    const OVERLAY: u64 = 0x794c_7630;

    pub(crate) fn writers(file: &Path) -> Writers {
        let (mut count, mut is_everybody_seen) = (0, sees_all_that_may_write(file));
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes = entries.filter_map(|entry| entry.file_name().into_string().ok());
        for pid in processes.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) {
            match fs::read_dir(format!("/proc/{pid}/fd")) {
                Ok(descriptors) => {
                    let mut links = descriptors.flatten();
                    count += usize::from(links.any(|link| is_writer(&link.path(), file)));
                }
                // Another user's: it does not show what it has open, but its name.
                Err(_) => {
                    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                    is_everybody_seen &= !name.starts_with("codex");
                }
            }
        }
        match (count, is_everybody_seen) {
            (0, true) => Writers::None,
            (0, false) => Writers::Unknown,
            _ => Writers::Some(count),
        }
    }

    /// Whether a link below `/proc/PID/fd` is to this file, and one that can be written through.
    fn is_writer(link: &Path, file: &Path) -> bool {
        const OWNER_WRITES: u32 = 0o200;
        // The name first: looking at each file that is open could hang with its file system.
        if fs::read_link(link).ok().as_deref().and_then(Path::file_name) != file.file_name() {
            return false;
        }
        let is_open_for_writing =
            link.symlink_metadata().is_ok_and(|link| link.permissions().mode() & OWNER_WRITES != 0);
        // Then the file itself: its folders may have other names in a container.
        let identity = |path: &Path| path.metadata().map(|file| (file.dev(), file.ino())).ok();
        is_open_for_writing && identity(link) == identity(file)
    }

    /// Whether every process that may write to this file is one of those that `/proc` shows.
    fn sees_all_that_may_write(file: &Path) -> bool {
        let Some(kind) = file_system_of(file) else { return false };
        shared_file_system(kind).is_none() && (is_initial_namespace() || kind == OVERLAY)
    }

    /// Whether the processes of the whole machine show, and not those of a container alone: the kernel's
    /// own threads are among them then. WSL shows none, and keeps no process from its user.
    fn is_initial_namespace() -> bool {
        let begins = |file: &str, with: &str| {
            fs::read_to_string(file).is_ok_and(|text| text.to_lowercase().contains(with))
        };
        begins("/proc/2/comm", "kthreadd") || begins("/proc/version", "microsoft")
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{self, File, OpenOptions};

    use super::*;

    #[test]
    fn a_file_has_a_writer_while_a_process_may_write_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rollout.jsonl");
        fs::write(&path, "x").unwrap();
        let none = writers(&path);
        assert!(matches!(none, Writers::None | Writers::Unknown));
        let reader = File::open(&path).unwrap();
        assert_eq!(writers(&path), none, "a reader is no writer");
        drop(reader);
        let writer = OpenOptions::new().append(true).open(&path).unwrap();
        assert_eq!(writers(&path), Writers::Some(1));
        assert!(!stays_without_writers(&path, Duration::MAX));
        drop(writer);
        assert_eq!(writers(&path), none);
        assert_eq!(stays_without_writers(&path, Duration::MAX), none == Writers::None);
        assert!(!stays_without_writers(&path, Duration::ZERO), "just written");
    }

    #[test]
    fn processes_are_not_seen_behind_every_file() {
        assert_eq!(writers(Path::new("/nowhere")), Writers::Unknown);
    }
}
