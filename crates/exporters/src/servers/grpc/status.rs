//! A status of gRPC as an error.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::servers::headers::Headers;
use crate::{AnswerStatus, ExportError};

/// The error for an answer with this status to a message of so many bytes, uncompressed.
pub(super) fn refusal(url: &str, status: &Status, bytes: usize, headers: &Headers) -> ExportError {
    let answer = headers.shown(status.message());
    if status.code() == Code::Unimplemented {
        let behaviour = format!("says: {answer}");
        return ExportError::WrongAddress { url: url.to_owned(), behaviour };
    }
    let code = AnswerStatus::Grpc(status.code() as i32);
    ExportError::answered(url, code, answer, retry_info(status), bytes)
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
        let text = |status: Status| refusal("http://h:1", &status, 1, &Headers::default());
        assert_eq!(
            text(Status::unauthenticated("no key")).to_string(),
            "`http://h:1`: rejected (grpc status Unauthenticated): no key"
        );
        assert_eq!(
            text(Status::unavailable("full")).to_string(),
            "`http://h:1`: not accepted for the moment (grpc status Unavailable): full"
        );
        assert_eq!(
            text(Status::unimplemented("unknown service")).to_string(),
            "`http://h:1`: this address does not take traces: it says: unknown service"
        );
    }
}
