//! Ports of servers that start later, or come back.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::process;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The ports that were not given yet. They are below those of which the system takes one for each
/// connection (from 32768 on Linux, from 49152 on macOS): it may be in use when the server starts.
static PORTS: LazyLock<Mutex<Range<u16>>> = LazyLock::new(|| {
    // Other processes begin elsewhere.
    let nth = u16::try_from(process::id() % 200).unwrap_or_default();
    Mutex::new(10_000 + 100 * nth..32_000)
});

/// Returns a port of 127.0.0.1 at which no program listens, each time another.
pub fn free_port() -> io::Result<u16> {
    let mut ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).ok_or_else(|| io::Error::other("no port is left"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_or_taken() {
        let one = free_port().unwrap();
        // If another process has it, so much the better.
        let next = TcpListener::bind((Ipv4Addr::LOCALHOST, one + 1));
        let other = free_port().unwrap();
        assert!(other > one + 1 && other < 32_000, "{one} {other} {next:?}");
    }
}
