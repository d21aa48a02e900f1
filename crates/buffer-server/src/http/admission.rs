//! Whose events these are.
//!
//! Who shows the write token is the owner. A program of the owner that does not, such as a Codex that
//! was started before setup wrote the token into its configuration, is known by the user that the
//! system names at the other end of the connection. Requests of other users are refused, unless
//! the system does not name the user and no setup has asked for the token yet.

use std::net::SocketAddr;

use crate::config::Writers;

/// What a sender shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// A token that permits sending.
    Right,
    /// Another one.
    Wrong,
    /// None.
    Nothing,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// A program of the service's user, or of root, who can do anything.
    Owner,
    /// A program of another user.
    Other,
    /// The system does not tell.
    Unknown,
}

/// Whose events are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The owner's.
    Owner,
    /// Perhaps the owner's: they get little room, and no room of what is the owner's.
    Unknown,
}

/// Decides whose events are taken; none where they are refused.
pub(super) fn admit(shown: Shown, peer: Peer, writers: Writers) -> Option<Origin> {
    match (shown, peer, writers) {
        (Shown::Right, ..) | (_, Peer::Owner, _) => Some(Origin::Owner),
        (_, Peer::Other, _) | (_, Peer::Unknown, Writers::TokenHolders) => None,
        (_, Peer::Unknown, Writers::Everyone) => Some(Origin::Unknown),
    }
}

/// Who is at the other end, for a service whose user is `owner`, where the system tells users.
pub(super) fn peer(owner: Option<u32>, peer: SocketAddr, local: SocketAddr) -> Peer {
    match owner {
        Some(owner) => peer_of(owner, user_of(peer, local)),
        None => Peer::Unknown,
    }
}

/// What `user`, at the other end, is to a service of `owner`.
fn peer_of(owner: u32, user: Option<u32>) -> Peer {
    match user {
        Some(0) => Peer::Owner,
        Some(user) if user == owner => Peer::Owner,
        Some(_) => Peer::Other,
        None => Peer::Unknown,
    }
}

#[cfg(target_os = "linux")]
use processes::user_of;

#[cfg(not(target_os = "linux"))]
fn user_of(_peer: SocketAddr, _local: SocketAddr) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_belongs_to_its_user_and_to_root() {
        for (owner, user, peer) in [
            (1000, Some(1000), Peer::Owner),
            (1000, Some(0), Peer::Owner),
            (1000, Some(1001), Peer::Other),
            (1000, Some(u32::MAX), Peer::Other),
            (1000, None, Peer::Unknown),
            (0, Some(0), Peer::Owner),
            (0, Some(1000), Peer::Other),
            (0, None, Peer::Unknown),
        ] {
            assert_eq!(peer_of(owner, user), peer, "{owner} {user:?}");
        }
    }

    #[test]
    fn only_the_owner_and_for_a_while_the_unknown_may_send() {
        use Origin as O;
        use Writers::{Everyone, TokenHolders};
        for (shown, peer, everyone, token_holders) in [
            (Shown::Right, Peer::Owner, Some(O::Owner), Some(O::Owner)),
            (Shown::Right, Peer::Other, Some(O::Owner), Some(O::Owner)),
            (Shown::Right, Peer::Unknown, Some(O::Owner), Some(O::Owner)),
            (Shown::Wrong, Peer::Owner, Some(O::Owner), Some(O::Owner)),
            (Shown::Wrong, Peer::Other, None, None),
            (Shown::Wrong, Peer::Unknown, Some(O::Unknown), None),
            (Shown::Nothing, Peer::Owner, Some(O::Owner), Some(O::Owner)),
            (Shown::Nothing, Peer::Other, None, None),
            (Shown::Nothing, Peer::Unknown, Some(O::Unknown), None),
        ] {
            assert_eq!(admit(shown, peer, Everyone), everyone, "{shown:?} {peer:?}");
            assert_eq!(admit(shown, peer, TokenHolders), token_holders, "{shown:?} {peer:?}");
        }
    }
}
