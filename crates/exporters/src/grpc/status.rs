//! What a gRPC status says about sending the same bytes again.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::headers::Headers;
use crate::retry::Retry;
use crate::{AnswerStatus, ExportError};

/// What most gRPC servers take at most, in bytes, uncompressed.
const USUAL_LIMIT: usize = 4 * 1024 * 1024;

/// The error for an answer with this status to a message of so many bytes, uncompressed.
pub(super) fn refusal(url: &str, status: &Status, bytes: usize, headers: &Headers) -> ExportError {
    let url = url.to_owned();
    if bytes > USUAL_LIMIT && matches!(status.code(), Code::ResourceExhausted | Code::OutOfRange) {
        return ExportError::TooLarge { url, bytes };
    }
    if status.code() == Code::Unimplemented {
        let behaviour = format!("says: {}", headers.shown(status.message()));
        return ExportError::WrongAddress { url, behaviour };
    }
    let decision = retry_decision(status.code(), retry_info(status));
    let answer = headers.shown(status.message());
    let status = AnswerStatus::Grpc(status.code() as i32);
    match decision {
        Retry::After(retry_after) => ExportError::Unavailable { url, status, answer, retry_after },
        Retry::Never => ExportError::Rejected { url, status, answer },
    }
}

/// Judges a status as the OTLP specification does.
///
/// | Status | Again? | Why |
/// | --- | --- | --- |
/// | `Cancelled`, `DeadlineExceeded`, `Aborted`, `OutOfRange`, `DataLoss` | yes | the specification says so |
/// | `Unavailable` | yes | the server is starting, or Phoenix's queue of spans is full |
/// | `ResourceExhausted` | if `RetryInfo` | otherwise a quota is used up for long |
/// | all others | no | the bytes are wrong, or the key, or the address |
fn retry_decision(code: Code, wait: Option<Duration>) -> Retry {
    match code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Retry::After(wait),
        Code::ResourceExhausted if wait.is_some() => Retry::After(wait),
        _ => Retry::Never,
    }
}

/// How long the server asks to wait: `google.rpc.RetryInfo` among the status's details. Details that
/// cannot be read are none.
fn retry_info(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    const WAIT: Duration = Duration::from_millis(1500);

    #[test]
    fn refusals_that_pass_are_retried_and_others_are_not() {
        let passing = [1, 4, 10, 11, 14, 15];
        for code in (1..=16).map(Code::from) {
            let passes = passing.contains(&(code as i32));
            let expected = |wait| if passes { Retry::After(wait) } else { Retry::Never };
            assert_eq!(retry_decision(code, None), expected(None), "{code:?}");
            let with_wait = retry_decision(code, Some(WAIT));
            if code == Code::ResourceExhausted {
                assert_eq!(with_wait, Retry::After(Some(WAIT)));
            } else {
                assert_eq!(with_wait, expected(Some(WAIT)), "{code:?}");
            }
        }
    }

    #[test]
    fn the_wait_is_found_among_the_details() {
        let with = |details| Status::with_error_details(Code::Unavailable, "full", details);
        assert_eq!(retry_info(&with(ErrorDetails::with_retry_info(Some(WAIT)))), Some(WAIT));
        assert_eq!(retry_info(&with(ErrorDetails::with_retry_info(None))), None);
        assert_eq!(retry_info(&with(ErrorDetails::with_help_link("", ""))), None);
        assert_eq!(retry_info(&Status::unavailable("full")), None);
        let garbage = Status::with_details(Code::Unavailable, "full", vec![0xff, 1, 2].into());
        assert_eq!(retry_info(&garbage), None);
    }

    #[test]
    fn an_error_says_the_status_and_the_servers_words() {
        let told = |status: Status| refusal("http://h:1", &status, 1, &Headers::default());
        assert_eq!(
            told(Status::unauthenticated("no key")).to_string(),
            "`http://h:1`: rejected (grpc status Unauthenticated): no key"
        );
        assert_eq!(
            told(Status::unavailable("full")).to_string(),
            "`http://h:1`: not accepted for the moment (grpc status Unavailable): full"
        );
        assert_eq!(
            told(Status::unimplemented("unknown service")).to_string(),
            "`http://h:1`: this address does not take traces: it says: unknown service"
        );
    }

    /// Servers in Go and Python say the one, those in Rust the other, also without large messages.
    #[test]
    fn a_large_message_is_too_large_for_servers_that_say_so_in_either_way() {
        let told = |bytes, code| {
            let status = Status::new(code, "too large");
            refusal("http://h:1", &status, bytes, &Headers::default())
        };
        for code in [Code::ResourceExhausted, Code::OutOfRange] {
            let large = told(USUAL_LIMIT + 1, code);
            assert!(matches!(large, ExportError::TooLarge { bytes: 4_194_305, .. }), "{large:?}");
        }
        assert!(matches!(told(9, Code::ResourceExhausted), ExportError::Rejected { .. }));
        assert!(matches!(told(9, Code::OutOfRange), ExportError::Unavailable { .. }));
        assert!(matches!(told(USUAL_LIMIT + 1, Code::Internal), ExportError::Rejected { .. }));
    }
}
