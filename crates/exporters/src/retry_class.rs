//! Classes of failed deliveries: what each says about the batch and about the target.

use std::time::Duration;

use crate::error::is_denied;
use crate::grpc_code::*;
use crate::{AnswerStatus, ExportError};

/// What to do with a batch that was not accepted.
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

impl ExportError {
    /// The class of this error. A batch that is too much for the target, or for a proxy before it, may
    /// show as an answer that never comes.
    pub fn retry_class(&self) -> RetryClass {
        match self {
            Self::Connect { .. } => RetryClass::Retry(None),
            Self::Timeout { .. } | Self::Interrupted { .. } => RetryClass::RetrySuspect,
            Self::Unavailable {
                status: AnswerStatus::Http(502 | 504), retry_after: None, ..
            } => RetryClass::RetrySuspect,
            Self::Unavailable { retry_after, .. } => RetryClass::Retry(*retry_after),
            Self::Rejected { status, .. } => rejection(*status),
            Self::PartlyRejected { .. } => RetryClass::DeadLetter,
            Self::TooLarge { .. } => RetryClass::Split,
            Self::WrongAddress { .. } | Self::Experiment { .. } => RetryClass::Blocked,
            Self::WriteFile { source, .. } if !is_denied(source) => RetryClass::Retry(None),
            Self::WriteFile { .. } => RetryClass::Blocked,
            #[cfg(feature = "sqlite")]
            Self::OpenStore(error) if error.is_transient() => RetryClass::Retry(None),
            #[cfg(feature = "sqlite")]
            Self::WriteStore(error) if error.is_transient() => RetryClass::Retry(None),
            #[cfg(feature = "sqlite")]
            Self::OpenStore(_) | Self::WriteStore(_) | Self::ReadStore(_) => RetryClass::Blocked,
        }
    }
}

impl ExportError {
    /// Whether the target has certainly taken nothing, and may later: then even metrics, which have no
    /// ids, can be sent again.
    ///
    /// | Failure | Certain? | Why |
    /// | --- | --- | --- |
    /// | no connection | yes | no byte was sent |
    /// | 408, 425, 429, 503, `ResourceExhausted`, `Unavailable` | yes | the server says that it did not begin |
    /// | 500, 502, 504, 507, other codes of gRPC | no | a server may have taken it before it went wrong |
    /// | no answer, half an answer | no | the server may be done |
    /// | all others | | they do not pass |
    pub fn is_safe_to_repeat(&self) -> bool {
        match self {
            Self::Connect { .. } => true,
            Self::Unavailable { status: AnswerStatus::Http(status), .. } => {
                matches!(status, 408 | 425 | 429 | 503)
            }
            Self::Unavailable { status: AnswerStatus::Grpc(code), .. } => {
                matches!(*code, RESOURCE_EXHAUSTED | UNAVAILABLE)
            }
            _ => false,
        }
    }
}

/// Judges a status that no waiting helps against.
///
/// | HTTP | gRPC | Class | Why |
/// | --- | --- | --- | --- |
/// | 400, 409, 422 | `InvalidArgument`, `AlreadyExists`, `FailedPrecondition` | dead letter | the bytes are wrong, for this server |
/// | 500 | `Unknown`, `Internal` | retry, suspect | Phoenix answers so to a body that it cannot read, others when they are ill |
/// | all others | all others | blocked | 401, 403, 407, `Unauthenticated`, `PermissionDenied`: the key is wrong; 402, `ResourceExhausted`: the bill; 404, 405, 410, `NotFound`: the address; 406, 415: the form; 501, 505: the server |
fn rejection(status: AnswerStatus) -> RetryClass {
    match status {
        AnswerStatus::Http(400 | 409 | 422) => RetryClass::DeadLetter,
        AnswerStatus::Http(500) => RetryClass::RetrySuspect,
        AnswerStatus::Http(_) => RetryClass::Blocked,
        AnswerStatus::Grpc(code) => match code {
            INVALID_ARGUMENT | ALREADY_EXISTS | FAILED_PRECONDITION => RetryClass::DeadLetter,
            UNKNOWN | INTERNAL => RetryClass::RetrySuspect,
            _ => RetryClass::Blocked,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_is_about_the_batch_or_about_us() {
        for status in [400, 409, 422] {
            assert_eq!(rejection(AnswerStatus::Http(status)), RetryClass::DeadLetter, "{status}");
        }
        for status in [401, 402, 403, 404, 405, 406, 407, 410, 415, 418, 451, 501, 505] {
            assert_eq!(rejection(AnswerStatus::Http(status)), RetryClass::Blocked, "{status}");
        }
        assert_eq!(rejection(AnswerStatus::Http(500)), RetryClass::RetrySuspect);
        let grpc = |code| rejection(AnswerStatus::Grpc(code));
        for code in [INVALID_ARGUMENT, ALREADY_EXISTS, FAILED_PRECONDITION] {
            assert_eq!(grpc(code), RetryClass::DeadLetter, "{code}");
        }
        for code in
            [UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED, NOT_FOUND, UNIMPLEMENTED]
        {
            assert_eq!(grpc(code), RetryClass::Blocked, "{code}");
        }
        for code in [UNKNOWN, INTERNAL] {
            assert_eq!(grpc(code), RetryClass::RetrySuspect, "{code}");
        }
    }

    #[test]
    fn only_a_request_that_did_not_begin_is_safe_to_repeat() {
        let answered = |status| ExportError::Unavailable {
            url: "http://h".to_owned(),
            status,
            answer: "no".to_owned(),
            retry_after: None,
        };
        for status in [408, 425, 429, 500, 502, 503, 504, 507] {
            let expected = [408, 425, 429, 503].contains(&status);
            let error = answered(AnswerStatus::Http(status));
            assert_eq!(error.is_safe_to_repeat(), expected, "{status}");
        }
        for code in [1, 4, 8, 10, 11, 14, 15] {
            let error = answered(AnswerStatus::Grpc(code));
            assert_eq!(error.is_safe_to_repeat(), [8, 14].contains(&code), "{code}");
        }
        let (url, source) = (|| "http://h".to_owned(), || "gone".into());
        assert!(ExportError::Connect { url: url(), source: source() }.is_safe_to_repeat());
        assert!(!ExportError::Interrupted { url: url(), source: source() }.is_safe_to_repeat());
        let timeout = ExportError::Timeout { url: url(), limit: Duration::ZERO, source: source() };
        assert!(!timeout.is_safe_to_repeat());
        let status = AnswerStatus::Http(401);
        let refused = ExportError::Rejected { url: url(), status, answer: "no".to_owned() };
        assert!(!refused.is_safe_to_repeat());
    }

    #[test]
    fn each_error_has_a_class() {
        let url = || "http://h".to_owned();
        let answer = || "no".to_owned();
        let source = || "gone".into();
        let second = Some(Duration::from_secs(1));
        let unavailable = |status, retry_after| ExportError::Unavailable {
            url: url(),
            status: AnswerStatus::Http(status),
            answer: answer(),
            retry_after,
        };
        let cases = [
            (ExportError::Connect { url: url(), source: source() }, RetryClass::Retry(None)),
            (
                ExportError::Timeout { url: url(), limit: Duration::ZERO, source: source() },
                RetryClass::RetrySuspect,
            ),
            (ExportError::Interrupted { url: url(), source: source() }, RetryClass::RetrySuspect),
            (unavailable(504, None), RetryClass::RetrySuspect),
            (unavailable(504, second), RetryClass::Retry(second)),
            (unavailable(503, second), RetryClass::Retry(second)),
            (unavailable(503, None), RetryClass::Retry(None)),
            (
                ExportError::Rejected {
                    url: url(),
                    status: AnswerStatus::Http(401),
                    answer: answer(),
                },
                RetryClass::Blocked,
            ),
            (
                ExportError::PartlyRejected { url: url(), spans: 1, answer: answer() },
                RetryClass::DeadLetter,
            ),
            (ExportError::TooLarge { url: url(), bytes: 1 }, RetryClass::Split),
            (ExportError::WrongAddress { url: url(), behaviour: answer() }, RetryClass::Blocked),
        ];
        for (error, verdict) in cases {
            assert_eq!(error.retry_class(), verdict, "{error}");
        }
    }
}
