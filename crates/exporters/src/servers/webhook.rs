//! A short message to an address at which whoever knows it may write.

use std::fmt;

use ureq::http::HeaderMap;
use ureq::http::header::CONTENT_TYPE;

use crate::servers::headers::{Headers, header_value};
use crate::servers::http::HttpClient;
use crate::{ConfigError, Connection, ExportError};

/// Posts messages to one address, which is in no error and no log.
pub struct Webhook(HttpClient);

/// A message did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The answer is no success.
    #[error("http status {0}")]
    Refused(u16),
    /// There was none in time.
    #[error("no answer in time")]
    Timeout,
    /// There is no connection.
    #[error("it cannot be reached")]
    Unreachable,
}

impl Webhook {
    /// Prepares requests; reads the files for TLS, but does not connect. The connection's timeout is
    /// that of a request.
    pub fn new(address: &str, connection: &Connection) -> Result<Self, ConfigError> {
        let headers = Headers::of_user(address, &[])?;
        HttpClient::new(address.trim().to_owned(), headers, connection).map(Self)
    }

    /// Sends a body of this type, once. Redirections are not followed.
    pub fn post(&self, content_type: &str, body: &[u8]) -> Result<(), WebhookError> {
        let mut form = HeaderMap::new();
        form.extend(header_value(content_type).map(|value| (CONTENT_TYPE, value)));
        let answer = self.0.ask(self.0.url(), &form, body, self.0.deadline());
        let status = answer.map_err(|error| match error {
            ExportError::Timeout { .. } => WebhookError::Timeout,
            _ => WebhookError::Unreachable,
        })?;
        match status.status.is_success() {
            true => Ok(()),
            false => Err(WebhookError::Refused(status.status.as_u16())),
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Webhook")
    }
}
