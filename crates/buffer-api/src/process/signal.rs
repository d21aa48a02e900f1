//! Signals, where the system has them.

#[cfg(unix)]
pub(super) use unix::{is_alive, kill, terminate};

#[cfg(not(unix))]
pub(super) use elsewhere::{is_alive, kill, terminate};

#[cfg(unix)]
mod unix {
    use std::{fs, io};

    use rustix::process::{Pid, Signal, kill_process, test_kill_process};

    /// Asks a process to end.
    pub(in crate::process) fn terminate(pid: u32) -> io::Result<()> {
        Ok(kill_process(process(pid)?, Signal::TERM)?)
    }

    /// Ends a process.
    pub(in crate::process) fn kill(pid: u32) -> io::Result<()> {
        Ok(kill_process(process(pid)?, Signal::KILL)?)
    }

    /// Whether a process runs. One that ended and that its parent has not looked at yet does not.
    pub(in crate::process) fn is_alive(pid: u32) -> bool {
        let exists = process(pid).is_ok_and(|pid| {
            // A process of another user exists as well.
            !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
        });
        exists && !is_zombie(pid)
    }

    fn is_zombie(pid: u32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name before the state may contain anything, also brackets.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
    }

    fn process(pid: u32) -> io::Result<Pid> {
        // Zero and what becomes negative mean groups of processes.
        i32::try_from(pid).ok().filter(|pid| *pid > 0).and_then(Pid::from_raw).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{pid} is not a process id"))
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn groups_are_never_signalled() {
            for pid in [0, u32::MAX, 0x8000_0000] {
                assert_eq!(terminate(pid).unwrap_err().kind(), io::ErrorKind::InvalidInput);
                assert!(!is_alive(pid));
            }
        }

        #[test]
        fn a_zombie_is_not_alive() {
            assert!(is_alive(std::process::id()));
            let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
            assert!(is_alive(child.id()));
            kill(child.id()).unwrap();
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
            while cfg!(target_os = "linux") && is_alive(child.id()) {
                assert!(std::time::Instant::now() < deadline);
            }
            child.wait().unwrap();
            assert!(!is_alive(child.id()));
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::io;

    pub(in crate::process) fn terminate(_pid: u32) -> io::Result<()> {
        Err(unsupported())
    }

    pub(in crate::process) fn kill(_pid: u32) -> io::Result<()> {
        Err(unsupported())
    }

    pub(in crate::process) fn is_alive(_pid: u32) -> bool {
        true
    }

    fn unsupported() -> io::Error {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "processes can be ended on Unix only: end it in the task manager",
        )
    }
}
