//! To a receiver that takes plain HTTP: by the service itself.

use std::{io, time::Duration};

use axum::http::{
    StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use codex_config::Forward;
use ureq::Agent;

use super::{Parcel, Refusal};

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
            // One that was kept may break when a body is on its way: was it taken?
            .max_idle_connections(0)
            .user_agent(concat!("arize-codex-buffer/", env!("CARGO_PKG_VERSION")));
        Self { agent: config.build().new_agent(), receiver }
    }

    /// Sends a body; says why it was not taken.
    pub(super) fn send(&self, parcel: &Parcel) -> Result<(), Refusal> {
        match self.post(parcel) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(Refusal {
                reason: format!("answered with {status}"),
                may_pass: says_that_it_did_not_begin(status),
            }),
            Err(error) => Err(Refusal { reason: error.to_string(), may_pass: is_refused(&error) }),
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

/// These statuses say that nothing was done with the request, and that it may be later.
fn says_that_it_did_not_begin(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 503)
}

/// Whether there was no connection, so that no receiver has got anything.
fn is_refused(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => true,
        ureq::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}
