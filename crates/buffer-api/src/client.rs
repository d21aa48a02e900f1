//! A blocking client of the service.
//!
//! Every request has a deadline, every answer a bound, and an answer that is not the service's
//! own is recognised by its missing `server` header before anything in it is believed.

use std::{
    fmt, io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::de::DeserializeOwned;
use ureq::{Agent, Body, http::Response};

use crate::{
    Endpoint,
    wire::{Drained, Health, Removed, SERVICE_NAME},
};

/// The most that connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// The most that an answer may take beyond the time the service was asked to wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest answer that is read, in bytes.
const ANSWER_LIMIT: u64 = 64 * 1024 * 1024;

/// The longest piece of a refusal that an error repeats, in bytes.
const REASON_LIMIT: u64 = 300;

/// Asks the service at one address.
///
/// Does not start it: see [`crate::process::ensure`].
pub struct Client {
    endpoint: Endpoint,
    authorization: Option<String>,
    agent: Agent,
    answered: AtomicBool,
}

/// Says why the service gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing listens there, or the connection broke.
    #[error("`{url}` cannot be reached")]
    Unreachable {
        /// What was asked.
        url: String,
        /// How it failed.
        #[source]
        source: ureq::Error,
    },
    /// Something listens there and did not answer in time.
    #[error("`{url}` did not answer within {} ms", .after.as_millis())]
    TimedOut {
        /// What was asked.
        url: String,
        /// How long was waited.
        after: Duration,
    },
    /// What answered is another service.
    #[error("`{url}` was answered by another service")]
    Foreign {
        /// What was asked.
        url: String,
    },
    /// The token is missing or not the service's.
    #[error("`{url}` refused the token")]
    Unauthorized {
        /// What was asked.
        url: String,
    },
    /// The service refused the request or failed.
    #[error("`{url}` answered with status {status}: {reason}")]
    Refused {
        /// What was asked.
        url: String,
        /// The HTTP status of the answer.
        status: u16,
        /// What the service says about it.
        reason: String,
    },
    /// The answer is longer than any the service gives.
    #[error("`{url}` answered with more than {ANSWER_LIMIT} bytes")]
    TooLong {
        /// What was asked.
        url: String,
    },
    /// The answer is not the expected JSON.
    #[error("`{url}` gave an answer that cannot be understood")]
    Malformed {
        /// What was asked.
        url: String,
        /// Where it stops making sense.
        #[source]
        source: serde_json::Error,
    },
}

impl Client {
    /// Prepares to talk to the service at `endpoint`; reading events takes its token.
    pub fn new(endpoint: &Endpoint, token: Option<String>) -> Self {
        let config = Agent::config_builder()
            // A proxy of the environment is not for the loopback interface, and a redirect
            // would carry the token elsewhere.
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("arize-codex-buffer-client/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            endpoint: endpoint.clone(),
            authorization: token.map(|token| format!("Bearer {token}")),
            agent: config.new_agent(),
            answered: AtomicBool::new(false),
        }
    }

    /// Whether the service answered a question of this client. Asks nothing.
    pub fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Reads the events of `thread` that came after the cursor `after`, which is zero at first.
    ///
    /// Answers at once when there are any, else as soon as one arrives, else with none after
    /// `wait`. Removes nothing: see [`Client::acknowledge`].
    ///
    /// # Errors
    ///
    /// When the service cannot be reached, is another one or refuses the token.
    pub fn drain(&self, thread: &str, after: u64, wait: Duration) -> Result<Drained, ClientError> {
        let thread = escape(thread);
        let wait_ms = wait.as_millis();
        self.get(&format!("/events/{thread}?after={after}&wait_ms={wait_ms}"), wait)
    }

    /// Removes the events of `thread` up to and with the cursor `through`, and says how many.
    ///
    /// # Errors
    ///
    /// When the service cannot be reached, is another one or refuses the token.
    pub fn acknowledge(&self, thread: &str, through: u64) -> Result<u64, ClientError> {
        let url = self.endpoint.url(&format!("/ack/{}?through={through}", escape(thread)));
        let mut request = self.agent.post(&url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.config().timeout_global(Some(ANSWER_TIMEOUT)).build();
        let answer = request.send_empty().map_err(|error| broken(&url, ANSWER_TIMEOUT, error))?;
        Ok(read::<Removed>(url, ANSWER_TIMEOUT, answer)?.removed)
    }

    /// Takes all events of `thread` out of the buffer.
    ///
    /// Prefer [`Client::drain`] and [`Client::acknowledge`]: what this returns is gone if the
    /// caller then fails.
    ///
    /// # Errors
    ///
    /// When the service cannot be reached, is another one or refuses the token.
    pub fn flush(&self, thread: &str) -> Result<Drained, ClientError> {
        self.get(&format!("/flush/{}", escape(thread)), Duration::ZERO)
    }

    /// Asks how the service is; takes no token.
    ///
    /// # Errors
    ///
    /// When the service cannot be reached or is another one.
    pub fn health(&self) -> Result<Health, ClientError> {
        self.get("/health", Duration::ZERO)
    }

    fn get<T: DeserializeOwned>(&self, path: &str, wait: Duration) -> Result<T, ClientError> {
        let url = self.endpoint.url(path);
        let deadline = wait.saturating_add(ANSWER_TIMEOUT);
        let mut request = self.agent.get(&url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.config().timeout_global(Some(deadline)).build();
        let answer = request.call().map_err(|error| broken(&url, deadline, error))?;
        let answer = read(url, deadline, answer)?;
        self.answered.store(true, Ordering::Relaxed);
        Ok(answer)
    }
}

impl ClientError {
    /// Whether the reason is that nobody listens at the address.
    pub fn is_nobody_there(&self) -> bool {
        matches!(self, Self::Unreachable { source: ureq::Error::Io(error), .. }
            if error.kind() == io::ErrorKind::ConnectionRefused)
    }
}

/// Names the address and not the token.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

fn read<T: DeserializeOwned>(
    url: String,
    deadline: Duration,
    answer: Response<Body>,
) -> Result<T, ClientError> {
    let status = answer.status().as_u16();
    let server = answer.headers().get("server").and_then(|name| name.to_str().ok());
    if !server.is_some_and(|name| name.starts_with(SERVICE_NAME)) {
        return Err(ClientError::Foreign { url });
    }
    match status {
        200 => {}
        401 => return Err(ClientError::Unauthorized { url }),
        _ => return Err(ClientError::Refused { url, status, reason: reason(answer) }),
    }
    let body = answer.into_body().into_with_config().limit(ANSWER_LIMIT).read_to_vec();
    let body = body.map_err(|error| broken(&url, deadline, error))?;
    serde_json::from_slice(&body).map_err(|source| ClientError::Malformed { url, source })
}

fn reason(answer: Response<Body>) -> String {
    let mut text = String::new();
    let body = answer.into_body().into_reader();
    // A refusal that breaks off is still the refusal.
    let _ = io::Read::read_to_string(&mut io::Read::take(body, REASON_LIMIT), &mut text);
    text
}

fn broken(url: &str, after: Duration, error: ureq::Error) -> ClientError {
    let url = url.to_owned();
    match error {
        ureq::Error::BodyExceedsLimit(_) => ClientError::TooLong { url },
        ureq::Error::Timeout(ureq::Timeout::Connect) => {
            ClientError::TimedOut { url, after: CONNECT_TIMEOUT }
        }
        ureq::Error::Timeout(_) => ClientError::TimedOut { url, after },
        // What answers in something other than HTTP.
        ureq::Error::Protocol(_) => ClientError::Foreign { url },
        source => ClientError::Unreachable { url, source },
    }
}

/// Everything in a thread id that could mean something else in a path.
const SPECIAL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn escape(thread: &str) -> PercentEncode<'_> {
    utf8_percent_encode(thread, SPECIAL)
}
