//! The process that listens on a port.

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listener {
    /// Its process id, where the system tells.
    pub pid: Option<u32>,
    /// The name of its program, where the system tells.
    pub program: Option<String>,
    /// Its user, where the system tells and it is another one than that of this process.
    pub other_user: Option<u32>,
    /// Its command line, where the system tells.
    pub arguments: Vec<String>,
}

/// Finds the process that listens on a port of this machine. Systems tell about processes of the same
/// user only; Linux tells of the others whose they are.
pub fn listener(port: u16) -> Option<Listener> {
    find(port)
}

#[cfg(target_os = "linux")]
use linux::find;

#[cfg(target_os = "macos")]
fn find(port: u16) -> Option<Listener> {
    let address = format!("-iTCP:{port}");
    commands::lsof(&commands::output("lsof", &["-nP", &address, "-sTCP:LISTEN", "-Fpc"])?)
}

#[cfg(windows)]
fn find(port: u16) -> Option<Listener> {
    commands::netstat(&commands::output("netstat", &["-ano", "-p", "TCP"])?, port)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn find(_port: u16) -> Option<Listener> {
    None
}

#[cfg(any(target_os = "macos", windows, test))]
mod commands;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use super::Listener;
    use crate::sockets::{self, Socket};

    pub(super) fn find(port: u16) -> Option<Listener> {
        let sockets: Vec<Socket> =
            sockets::all().filter(|it| it.listens() && it.local.1 == port).collect();
        let names: Vec<String> =
            sockets.iter().map(|socket| format!("socket:[{}]", socket.inode)).collect();
        let own = rustix::process::geteuid().as_raw();
        let other_user = sockets.first()?.uid;
        let other_user = (other_user != own).then_some(other_user);
        let pid = processes().find(|pid| holds_any(*pid, &names));
        let arguments = pid.map(command_line).unwrap_or_default();
        let program = pid.and_then(|pid| name(pid, &arguments));
        Some(Listener { pid, program, other_user, arguments })
    }

    /// The whole name of a program. The kernel's own has 15 bytes; where that is full, it is the
    /// beginning of the name of the file or of a script that the program runs.
    fn name(pid: u32, words: &[String]) -> Option<String> {
        const FULL: usize = 15;
        let short = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned();
        if short.len() < FULL {
            return Some(short);
        }
        let file = fs::read_link(format!("/proc/{pid}/exe")).ok();
        let file =
            file.map(|file| file.to_string_lossy().trim_end_matches(" (deleted)").to_owned());
        let names = file.iter().chain(words).map(|path| path.rsplit('/').next().unwrap_or(path));
        let whole = names.into_iter().find(|name| name.starts_with(&short)).map(str::to_owned);
        Some(whole.unwrap_or(short))
    }

    fn command_line(pid: u32) -> Vec<String> {
        let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        bytes
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect()
    }

    fn processes() -> impl Iterator<Item = u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    }

    fn holds_any(pid: u32, sockets: &[String]) -> bool {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|target| sockets.iter().any(|socket| target.as_os_str() == socket.as_str()))
    }

    #[cfg(test)]
    mod tests {
        use std::net::TcpListener;
        use std::path::Path;
        use std::process::Command;
        use std::time::{Duration, Instant};

        use super::*;

        #[test]
        fn a_long_name_is_named_whole() {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("a-program-with-a-long-name");
            // Not in this process: another test may start something meanwhile.
            let copied = Command::new("cp").args([Path::new("/bin/sleep"), &program]).status();
            assert!(copied.unwrap().success());
            let mut running = Command::new(&program).arg("60").spawn().unwrap();
            let until = Instant::now() + Duration::from_secs(60);
            let found = loop {
                let found = name(running.id(), &command_line(running.id()));
                if found.as_deref() == Some("a-program-with-a-long-name") || Instant::now() > until
                {
                    break found;
                }
            };
            running.kill().unwrap();
            running.wait().unwrap();
            assert_eq!(found.as_deref(), Some("a-program-with-a-long-name"));
        }

        #[test]
        fn a_listener_is_found_and_named() {
            let socket = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = socket.local_addr().unwrap().port();
            let found = find(port).unwrap();
            assert_eq!((found.pid, found.other_user), (Some(std::process::id()), None));
            drop(socket);
            assert_eq!(find(port), None);
        }
    }
}
