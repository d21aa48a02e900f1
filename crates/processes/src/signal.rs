//! Whether a process is alive, and how it is ended.

#[cfg(unix)]
pub use unix::{interrupt, is_alive, kill, terminate};

#[cfg(windows)]
pub use windows::{is_alive, kill, terminate};

#[cfg(unix)]
mod unix {
    use std::{fs, io};

    use rustix::process::{Pid, Signal, kill_process, test_kill_process};

    /// Asks a process to end.
    ///
    /// # Errors
    ///
    /// When there is no such process, or it is not to be signalled by this one.
    pub fn terminate(pid: u32) -> io::Result<()> {
        Ok(kill_process(process(pid)?, Signal::TERM)?)
    }

    /// Does to a process what Ctrl-C does.
    ///
    /// # Errors
    ///
    /// When there is no such process, or it is not to be signalled by this one.
    pub fn interrupt(pid: u32) -> io::Result<()> {
        Ok(kill_process(process(pid)?, Signal::INT)?)
    }

    /// Ends a process.
    ///
    /// # Errors
    ///
    /// When there is no such process, or it is not to be signalled by this one.
    pub fn kill(pid: u32) -> io::Result<()> {
        Ok(kill_process(process(pid)?, Signal::KILL)?)
    }

    /// Whether a process runs. One that ended and that its parent has not looked at yet does not.
    pub fn is_alive(pid: u32) -> bool {
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
    }
}

#[cfg(windows)]
mod windows {
    use std::io;

    use winsafe::co::{ERROR, PROCESS, WAIT};
    use winsafe::guard::CloseHandleGuard;
    use winsafe::{HPROCESS, SysResult};

    /// Ends a process. Only those who share its console could ask it to end, and the service has
    /// none; what it has taken is on disk before it answers.
    ///
    /// # Errors
    ///
    /// When there is no such process, or it is not to be signalled by this one.
    pub fn terminate(pid: u32) -> io::Result<()> {
        kill(pid)
    }

    /// Ends a process.
    ///
    /// # Errors
    ///
    /// When there is no such process, or it is not to be signalled by this one.
    pub fn kill(pid: u32) -> io::Result<()> {
        let killed = open(pid, PROCESS::TERMINATE).and_then(|it| it.TerminateProcess(1));
        killed.map_err(|error| io::Error::from_raw_os_error(error.raw().cast_signed()))
    }

    /// Whether a process runs. One that ended exists until its parent has asked for its exit code.
    pub fn is_alive(pid: u32) -> bool {
        match open(pid, PROCESS::SYNCHRONIZE) {
            Ok(process) => process.WaitForSingleObject(Some(0)) == Ok(WAIT::TIMEOUT),
            // A process of another user exists as well.
            Err(error) => error == ERROR::ACCESS_DENIED,
        }
    }

    fn open(pid: u32, access: PROCESS) -> SysResult<CloseHandleGuard<HPROCESS>> {
        HPROCESS::OpenProcess(access, false, pid)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_process_is_alive_until_it_was_killed() {
        assert!(is_alive(std::process::id()));
        let (program, arguments): (_, &[_]) = match cfg!(windows) {
            true => ("ping", &["-n", "60", "127.0.0.1"]),
            false => ("sleep", &["60"]),
        };
        let mut child = Command::new(program).args(arguments).spawn().unwrap();
        assert!(is_alive(child.id()));
        kill(child.id()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        // As a zombie, for which only Linux has a name.
        while !cfg!(target_os = "macos") && is_alive(child.id()) {
            assert!(Instant::now() < deadline);
        }
        child.wait().unwrap();
        assert!(!is_alive(child.id()));
    }
}
