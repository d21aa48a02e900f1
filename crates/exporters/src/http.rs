//! HTTP as every backend here is spoken to: with a deadline, with credentials that stay out of
//! messages, and with answers that are judged alike.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    LOCATION, TRANSFER_ENCODING,
};
use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::tls::TlsConfig;

use crate::retry::{Retry, retry_decision};
use crate::{ConfigError, ExportError, answer};

/// How long to wait for a connection; a server that is there accepts in far less.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

const USER_AGENT: &str = concat!("arize-codex/", env!("CARGO_PKG_VERSION"));

/// Header values shorter than this are not looked for in answers: they would be found everywhere.
const SHORTEST_SECRET: usize = 8;

/// More than this of an accepting answer is not read, in bytes.
const ANSWER_BYTES: u64 = 64 * 1024;

/// A server: how to reach it and what every request to it carries.
pub(crate) struct HttpClient {
    agent: Agent,
    /// The address that settings errors name.
    url: String,
    headers: HeaderMap,
    secrets: Vec<String>,
    timeout: Duration,
}

/// What a server said to a request that it accepted.
pub(crate) struct Accepted {
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The media type, in lower case; empty where there is none.
    pub(crate) media_type: String,
    /// The body, or the part of it that arrived.
    pub(crate) body: Vec<u8>,
}

impl Accepted {
    /// The body as JSON; null where it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl HttpClient {
    /// A server at this address. `timeout` is for a whole delivery.
    pub(crate) fn new(url: String, timeout: Duration, tls: TlsConfig) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would carry the credential and the prompts to another address.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Found in the environment otherwise, and it would get requests for this machine.
            .proxy(None)
            .tls_config(tls)
            .user_agent(USER_AGENT)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .build();
        let (headers, secrets) = (HeaderMap::new(), Vec::new());
        Self { agent: config.new_agent(), url, headers, secrets, timeout }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// When a delivery that begins now has to end.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Adds a header that may hold a credential: its value is kept out of every message.
    pub(crate) fn secret_header(&mut self, name: HeaderName, mut value: HeaderValue) {
        value.set_sensitive(true);
        if let Ok(text) = value.to_str() {
            // Both `Bearer key` and `key`.
            let parts = [text, text.rsplit(' ').next().unwrap_or(text)];
            let long = parts.into_iter().filter(|part| part.len() >= SHORTEST_SECRET);
            self.secrets.extend(long.map(str::to_owned));
        }
        self.headers.insert(name, value);
    }

    /// Adds a header that a user wrote; those that say how a request is framed are ours.
    pub(crate) fn user_header(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let invalid = |reason| ConfigError::Header {
            endpoint: self.url.clone(),
            name: name.to_owned(),
            reason,
        };
        let parsed: HeaderName =
            name.trim().parse().map_err(|_| invalid("this is not the name of a header"))?;
        let value = header_value(value.trim())
            .ok_or_else(|| invalid("the value contains characters other than visible ascii"))?;
        let reserved =
            [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, HOST];
        if reserved.contains(&parsed) {
            return Err(invalid("this header cannot be set"));
        }
        self.secret_header(parsed, value);
        Ok(())
    }

    /// Adds a header that holds no credential.
    pub(crate) fn public_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    /// Gets a resource.
    pub(crate) fn get(&self, url: &str, deadline: Instant) -> Result<Accepted, ExportError> {
        let mut request = self.agent.get(url);
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
        }
        let request = request.config().timeout_global(Some(left(deadline))).build();
        let answer = request.call().map_err(|error| self.transport_error(url, error))?;
        self.judge(url, answer, 0)
    }

    /// Posts a body, which `form` describes.
    pub(crate) fn post(
        &self,
        url: &str,
        form: &HeaderMap,
        body: &[u8],
        deadline: Instant,
    ) -> Result<Accepted, ExportError> {
        let mut request = self.agent.post(url);
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
            headers.extend(form.clone());
        }
        let request = request.config().timeout_global(Some(left(deadline))).build();
        let answer = request.send(body).map_err(|error| self.transport_error(url, error))?;
        self.judge(url, answer, body.len())
    }

    /// Success is any 2xx that is not a web page: servers of single-page applications answer every
    /// path with one. A body that breaks off does not change what the status said.
    fn judge(
        &self,
        url: &str,
        mut answer: Response<ureq::Body>,
        bytes: usize,
    ) -> Result<Accepted, ExportError> {
        let url = url.to_owned();
        let status = answer.status();
        let media_type = media_type(answer.headers());
        if status.is_success() && media_type != "text/html" {
            let mut body = Vec::new();
            let _ = answer.body_mut().as_reader().take(ANSWER_BYTES).read_to_end(&mut body);
            let headers = std::mem::take(answer.headers_mut());
            return Ok(Accepted { headers, media_type, body });
        }
        if status.is_success() {
            let behaviour = "answers with a web page".to_owned();
            return Err(ExportError::WrongAddress { url, behaviour });
        }
        if status.is_redirection() {
            let behaviour = self.redirection(answer.headers());
            return Err(ExportError::WrongAddress { url, behaviour });
        }
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Err(ExportError::TooLarge { url, bytes });
        }
        let decision = retry_decision(status.as_u16(), answer.headers());
        let status = status.as_u16();
        let answer = answer::excerpt(answer.body_mut(), &self.secrets);
        Err(match decision {
            Retry::After(retry_after) => {
                ExportError::Unavailable { url, status, answer, retry_after }
            }
            Retry::Never => ExportError::Rejected { url, status, answer },
        })
    }

    /// A server's text, fit for an error message.
    pub(crate) fn shown(&self, text: &str) -> String {
        answer::shown(text, &self.secrets)
    }

    fn redirection(&self, headers: &HeaderMap) -> String {
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        match location {
            Some(location) => {
                format!("redirects to `{}`", self.shown(location))
            }
            None => "redirects elsewhere".to_owned(),
        }
    }

    /// What the transport said, as an error.
    pub(crate) fn transport_error(&self, url: &str, error: ureq::Error) -> ExportError {
        let url = url.to_owned();
        match error {
            ureq::Error::Timeout(_) => {
                ExportError::Timeout { url, limit: self.timeout, source: error.into() }
            }
            ureq::Error::Io(error) if ends_a_connection(&error) => {
                ExportError::Interrupted { url, source: error.into() }
            }
            ureq::Error::Protocol(_)
            | ureq::Error::LargeResponseHeader(..)
            | ureq::Error::BodyExceedsLimit(_) => {
                ExportError::Interrupted { url, source: error.into() }
            }
            ureq::Error::Io(error) => ExportError::Connect { url, source: error.into() },
            error => ExportError::Connect { url, source: error.into() },
        }
    }
}

/// A text as a header that every server reads alike; none where it has other than ASCII characters,
/// which `HeaderValue` would let pass.
pub(crate) fn header_value(text: &str) -> Option<HeaderValue> {
    text.is_ascii().then(|| HeaderValue::from_str(text).ok()).flatten()
}

/// Whether an error can only come from a connection that had been made.
fn ends_a_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, InvalidData, UnexpectedEof, WriteZero,
    };
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | InvalidData | UnexpectedEof | WriteZero
    )
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn media_type(headers: &HeaderMap) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
