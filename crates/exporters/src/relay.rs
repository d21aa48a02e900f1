//! Bodies that somebody else made, for a receiver that takes them as they are.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::HeaderMap;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};

use crate::endpoint::exact_url;
use crate::headers::{Headers, header_value};
use crate::http::HttpClient;
use crate::{ConfigError, Connection, ExportError, Verdict};

/// How long to wait before a body is offered again.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// Posts bodies to one address.
pub struct Relay {
    http: HttpClient,
}

impl Relay {
    /// Prepares requests with these headers, whose values are treated as credentials; reads the files
    /// for TLS, but does not connect. The connection's timeout is that of one attempt.
    pub fn new(
        endpoint: &str,
        headers: &[(String, String)],
        connection: &Connection,
    ) -> Result<Self, ConfigError> {
        let url = exact_url(endpoint)?.to_owned();
        let headers = Headers::of_user(&url, headers)?;
        Ok(Self { http: HttpClient::new(url, headers, connection)? })
    }

    /// Posts a body with what was said of it. A receiver that is away or busy is asked again, three
    /// times in all and until the deadline.
    pub fn post(
        &self,
        content_type: Option<&str>,
        content_encoding: Option<&str>,
        body: &[u8],
        deadline: Instant,
    ) -> Result<(), ExportError> {
        let mut form = HeaderMap::new();
        form.extend(header(CONTENT_TYPE, content_type));
        form.extend(header(CONTENT_ENCODING, content_encoding));
        let attempt = || {
            let until = self.http.deadline().min(deadline);
            self.http.post(self.http.url(), &form, body, until).map(drop)
        };
        let mut sent = attempt();
        for pause in PAUSES {
            match &sent {
                Err(error) if may_pass(error, pause) && Instant::now() + pause < deadline => {}
                _ => break,
            }
            thread::sleep(pause);
            sent = attempt();
        }
        sent
    }
}

/// Whether an error may be over after a pause.
fn may_pass(error: &ExportError, pause: Duration) -> bool {
    match error.verdict() {
        Verdict::Later(asked) => asked.is_none_or(|asked| asked <= pause),
        Verdict::Fails => true,
        Verdict::Hold | Verdict::Split | Verdict::Never => false,
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
