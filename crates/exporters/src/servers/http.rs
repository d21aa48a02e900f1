//! HTTP as every backend here is spoken to: with a deadline, with credentials that stay out of
//! messages, and with answers that are judged alike.

use std::io::{self, Read};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use otlp_model::encode::Scope;
use ureq::http::header::{CONTENT_TYPE, LOCATION};
use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::tls::TlsConfig;
use ureq::{Agent, RequestBuilder, Timeout};

use crate::servers::headers::Headers;
use crate::servers::proxy::{Proxy, cause};
use crate::servers::retry_after::retry_after;
use crate::servers::tls::Tls;
use crate::{AnswerStatus, ConfigError, Connection, ExportError};

/// More than this of an answer is not read, in bytes.
const ANSWER_BYTES: u64 = 256 * 1024;

/// A server: how to reach it and what every request to it carries.
pub(crate) struct HttpClient {
    /// Made with the first request: that of a target with TLS reads the system's authorities.
    agent: OnceLock<Agent>,
    tls: Tls,
    url: String,
    headers: Headers,
    proxy: Option<Proxy>,
    timeout: Duration,
    user_agent: String,
    scope: Scope<'static>,
}

/// What a server said.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body, or the part of it that arrived.
    pub(crate) body: Vec<u8>,
}

impl HttpClient {
    /// A server at this address.
    pub(crate) fn new(
        url: String,
        headers: Headers,
        connection: &Connection,
    ) -> Result<Self, ConfigError> {
        let (proxy, tls) = (connection.proxies.of(&url)?, connection.tls.load()?);
        // Says at once what is wrong with it.
        proxy.as_ref().map(Proxy::for_http).transpose()?;
        Ok(Self {
            agent: OnceLock::new(),
            tls,
            url,
            headers,
            proxy,
            timeout: connection.timeout,
            user_agent: connection.user_agent(),
            scope: connection.scope,
        })
    }

    fn agent(&self) -> &Agent {
        self.agent.get_or_init(|| self.new_agent())
    }

    fn new_agent(&self) -> Agent {
        let is_tls =
            self.url.starts_with("https://") || self.proxy.as_ref().is_some_and(Proxy::speaks_tls);
        let tls = if is_tls { self.tls.for_http() } else { TlsConfig::default() };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would carry the credential and the prompts to another address.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Also where there is none: it would be looked for in the environment.
            .proxy(self.proxy.as_ref().and_then(|proxy| proxy.for_http().ok()))
            .tls_config(tls)
            .user_agent(&self.user_agent)
            .timeout_resolve(Some(Connection::CONNECT_TIMEOUT))
            .timeout_connect(Some(Connection::CONNECT_TIMEOUT))
            .build();
        config.new_agent()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The program that sends.
    pub(crate) fn scope(&self) -> &Scope<'static> {
        &self.scope
    }

    /// When a request that is made now has to end.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Gets a resource.
    pub(crate) fn get(&self, url: &str, deadline: Instant) -> Result<Answer, ExportError> {
        let answer = self.fetch(url, deadline)?;
        self.judge(url, answer, 0)
    }

    /// Gets a resource and leaves it to the caller what the answer means.
    pub(crate) fn fetch(&self, url: &str, deadline: Instant) -> Result<Answer, ExportError> {
        let request = self.complete(self.agent().get(url), &HeaderMap::new(), deadline);
        request.call().map(read).map_err(|error| self.transport_error(url, error))
    }

    /// Posts a body, which `form` describes.
    pub(crate) fn post(
        &self,
        url: &str,
        form: &HeaderMap,
        body: &[u8],
        deadline: Instant,
    ) -> Result<Answer, ExportError> {
        let answer = self.ask(url, form, body, deadline)?;
        self.judge(url, answer, body.len())
    }

    /// Posts a body and leaves it to the caller what the answer means.
    pub(crate) fn ask(
        &self,
        url: &str,
        form: &HeaderMap,
        body: &[u8],
        deadline: Instant,
    ) -> Result<Answer, ExportError> {
        let request = self.complete(self.agent().post(url), form, deadline);
        request.send(body).map(read).map_err(|error| self.transport_error(url, error))
    }

    /// A request with what every request carries, and with headers of its own.
    fn complete<B>(
        &self,
        mut request: RequestBuilder<B>,
        further: &HeaderMap,
        deadline: Instant,
    ) -> RequestBuilder<B> {
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.map().clone());
            headers.extend(further.clone());
        }
        request.config().timeout_global(Some(left(deadline))).build()
    }

    /// Success is any 2xx that is not a web page: servers of single-page applications answer every
    /// path with one. `bytes` is how large the request was.
    pub(crate) fn judge(
        &self,
        url: &str,
        answer: Answer,
        bytes: usize,
    ) -> Result<Answer, ExportError> {
        let url = url.to_owned();
        let status = answer.status;
        if status.is_success() && answer.media_type() != "text/html" {
            return Ok(answer);
        }
        if status.is_success() {
            let behaviour = "answers with a web page".to_owned();
            return Err(ExportError::WrongAddress { url, behaviour });
        }
        if status.is_redirection() {
            let behaviour = self.redirection(&answer.headers);
            return Err(ExportError::WrongAddress { url, behaviour });
        }
        let status = AnswerStatus::Http(status.as_u16());
        let retry_after = retry_after(&answer.headers);
        let answer = self.shown(&String::from_utf8_lossy(&answer.body));
        Err(ExportError::answered(url, status, answer, retry_after, bytes))
    }

    /// A server's text, fit for an error message.
    pub(crate) fn shown(&self, text: &str) -> String {
        self.headers.shown(text)
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

    fn no_connection(&self, url: String, reason: &dyn std::error::Error) -> ExportError {
        ExportError::Connect { url, source: cause(reason, self.proxy.as_ref()) }
    }

    /// What the transport said, as an error.
    pub(crate) fn transport_error(&self, url: &str, error: ureq::Error) -> ExportError {
        let url = url.to_owned();
        let problem = match &error {
            ureq::Error::Io(error) => self.tls.problem(error),
            error => self.tls.problem(error),
        };
        if let Some(problem) = problem {
            return ExportError::Connect { url, source: cause(problem, self.proxy.as_ref()) };
        }
        match error {
            // A firewall that swallows packets, or a server that never begins with TLS.
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                self.no_connection(url, &error)
            }
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
            ureq::Error::Io(error) => self.no_connection(url, &error),
            error => self.no_connection(url, &error),
        }
    }
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

/// Reads an answer. A body that breaks off does not change what the status said, so that an error
/// ends it early.
fn read(answer: Response<ureq::Body>) -> Answer {
    let (parts, body) = answer.into_parts();
    let mut bytes = Vec::new();
    let _ = body.into_reader().take(ANSWER_BYTES).read_to_end(&mut bytes);
    Answer { status: parts.status, headers: parts.headers, body: bytes }
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The media type, in lower case; empty where there is none.
    pub(crate) fn media_type(&self) -> String {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
        kind.trim().to_ascii_lowercase()
    }
}
