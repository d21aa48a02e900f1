//! A blocking client of the service.
//!
//! Every request has a deadline, every answer a bound. An answer has to prove that it comes from
//! the service of this home before anything in it is believed, and before anything secret is sent;
//! the token itself never is. See [`crate::secrets`].

use std::{
    fmt, io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::de::DeserializeOwned;
use ureq::{
    Agent, Body,
    http::{Method, Request, Response},
};

use crate::{
    Endpoint, Token,
    secrets::{INSTANCE_HEADER, NONCE_HEADER, PROOF_HEADER, random, same},
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
    token: Option<Token>,
    /// What permits reading, once the service has proved that it knows the token.
    session: Mutex<Option<String>>,
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
    /// What answered did not prove that it knows the token: it is another user's, the service of
    /// another home, or of a release that could not.
    #[error("`{url}` did not prove that it is the service of this home")]
    Unproven {
        /// What was asked.
        url: String,
    },
    /// There is no randomness, without which nothing can be proved.
    #[error("the system gives no randomness")]
    Randomness(#[source] io::Error),
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
            token: token.map(Token::new),
            session: Mutex::default(),
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
        let path = format!("/ack/{}?through={through}", escape(thread));
        Ok(self.ask::<Removed>(Method::POST, &path, Duration::ZERO)?.removed)
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

    /// Asks how the service is. With a token, what answers has to prove that it knows it.
    ///
    /// # Errors
    ///
    /// When the service cannot be reached or is another one.
    pub fn health(&self) -> Result<Health, ClientError> {
        let (_, health) = self.send(Method::GET, "/health", Duration::ZERO, None)?;
        Ok(health)
    }

    fn get<T: DeserializeOwned>(&self, path: &str, wait: Duration) -> Result<T, ClientError> {
        self.ask(Method::GET, path, wait)
    }

    /// Asks something that takes the token.
    fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        wait: Duration,
    ) -> Result<T, ClientError> {
        let known = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(session) = known {
            match self.send(method.clone(), path, wait, Some(&session)) {
                // The service was started again since.
                Err(ClientError::Unauthorized { .. }) => {}
                other => return Ok(other?.1),
            }
        }
        let session = self.meet()?;
        Ok(self.send(method, path, wait, session.as_deref())?.1)
    }

    /// Has the service prove that it knows the token; returns what permits reading from it.
    fn meet(&self) -> Result<Option<String>, ClientError> {
        let Some(token) = &self.token else { return Ok(None) };
        let (instance, _) = self.send::<Health>(Method::GET, "/health", Duration::ZERO, None)?;
        let session = token.session(&instance, &self.endpoint);
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
        Ok(Some(session))
    }

    /// Sends a request; returns the run of the service and what it answers.
    fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        wait: Duration,
        session: Option<&str>,
    ) -> Result<(String, T), ClientError> {
        let url = self.endpoint.url(path);
        let deadline = wait.saturating_add(ANSWER_TIMEOUT);
        let mut request = Request::builder().method(method).uri(&url);
        if let Some(session) = session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        let nonce = random().map_err(ClientError::Randomness)?;
        if self.token.is_some() {
            request = request.header(NONCE_HEADER, &nonce);
        }
        let request = request
            .body(())
            .map_err(|error| broken(&url, deadline, ureq::Error::Http(error)))
            .map(|request| self.agent.configure_request(request))?;
        let request = request.timeout_global(Some(deadline)).build();
        let answer = self.agent.run(request).map_err(|error| broken(&url, deadline, error))?;
        let instance = self.proven(&url, &nonce, &answer)?;
        let answer = read(url, deadline, answer)?;
        self.answered.store(true, Ordering::Relaxed);
        Ok((instance, answer))
    }

    /// Checks that an answer is that of the service, and returns the run that it names.
    fn proven(
        &self,
        url: &str,
        nonce: &str,
        answer: &Response<Body>,
    ) -> Result<String, ClientError> {
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        if !header("server").is_some_and(|name| name.starts_with(SERVICE_NAME)) {
            return Err(ClientError::Foreign { url: url.to_owned() });
        }
        let instance = header(INSTANCE_HEADER).unwrap_or_default();
        let Some(token) = &self.token else { return Ok(instance.to_owned()) };
        let expected = token.proof(nonce, instance, &self.endpoint).unwrap_or_default();
        match header(PROOF_HEADER) {
            Some(proof) if same(proof.as_bytes(), &expected) => Ok(instance.to_owned()),
            _ => Err(ClientError::Unproven { url: url.to_owned() }),
        }
    }
}

impl ClientError {
    /// Whether the reason is that no program listens at the address.
    pub fn is_refused(&self) -> bool {
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
