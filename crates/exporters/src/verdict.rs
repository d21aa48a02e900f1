//! What a failed delivery says about the batch and about the target.

use std::time::Duration;

use crate::ExportError;

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
            Self::OpenStore(error) if error.is_transient() => Verdict::Later(None),
            Self::WriteStore(error) if error.is_transient() => Verdict::Later(None),
            Self::OpenStore(_) | Self::WriteStore(_) | Self::ReadStore(_) => Verdict::Hold,
        }
    }
}

/// Judges an HTTP status that no waiting helps against.
///
/// | Status | Verdict | Why |
/// | --- | --- | --- |
/// | 400, 409, 422 | never | the bytes are wrong, for this server |
/// | 500 | fails | Phoenix answers so to a body that it cannot read, others when they are ill |
/// | all others | hold | 401, 403, 407: the key is wrong; 402: the bill; 404, 405, 410: the address; 406, 415: the form; 501, 505: the server |
fn rejection(status: u16) -> Verdict {
    match status {
        400 | 409 | 422 => Verdict::Never,
        500 => Verdict::Fails,
        _ => Verdict::Hold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_is_about_the_batch_or_about_us() {
        for status in [400, 409, 422] {
            assert_eq!(rejection(status), Verdict::Never, "{status}");
        }
        for status in [401, 402, 403, 404, 405, 406, 407, 410, 415, 418, 451, 501, 505] {
            assert_eq!(rejection(status), Verdict::Hold, "{status}");
        }
        assert_eq!(rejection(500), Verdict::Fails);
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
                    status: 503,
                    answer: answer(),
                    retry_after: second,
                },
                Verdict::Later(second),
            ),
            (ExportError::Rejected { url: url(), status: 401, answer: answer() }, Verdict::Hold),
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
