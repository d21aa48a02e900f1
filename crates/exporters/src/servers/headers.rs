//! The headers of every request to a server, and the credentials among them, which are kept out of
//! every message. gRPC calls them metadata.

use ureq::http::HeaderMap;
use ureq::http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING,
};

use crate::ConfigError;
use crate::servers::answer;

/// Header values shorter than this are not looked for in answers: they would be found everywhere.
const SHORTEST_SECRET: usize = 8;

/// Headers for a server.
#[derive(Default)]
pub(crate) struct Headers {
    map: HeaderMap,
    secrets: Vec<String>,
}

impl Headers {
    /// Those that a user wrote for the server at `endpoint`.
    pub(crate) fn of_user(
        endpoint: &str,
        headers: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let mut all = Self::default();
        for (name, value) in headers {
            all.user_header(endpoint, name, value)?;
        }
        Ok(all)
    }

    /// Adds a header that may hold a credential: its value is kept out of every message.
    pub(crate) fn secret(&mut self, name: HeaderName, mut value: HeaderValue) {
        value.set_sensitive(true);
        if let Ok(text) = value.to_str() {
            // Both `Bearer key` and `key`.
            let parts = [text, text.rsplit(' ').next().unwrap_or(text)];
            let long = parts.into_iter().filter(|part| part.len() >= SHORTEST_SECRET);
            self.secrets.extend(long.map(str::to_owned));
        }
        self.map.insert(name, value);
    }

    /// Adds a header with the API key for the server at `endpoint`.
    pub(crate) fn api_key(
        &mut self,
        endpoint: &str,
        name: HeaderName,
        value: &str,
    ) -> Result<(), ConfigError> {
        let value = header_value(value)
            .ok_or_else(|| ConfigError::ApiKey { endpoint: endpoint.to_owned() })?;
        self.secret(name, value);
        Ok(())
    }

    /// Adds a header that holds no credential.
    pub(crate) fn public(&mut self, name: HeaderName, value: HeaderValue) {
        self.map.insert(name, value);
    }

    pub(crate) fn map(&self) -> &HeaderMap {
        &self.map
    }

    /// A server's text, fit for an error message.
    pub(crate) fn shown(&self, text: &str) -> String {
        answer::shown(text, &self.secrets)
    }

    /// Adds a header that a user wrote; those that say how a request is framed are ours.
    fn user_header(&mut self, endpoint: &str, name: &str, value: &str) -> Result<(), ConfigError> {
        let invalid = |reason| ConfigError::Header {
            endpoint: endpoint.to_owned(),
            name: name.to_owned(),
            reason,
        };
        let parsed: HeaderName =
            name.trim().parse().map_err(|_| invalid("this is not the name of a header"))?;
        let value = header_value(value.trim())
            .ok_or_else(|| invalid("the value contains characters other than visible ascii"))?;
        let reserved = [
            CONTENT_TYPE,
            CONTENT_ENCODING,
            CONTENT_LENGTH,
            TRANSFER_ENCODING,
            TE,
            CONNECTION,
            HOST,
        ];
        if reserved.contains(&parsed) || parsed.as_str().starts_with("grpc-") {
            return Err(invalid("this header cannot be set"));
        }
        self.secret(parsed, value);
        Ok(())
    }
}

/// A text as a header that every server reads alike; none where it has other than ASCII characters,
/// which `HeaderValue` would let pass.
pub(crate) fn header_value(text: &str) -> Option<HeaderValue> {
    text.is_ascii().then(|| HeaderValue::from_str(text).ok()).flatten()
}
