//! What a failed delivery says about the batch and about the target.

use std::time::Duration;

use tonic::Code;

use crate::error::is_denied;
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
    /// What this error says about the batch.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::Interrupted { .. } => {
                Verdict::Later(None)
            }
            Self::Unavailable { retry_after, .. } => Verdict::Later(*retry_after),
            Self::Rejected { status, .. } => rejection(*status),
            Self::PartlyRejected { .. } => Verdict::Never,
            Self::TooLarge { .. } => Verdict::Split,
            Self::WrongAddress { .. } | Self::Experiment { .. } => Verdict::Hold,
            Self::WriteFile { source, .. } if !is_denied(source) => Verdict::Later(None),
            Self::WriteFile { .. } => Verdict::Hold,
            Self::OpenStore(error) if error.is_transient() => Verdict::Later(None),
            Self::WriteStore(error) if error.is_transient() => Verdict::Later(None),
            Self::OpenStore(_) | Self::WriteStore(_) | Self::ReadStore(_) => Verdict::Hold,
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
        AnswerStatus::Grpc(code) => match Code::from(code) {
            Code::InvalidArgument | Code::AlreadyExists | Code::FailedPrecondition => {
                Verdict::Never
            }
            Code::Unknown | Code::Internal => Verdict::Fails,
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
        let grpc = |code: Code| rejection(AnswerStatus::Grpc(code as i32));
        for code in [Code::InvalidArgument, Code::AlreadyExists, Code::FailedPrecondition] {
            assert_eq!(grpc(code), Verdict::Never, "{code:?}");
        }
        for code in [
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::ResourceExhausted,
            Code::NotFound,
            Code::Unimplemented,
        ] {
            assert_eq!(grpc(code), Verdict::Hold, "{code:?}");
        }
        for code in [Code::Unknown, Code::Internal] {
            assert_eq!(grpc(code), Verdict::Fails, "{code:?}");
        }
    }

    #[test]
    fn each_error_has_a_verdict() {
        let url = || "http://h".to_owned();
        let answer = || "no".to_owned();
        let source = || "gone".into();
        let second = Some(Duration::from_secs(1));
        let cases = [
            (ExportError::Connect { url: url(), source: source() }, Verdict::Later(None)),
            (
                ExportError::Timeout { url: url(), limit: Duration::ZERO, source: source() },
                Verdict::Later(None),
            ),
            (ExportError::Interrupted { url: url(), source: source() }, Verdict::Later(None)),
            (
                ExportError::Unavailable {
                    url: url(),
                    status: AnswerStatus::Http(503),
                    answer: answer(),
                    retry_after: second,
                },
                Verdict::Later(second),
            ),
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
