//! OTLP over HTTP, as every receiver that was tried understands it: protobuf, gzip, `POST`.

use std::io;
use std::time::{Duration, Instant};

use otlp_model::SpanBatch;
use ureq::Agent;
use ureq::http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    LOCATION, TRANSFER_ENCODING,
};
use ureq::http::{HeaderMap, Response, StatusCode};

use crate::retry::{Retry, retry_decision};
use crate::{ConfigError, ExportError, Receipt, answer, requests};

/// How long to wait for a connection; a server that is there accepts in far less.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

const USER_AGENT: &str = concat!("arize-codex/", env!("CARGO_PKG_VERSION"));

/// Header values shorter than this are not looked for in answers: they would be found everywhere.
const SHORTEST_SECRET: usize = 8;

/// A receiver of traces: where it is and what every request to it carries.
pub(crate) struct OtlpHttp {
    agent: Agent,
    url: String,
    headers: HeaderMap,
    secrets: Vec<String>,
    timeout: Duration,
}

impl OtlpHttp {
    /// A receiver at the address for traces. `timeout` is for a whole batch.
    pub(crate) fn new(url: String, timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would carry the credential and the prompts to another address.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Found in the environment otherwise, and it would get requests for this machine.
            .proxy(None)
            .user_agent(USER_AGENT)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .build();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        Self { agent: config.new_agent(), url, headers, secrets: Vec::new(), timeout }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
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

    /// Delivers a batch, in several requests where it is large, within the timeout as a whole.
    pub(crate) fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        if !batch.spans.is_empty() {
            let deadline = Instant::now() + self.timeout;
            for body in requests::bodies(batch) {
                self.post(&body, deadline)?;
            }
        }
        Ok(Receipt { spans: batch.spans.len() })
    }

    fn post(&self, body: &[u8], deadline: Instant) -> Result<(), ExportError> {
        let body = requests::gzip(body).map_err(|error| self.transport_error(error.into()))?;
        let left = deadline.saturating_duration_since(Instant::now());
        let mut request = self.agent.post(&self.url);
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
        }
        let answer = request
            .config()
            .timeout_global(Some(left))
            .build()
            .send(&body)
            .map_err(|error| self.transport_error(error))?;
        self.judge(answer, body.len())
    }

    /// Success is any 2xx that is not a web page: servers of single-page applications answer every
    /// path with one. Nothing else of a success is looked at; releases differ in what they send.
    fn judge(&self, mut answer: Response<ureq::Body>, bytes: usize) -> Result<(), ExportError> {
        let url = self.url.clone();
        let status = answer.status();
        if status.is_success() && !is_web_page(answer.headers()) {
            return Ok(());
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

    fn redirection(&self, headers: &HeaderMap) -> String {
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        match location {
            Some(location) => {
                format!("redirects to `{}`", answer::shown(location, &self.secrets))
            }
            None => "redirects elsewhere".to_owned(),
        }
    }

    fn transport_error(&self, error: ureq::Error) -> ExportError {
        let url = self.url.clone();
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

fn is_web_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("text/html")
}
