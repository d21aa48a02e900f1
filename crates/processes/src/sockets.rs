//! What Linux tells of the TCP sockets of this machine, and whose they are.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The states of `/proc/net/tcp`.
const ESTABLISHED: u8 = 1;
const LISTEN: u8 = 10;

/// A socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Socket {
    /// Its own address and port.
    pub(super) local: (IpAddr, u16),
    /// Those at the other end.
    pub(super) remote: (IpAddr, u16),
    /// The user who made it.
    pub(super) uid: u32,
    /// Its number, by which `/proc/PID/fd` knows it.
    pub(super) inode: u64,
    state: u8,
}

impl Socket {
    /// Whether it waits for connections.
    pub(super) fn listens(&self) -> bool {
        self.state == LISTEN
    }
}

/// The user at the other end of a connection of this machine: `peer` is that end, `local` ours.
/// None where the system does not tell.
pub fn user_of(peer: SocketAddr, local: SocketAddr) -> Option<u32> {
    let ends = ((peer.ip(), peer.port()), (local.ip(), local.port()));
    // One that is closed already has no owner, which reads as root's.
    let mut found = all().filter(|it| (it.local, it.remote) == ends && it.state == ESTABLISHED);
    found.next().map(|socket| socket.uid)
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Socket> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter();
    // Reading stops at the first match.
    tables.filter_map(|table| File::open(table).ok()).flat_map(|table| {
        let lines = BufReader::new(table).lines().map_while(Result::ok);
        lines.skip(1).filter_map(|line| parse(&line))
    })
}

fn parse(line: &str) -> Option<Socket> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    Some(Socket {
        local: address(columns.get(1)?)?,
        remote: address(columns.get(2)?)?,
        state: u8::from_str_radix(columns.get(3)?, 16).ok()?,
        uid: columns.get(7)?.parse().ok()?,
        inode: columns.get(9)?.parse().ok()?,
    })
}

/// Words of 32 bits as this machine has them in memory, as hexadecimal numbers.
fn address(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |place: usize| {
        let digits = address.get(8 * place..8 * place + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            // A socket for both kinds of addresses has old ones in this form.
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some((ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn a_line_of_the_kernel_is_understood() {
        let line = "   3: 0100007F:10DE 0200007F:A1B2 01 00000000:00000000 00:00000000 00000000  \
                    1000        0 4711 1 0000000000000000 20 4 30 10 -1";
        let expected = Socket {
            local: ([127, 0, 0, 1].into(), 4318),
            remote: ([127, 0, 0, 2].into(), 0xA1B2),
            uid: 1000,
            inode: 4711,
            state: ESTABLISHED,
        };
        assert_eq!(parse(line), Some(expected));
        let mapped = address("0000000000000000FFFF00000100007F:0001");
        assert_eq!(mapped, Some(([127, 0, 0, 1].into(), 1)));
        assert_eq!(
            address("00000000000000000000000001000000:0001"),
            Some((Ipv6Addr::LOCALHOST.into(), 1))
        );
        for line in ["", "sl local_address", "0: 1:2 3:4 x", "0: 0100007F 0100007F:1 01"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn the_user_at_the_other_end_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        let local = accepted.local_addr().unwrap();
        let own = rustix::process::geteuid().as_raw();
        assert_eq!(user_of(peer, local), Some(own));
        assert_eq!(user_of(local, local), None);
        drop(stream);
        assert_eq!(user_of(peer, local), None, "it is closed");
    }
}
