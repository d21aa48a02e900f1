//! What a failed delivery says about the batch and about its target: one table per protocol, and one for
//! failures without an answer.

use std::time::Duration;

use crate::error::is_denied;
use crate::grpc_code::*;
use crate::{AnswerStatus, ExportError};

#[doc = include_str!("retry_class.md")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryClass {
    /// Send it again: the target is away or busy. It may say for how long.
    Retry(Option<Duration>),
    /// Send it again: the target failed. It may be this batch at which it fails, each time.
    RetrySuspect,
    /// Send it again when something has changed: the target refuses the sender, whatever the batch.
    Blocked,
    /// Send it in parts: it is too large.
    Split,
    /// Never send it again: the target refuses this batch.
    DeadLetter,
}

/// The class of a failure, and whether it is certain that the target took nothing.
type Judgement = (RetryClass, bool);

const NOTHING_TAKEN: bool = true;
const PERHAPS_TAKEN: bool = false;

/// What most gRPC servers take at most, in bytes, uncompressed.
const USUAL_LIMIT: usize = 4 * 1024 * 1024;

impl ExportError {
    /// The class of this error.
    pub fn retry_class(&self) -> RetryClass {
        self.judgement().0
    }

    /// Whether the target has certainly taken nothing, and may later: then even metrics, which have no
    /// ids, can be sent again.
    pub fn is_safe_to_repeat(&self) -> bool {
        self.judgement().1
    }

    /// Whether the target does not accept the credentials.
    pub fn refuses_credentials(&self) -> bool {
        use AnswerStatus::{Grpc, Http};
        let Self::Refused { status, .. } = self else { return false };
        matches!(status, Http(401 | 403) | Grpc(PERMISSION_DENIED | UNAUTHENTICATED))
    }

    fn judgement(&self) -> Judgement {
        match self {
            Self::Refused { status: AnswerStatus::Http(status), retry_after, .. } => {
                of_http(*status, *retry_after)
            }
            Self::Refused { status: AnswerStatus::Grpc(code), retry_after, .. } => {
                of_grpc(*code, *retry_after)
            }
            error => error.without_status(),
        }
    }

    fn without_status(&self) -> Judgement {
        let class = match self {
            // No byte was sent.
            Self::Connect { .. } => return (RetryClass::Retry(None), NOTHING_TAKEN),
            // A batch that is too much for the target may show as an answer that never comes.
            Self::Timeout { .. } | Self::Interrupted { .. } => RetryClass::RetrySuspect,
            Self::PartlyRejected { .. } => RetryClass::DeadLetter,
            Self::TooLarge { .. } => RetryClass::Split,
            Self::WriteFile { source, .. } if !is_denied(source) => RetryClass::Retry(None),
            #[cfg(feature = "sqlite")]
            Self::OpenStore(error) if error.is_transient() => RetryClass::Retry(None),
            #[cfg(feature = "sqlite")]
            Self::WriteStore(error) if error.is_transient() => RetryClass::Retry(None),
            _ => RetryClass::Blocked,
        };
        (class, PERHAPS_TAKEN)
    }
}

/// Judges a status of HTTP. `wait` is the time for which the server asks.
fn of_http(status: u16, wait: Option<Duration>) -> Judgement {
    match status {
        // The server gave up reading, limits requests, or is starting: it did not begin. 503 is also
        // how Phoenix says that its queue of spans is full.
        408 | 425 | 429 | 503 => (RetryClass::Retry(wait), NOTHING_TAKEN),
        // Phoenix's database is out of space until a person makes room.
        507 => (RetryClass::Retry(wait), PERHAPS_TAKEN),
        500 | 502 | 504 if wait.is_some() => (RetryClass::Retry(wait), PERHAPS_TAKEN),
        // Phoenix answers with 500 to a body that it cannot read, other servers when they are ill. A
        // proxy answers with 502 or 504 where the server behind it dies or is too slow.
        500 | 502 | 504 => (RetryClass::RetrySuspect, PERHAPS_TAKEN),
        413 => (RetryClass::Split, PERHAPS_TAKEN),
        // The bytes are wrong, for this server.
        400 | 409 | 422 => (RetryClass::DeadLetter, PERHAPS_TAKEN),
        // 401, 403, 407: the key; 402: the bill; 404, 405, 410, a redirect: the address; 406, 415: the
        // form; 501, 505: the server.
        _ => (RetryClass::Blocked, PERHAPS_TAKEN),
    }
}

/// Judges a code of gRPC, as the OTLP specification does. `wait` is `RetryInfo`.
fn of_grpc(code: i32, wait: Option<Duration>) -> Judgement {
    match code {
        UNAVAILABLE => (RetryClass::Retry(wait), NOTHING_TAKEN),
        // Otherwise a quota is used up for long.
        RESOURCE_EXHAUSTED if wait.is_some() => (RetryClass::Retry(wait), NOTHING_TAKEN),
        CANCELLED | ABORTED | OUT_OF_RANGE | DATA_LOSS => (RetryClass::Retry(wait), PERHAPS_TAKEN),
        DEADLINE_EXCEEDED | UNKNOWN | INTERNAL if wait.is_some() => {
            (RetryClass::Retry(wait), PERHAPS_TAKEN)
        }
        // As 504 and 500 of HTTP.
        DEADLINE_EXCEEDED | UNKNOWN | INTERNAL => (RetryClass::RetrySuspect, PERHAPS_TAKEN),
        INVALID_ARGUMENT | ALREADY_EXISTS | FAILED_PRECONDITION => {
            (RetryClass::DeadLetter, PERHAPS_TAKEN)
        }
        // The key, the address, the bill, or the server.
        _ => (RetryClass::Blocked, PERHAPS_TAKEN),
    }
}

/// Whether an answer to a request of so many bytes says that it is too large. Of gRPC, servers in Go and
/// Python say the one code, those in Rust the other, also for other reasons.
pub(crate) fn is_too_large(status: AnswerStatus, bytes: usize) -> bool {
    match status {
        AnswerStatus::Http(status) => of_http(status, None).0 == RetryClass::Split,
        AnswerStatus::Grpc(RESOURCE_EXHAUSTED | OUT_OF_RANGE) => bytes > USUAL_LIMIT,
        AnswerStatus::Grpc(_) => false,
    }
}

#[cfg(test)]
mod tests;
