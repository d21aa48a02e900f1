//! What a failed delivery says about the batch and about the target.

use std::time::Duration;

use crate::error::is_denied;
use crate::grpc_code::*;
use crate::{AnswerStatus, ExportError};

/// What to do with a batch that was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Offer it again: the target is away or busy. It may say for how long.
    Later(Option<Duration>),
    /// Offer it again: the target failed. Perhaps it fails at this batch only, and for ever.
    Fails,
    /// Offer it again when something has changed: the target refuses us, whatever we send.
    Hold,
    /// Offer it in pieces: it is too large.
    Split,
    /// Offer it never again: the target refuses this batch.
    Never,
}

impl ExportError {
    /// What this error says about the batch. One that is too much for the target, or for a proxy before
    /// it, may show as an answer that never comes.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Connect { .. } => Verdict::Later(None),
            Self::Timeout { .. } | Self::Interrupted { .. } => Verdict::Fails,
            Self::Unavailable {
                status: AnswerStatus::Http(502 | 504), retry_after: None, ..
            } => Verdict::Fails,
            Self::Unavailable { retry_after, .. } => Verdict::Later(*retry_after),
            Self::Rejected { status, .. } => rejection(*status),
            Self::PartlyRejected { .. } => Verdict::Never,
            Self::TooLarge { .. } => Verdict::Split,
            Self::WrongAddress { .. } | Self::Experiment { .. } => Verdict::Hold,
            Self::WriteFile { source, .. } if !is_denied(source) => Verdict::Later(None),
            Self::WriteFile { .. } => Verdict::Hold,
            #[cfg(feature = "sqlite")]
            Self::OpenStore(error) if error.is_transient() => Verdict::Later(None),
            #[cfg(feature = "sqlite")]
            Self::WriteStore(error) if error.is_transient() => Verdict::Later(None),
            #[cfg(feature = "sqlite")]
            Self::OpenStore(_) | Self::WriteStore(_) | Self::ReadStore(_) => Verdict::Hold,
        }
    }
}

impl ExportError {
    /// Whether the target has certainly taken nothing, and may later: then even what has no ids can be
    /// offered again.
    ///
    /// | Failure | Certain? | Why |
    /// | --- | --- | --- |
    /// | no connection | yes | nobody got a byte |
    /// | 408, 425, 429, 503, `ResourceExhausted`, `Unavailable` | yes | the server says that it did not begin |
    /// | 500, 502, 504, 507, other codes of gRPC | no | somebody may have, before it went wrong |
    /// | no answer, half an answer | no | the server may be done |
    /// | all others | | they do not pass |
    pub fn took_nothing_yet(&self) -> bool {
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
/// | HTTP | gRPC | Verdict | Why |
/// | --- | --- | --- | --- |
/// | 400, 409, 422 | `InvalidArgument`, `AlreadyExists`, `FailedPrecondition` | never | the bytes are wrong, for this server |
/// | 500 | `Unknown`, `Internal` | fails | Phoenix answers so to a body that it cannot read, others when they are ill |
/// | all others | all others | hold | 401, 403, 407, `Unauthenticated`, `PermissionDenied`: the key is wrong; 402, `ResourceExhausted`: the bill; 404, 405, 410, `NotFound`: the address; 406, 415: the form; 501, 505: the server |
fn rejection(status: AnswerStatus) -> Verdict {
    match status {
        AnswerStatus::Http(400 | 409 | 422) => Verdict::Never,
        AnswerStatus::Http(500) => Verdict::Fails,
        AnswerStatus::Http(_) => Verdict::Hold,
        AnswerStatus::Grpc(code) => match code {
            INVALID_ARGUMENT | ALREADY_EXISTS | FAILED_PRECONDITION => Verdict::Never,
            UNKNOWN | INTERNAL => Verdict::Fails,
            _ => Verdict::Hold,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_is_about_the_batch_or_about_us() {
        for status in [400, 409, 422] {
            assert_eq!(rejection(AnswerStatus::Http(status)), Verdict::Never, "{status}");
        }
        for status in [401, 402, 403, 404, 405, 406, 407, 410, 415, 418, 451, 501, 505] {
            assert_eq!(rejection(AnswerStatus::Http(status)), Verdict::Hold, "{status}");
        }
        assert_eq!(rejection(AnswerStatus::Http(500)), Verdict::Fails);
        let grpc = |code| rejection(AnswerStatus::Grpc(code));
        for code in [INVALID_ARGUMENT, ALREADY_EXISTS, FAILED_PRECONDITION] {
            assert_eq!(grpc(code), Verdict::Never, "{code}");
        }
        for code in
            [UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED, NOT_FOUND, UNIMPLEMENTED]
        {
            assert_eq!(grpc(code), Verdict::Hold, "{code}");
        }
        for code in [UNKNOWN, INTERNAL] {
            assert_eq!(grpc(code), Verdict::Fails, "{code}");
        }
    }

    #[test]
    fn only_who_did_not_begin_has_certainly_taken_nothing() {
        let answered = |status| ExportError::Unavailable {
            url: "http://h".to_owned(),
            status,
            answer: "no".to_owned(),
            retry_after: None,
        };
        for status in [408, 425, 429, 500, 502, 503, 504, 507] {
            let expected = [408, 425, 429, 503].contains(&status);
            let error = answered(AnswerStatus::Http(status));
            assert_eq!(error.took_nothing_yet(), expected, "{status}");
        }
        for code in [1, 4, 8, 10, 11, 14, 15] {
            let error = answered(AnswerStatus::Grpc(code));
            assert_eq!(error.took_nothing_yet(), [8, 14].contains(&code), "{code}");
        }
        let (url, source) = (|| "http://h".to_owned(), || "gone".into());
        assert!(ExportError::Connect { url: url(), source: source() }.took_nothing_yet());
        assert!(!ExportError::Interrupted { url: url(), source: source() }.took_nothing_yet());
        let timeout = ExportError::Timeout { url: url(), limit: Duration::ZERO, source: source() };
        assert!(!timeout.took_nothing_yet());
        let status = AnswerStatus::Http(401);
        let refused = ExportError::Rejected { url: url(), status, answer: "no".to_owned() };
        assert!(!refused.took_nothing_yet());
    }

    #[test]
    fn each_error_has_a_verdict() {
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
            (ExportError::Connect { url: url(), source: source() }, Verdict::Later(None)),
            (
                ExportError::Timeout { url: url(), limit: Duration::ZERO, source: source() },
                Verdict::Fails,
            ),
            (ExportError::Interrupted { url: url(), source: source() }, Verdict::Fails),
            (unavailable(504, None), Verdict::Fails),
            (unavailable(504, second), Verdict::Later(second)),
            (unavailable(503, second), Verdict::Later(second)),
            (unavailable(503, None), Verdict::Later(None)),
            (
                ExportError::Rejected {
                    url: url(),
                    status: AnswerStatus::Http(401),
                    answer: answer(),
                },
                Verdict::Hold,
            ),
            (
                ExportError::PartlyRejected { url: url(), spans: 1, answer: answer() },
                Verdict::Never,
            ),
            (ExportError::TooLarge { url: url(), bytes: 1 }, Verdict::Split),
            (ExportError::WrongAddress { url: url(), behaviour: answer() }, Verdict::Hold),
        ];
        for (error, verdict) in cases {
            assert_eq!(error.verdict(), verdict, "{error}");
        }
    }
}
