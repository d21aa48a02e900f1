//! Who listens on a port.

use std::fmt;

use crate::Endpoint;

/// A process that listens where the service wants to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Occupant {
    /// Its process id, where the system tells.
    pub pid: Option<u32>,
    /// The name of its program, where the system tells.
    pub program: Option<String>,
    /// Its user, where the system tells and it is another one than that of this process.
    pub other_user: Option<u32>,
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.program, self.pid) {
            (Some(program), Some(pid)) => write!(f, "`{program}` (PID {pid})"),
            (None, Some(pid)) => write!(f, "PID {pid}"),
            _ => f.write_str("another process"),
        }?;
        match self.other_user {
            Some(uid) => write!(f, " of another user (UID {uid})"),
            None => Ok(()),
        }
    }
}

/// Finds the process that listens at `endpoint`. Systems tell about processes of the same user only;
/// Linux tells of the others whose they are.
pub fn occupant(endpoint: &Endpoint) -> Occupant {
    listener(endpoint.port).unwrap_or_default()
}

#[cfg(target_os = "linux")]
use linux::listener;

#[cfg(target_os = "macos")]
fn listener(port: u16) -> Option<Occupant> {
    let address = format!("-iTCP:{port}");
    commands::lsof(&commands::output("lsof", &["-nP", &address, "-sTCP:LISTEN", "-Fpc"])?)
}

#[cfg(windows)]
fn listener(port: u16) -> Option<Occupant> {
    commands::netstat(&commands::output("netstat", &["-ano", "-p", "TCP"])?, port)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn listener(_port: u16) -> Option<Occupant> {
    None
}

#[cfg(any(target_os = "macos", windows, test))]
mod commands;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use super::Occupant;
    use crate::process::sockets::{self, Socket};

    pub(super) fn listener(port: u16) -> Option<Occupant> {
        let sockets: Vec<Socket> =
            sockets::all().filter(|it| it.listens() && it.local.1 == port).collect();
        let names: Vec<String> =
            sockets.iter().map(|socket| format!("socket:[{}]", socket.inode)).collect();
        let own = rustix::process::geteuid().as_raw();
        let other_user = sockets.first()?.uid;
        let other_user = (other_user != own).then_some(other_user);
        let pid = processes().find(|pid| holds_any(*pid, &names));
        let program = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
        let program = program.map(|name| name.trim().to_owned());
        Some(Occupant { pid, program, other_user })
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

        use super::*;

        #[test]
        fn a_listener_is_found_and_named() {
            let socket = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = socket.local_addr().unwrap().port();
            let found = listener(port).unwrap();
            assert_eq!((found.pid, found.other_user), (Some(std::process::id()), None));
            drop(socket);
            assert_eq!(listener(port), None);
        }
    }
}
