//! What connections to any server have in common.

use std::time::Duration;

use crate::{Proxies, TlsFiles};

/// How a server is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The most time that one batch may take.
    pub timeout: Duration,
    /// Whom to trust and who we are, where the server uses TLS.
    pub tls: TlsFiles,
    /// The proxies of the network.
    pub proxies: Proxies,
}

impl Connection {
    /// How long to wait for a connection; a server that is there accepts in far less.
    pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

    /// A direct connection, to a server that the system's certificate authorities know.
    pub fn direct(timeout: Duration) -> Self {
        Self { timeout, tls: TlsFiles::default(), proxies: Proxies::default() }
    }
}
