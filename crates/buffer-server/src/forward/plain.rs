//! To a receiver that takes plain HTTP: by the service itself.

use std::time::Duration;

use axum::http::{
    StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use codex_config::Forward;
use ureq::Agent;

use super::Parcel;

/// The most that one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A receiver.
pub(super) struct Plain {
    agent: Agent,
    receiver: Forward,
}

impl Plain {
    pub(super) fn new(receiver: Forward) -> Self {
        let config = Agent::config_builder()
            // Else one would be looked for in the environment, also for a receiver on this machine.
            .proxy(None)
            // A redirect would carry the headers elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("arize-codex-buffer/", env!("CARGO_PKG_VERSION")));
        Self { agent: config.build().new_agent(), receiver }
    }

    /// Sends a body; says why it was not taken.
    pub(super) fn send(&self, parcel: &Parcel) -> Result<(), String> {
        // Once more at once: the receiver may have closed a connection that was kept.
        match self.post(parcel).or_else(|_| self.post(parcel)) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(format!("answered with {status}")),
            Err(error) => Err(error.to_string()),
        }
    }

    fn post(&self, parcel: &Parcel) -> Result<StatusCode, ureq::Error> {
        let mut request = self.agent.post(&self.receiver.endpoint);
        for (name, value) in &self.receiver.headers {
            request = request.header(name, value.expose());
        }
        for (name, value) in [(CONTENT_TYPE, &parcel.kind), (CONTENT_ENCODING, &parcel.packing)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        Ok(request.send(&parcel.body[..])?.status())
    }
}
