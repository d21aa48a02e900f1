//! What can go wrong: with the settings of a target, and with a delivery.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

#[cfg(feature = "sqlite")]
use trace_store::{InsertError, OpenError, QueryError};

use crate::retry_class::is_too_large;
use crate::{RetryClass, grpc_code};

/// The settings of a target cannot work. The text repeats no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The endpoint is not the address of a server.
    #[error("`{endpoint}`: {reason}")]
    Endpoint {
        /// The endpoint, without the parts that may hold a credential.
        endpoint: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The API key has characters that no HTTP header can carry.
    #[error("`{endpoint}`: the api key contains characters other than visible ascii")]
    ApiKey {
        /// The endpoint it is for.
        endpoint: String,
    },
    /// An additional header cannot be sent.
    #[error("`{endpoint}`: header `{name}`: {reason}")]
    Header {
        /// The endpoint it is for.
        endpoint: String,
        /// The header's name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file for TLS cannot be used.
    #[error("`{setting}`: `{}`: {reason}", path.display())]
    TlsFile {
        /// The field of [`TlsFiles`](crate::TlsFiles) that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The proxy of the network is of a kind that is not spoken here.
    #[error(
        "the proxy `{proxy}` of the environment cannot be used: only `http://` and `https://` proxies can"
    )]
    Proxy {
        /// Its address, without credentials.
        proxy: String,
    },
    /// A client certificate and its key are only of use together.
    #[error("`{present}` needs `{missing}` beside it")]
    HalfAnIdentity {
        /// The field of [`TlsFiles`](crate::TlsFiles) that is set.
        present: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
}

/// The reason underneath an [`ExportError`], as the transport tells it.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The status of an answer that was no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerStatus {
    /// Of HTTP, such as 503.
    Http(u16),
    /// Of gRPC, such as 14 for `Unavailable`.
    Grpc(i32),
}

impl fmt::Display for AnswerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(f, "http status {status}"),
            Self::Grpc(code) => write!(f, "grpc status {}", grpc_code::name(*code)),
        }
    }
}

/// A batch was not delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// There is no connection: no program listens, the name is unknown, or TLS failed.
    #[error("`{url}`: cannot connect")]
    Connect {
        /// Where the batch was sent.
        url: String,
        /// What the transport said.
        source: Cause,
    },
    /// The answer took too long.
    #[error("`{url}`: no answer in time (the limit is {limit:?})")]
    Timeout {
        /// Where the batch was sent.
        url: String,
        /// The whole time that the request was given.
        limit: Duration,
        /// What the transport said.
        source: Cause,
    },
    /// The connection ended before a whole answer, or the answer is not HTTP.
    #[error("`{url}`: the connection broke before an answer came")]
    Interrupted {
        /// Where the batch was sent.
        url: String,
        /// What the transport said.
        source: Cause,
    },
    /// The server answered that it does not take the batch: now, ever, or from this sender.
    #[error("`{url}`: {} ({status}): {answer}", refusal(self.retry_class()))]
    Refused {
        /// Where the batch was sent.
        url: String,
        /// The status of the answer.
        status: AnswerStatus,
        /// The server's words, cleaned and cut to 300 characters.
        answer: String,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The server took the request, but rejected spans of it for good.
    #[error("`{url}`: {spans} spans rejected: {answer}")]
    PartlyRejected {
        /// Where the batch was sent.
        url: String,
        /// How many spans.
        spans: i64,
        /// The server's words, cleaned and cut to 300 characters.
        answer: String,
    },
    /// The server, or a proxy before it, limits the size of a request.
    #[error("`{url}`: a request of {bytes} bytes is too large for the server")]
    TooLarge {
        /// Where the batch was sent.
        url: String,
        /// Size of the refused request in bytes: compressed, but with gRPC.
        bytes: usize,
    },
    /// A server answered that does not take traces.
    #[error("`{url}`: this address does not take traces: it {behaviour}")]
    WrongAddress {
        /// Where the batch was sent.
        url: String,
        /// What it did instead, such as "answers with a web page".
        behaviour: String,
    },
    /// The experiment cannot take traces.
    #[error("`{url}`: {problem}")]
    Experiment {
        /// Where it was asked for.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file could not be written.
    #[error("`{place}` cannot be written")]
    WriteFile {
        /// The file, or `stdout`.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The local store could not be opened.
    #[error(transparent)]
    #[cfg(feature = "sqlite")]
    OpenStore(#[from] OpenError),
    /// The local store could not be written.
    #[error(transparent)]
    #[cfg(feature = "sqlite")]
    WriteStore(#[from] InsertError),
    /// The local store could not be read.
    #[error(transparent)]
    #[cfg(feature = "sqlite")]
    ReadStore(#[from] QueryError),
}

/// A refusal in one word or a few.
fn refusal(class: RetryClass) -> &'static str {
    match class {
        RetryClass::Retry(_) => "not accepted for the moment",
        RetryClass::RetrySuspect => "the server failed",
        _ => "rejected",
    }
}

impl ExportError {
    /// A server's answer to a request of so many bytes, which was no success.
    pub fn answered(
        url: impl Into<String>,
        status: AnswerStatus,
        answer: String,
        retry_after: Option<Duration>,
        bytes: usize,
    ) -> Self {
        let url = url.into();
        if is_too_large(status, bytes) {
            return Self::TooLarge { url, bytes };
        }
        Self::Refused { url, status, answer, retry_after }
    }

    /// The error with its causes, separated by colons.
    pub fn display_chain(&self) -> String {
        terminal_text::chain(self)
    }
}

/// Whether a file cannot be written until a person changes its folder or file system.
pub(crate) fn is_denied(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{IsADirectory, NotADirectory, PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), IsADirectory | NotADirectory | PermissionDenied | ReadOnlyFilesystem)
}
