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
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.program, self.pid) {
            (Some(program), Some(pid)) => write!(f, "`{program}` (PID {pid})"),
            (None, Some(pid)) => write!(f, "PID {pid}"),
            _ => f.write_str("another process"),
        }
    }
}

/// Finds the process that listens at `endpoint`. Systems tell about processes of the same user only.
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

    /// The state of a listening socket in `/proc/net/tcp`.
    const LISTEN: &str = "0A";

    pub(super) fn listener(port: u16) -> Option<Occupant> {
        let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| listening_sockets(&table, port))
            .collect();
        let pid = processes().find(|pid| holds_any(*pid, &sockets))?;
        let program = fs::read_to_string(format!("/proc/{pid}/comm")).ok();
        Some(Occupant { pid: Some(pid), program: program.map(|name| name.trim().to_owned()) })
    }

    /// The names, as `/proc/PID/fd` shows them, of the sockets that listen on `port`.
    fn listening_sockets(table: &str, port: u16) -> Vec<String> {
        let suffix = format!(":{port:04X}");
        let listens = |line: &&str| {
            let mut columns = line.split_whitespace().skip(1);
            let local = columns.next().is_some_and(|local| local.ends_with(&suffix));
            local && columns.nth(1) == Some(LISTEN)
        };
        let inode = |line: &str| Some(format!("socket:[{}]", line.split_whitespace().nth(9)?));
        table.lines().skip(1).filter(listens).filter_map(inode).collect()
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
            assert_eq!(listener(port).unwrap().pid, Some(std::process::id()));
            drop(socket);
            assert_eq!(listener(port), None);
        }
    }
}
