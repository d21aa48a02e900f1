//! What connections to any server have in common.

use std::time::Duration;

use otlp_model::encode::Scope;

use crate::requests::SCOPE;
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
    /// The program that sends, as the instrumentation scope of its spans and the user agent of its
    /// requests.
    pub scope: Scope<'static>,
}

impl Connection {
    /// The time for a batch where the caller names none.
    pub(crate) const USUAL_TIMEOUT: Duration = Duration::from_secs(10);

    /// How long to wait for a connection; a server that is there accepts in far less.
    pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

    /// A direct connection, to a server that the system's certificate authorities know. The scope is
    /// this library's.
    pub fn direct(timeout: Duration) -> Self {
        Self { timeout, tls: TlsFiles::default(), proxies: Proxies::default(), scope: SCOPE }
    }

    /// What a request says of its sender: `name/version`, without what no header can carry.
    pub(crate) fn user_agent(&self) -> String {
        let mut agent = format!("{}/{}", self.scope.name, self.scope.version);
        agent.retain(|character| character.is_ascii_graphic());
        agent
    }
}
