//! Bodies that somebody else made, for a receiver that takes them as they are.

use std::fmt;

use ureq::http::HeaderMap;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};

use crate::endpoint::exact_url;
use crate::headers::{Headers, header_value};
use crate::http::HttpClient;
use crate::{ConfigError, Connection, ExportError};

/// Posts bodies to one address.
pub struct Relay {
    http: HttpClient,
}

impl Relay {
    /// Prepares requests with these headers, whose values are treated as credentials; reads the files
    /// for TLS, but does not connect. The connection's timeout is that of a body.
    pub fn new(
        endpoint: &str,
        headers: &[(String, String)],
        connection: &Connection,
    ) -> Result<Self, ConfigError> {
        let url = exact_url(endpoint)?.to_owned();
        let headers = Headers::of_user(&url, headers)?;
        Ok(Self { http: HttpClient::new(url, headers, connection)? })
    }

    /// Posts a body with what was said of it, once.
    pub fn post(
        &self,
        content_type: Option<&str>,
        content_encoding: Option<&str>,
        body: &[u8],
    ) -> Result<(), ExportError> {
        let mut form = HeaderMap::new();
        form.extend(header(CONTENT_TYPE, content_type));
        form.extend(header(CONTENT_ENCODING, content_encoding));
        self.http.post(self.http.url(), &form, body, self.http.deadline()).map(drop)
    }
}

fn header(name: HeaderName, value: Option<&str>) -> Option<(HeaderName, ureq::http::HeaderValue)> {
    Some((name, header_value(value?)?))
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("url", &self.http.url()).finish_non_exhaustive()
    }
}
