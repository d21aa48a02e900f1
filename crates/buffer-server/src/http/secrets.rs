//! What the service knows that others have to show, computed once.

use std::io;

use buffer_api::{
    Endpoint, Token,
    secrets::{random, same},
};

/// The secrets of one run of the service at one address.
#[derive(Debug)]
pub(crate) struct Secrets {
    token: Token,
    endpoint: Endpoint,
    /// The number of this run.
    pub(super) instance: String,
    session: String,
    write_token: String,
}

impl Secrets {
    /// Those of a run that begins now.
    pub(crate) fn new(token: Token, endpoint: Endpoint) -> io::Result<Self> {
        let instance = random()?;
        let session = token.session(&instance, &endpoint);
        let write_token = token.write_token();
        Ok(Self { token, endpoint, instance, session, write_token })
    }

    /// Proves to the client that chose the nonce that this is the service.
    pub(super) fn proof(&self, nonce: &str) -> Option<String> {
        self.token.proof(nonce, &self.instance, &self.endpoint)
    }

    /// Whether what was shown permits reading: what our own client makes of the token, or the token
    /// itself, which readers of other systems send.
    pub(super) fn permits_reading(&self, shown: &[u8]) -> bool {
        same(shown, &self.session) | same(shown, self.token.expose())
    }

    /// Whether what was shown permits sending events.
    pub(super) fn permits_writing(&self, shown: &[u8]) -> bool {
        same(shown, &self.write_token) | self.permits_reading(shown)
    }
}
