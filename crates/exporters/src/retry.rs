//! Whether a refusal is worth another attempt, from the answer alone.

use std::time::Duration;

use ureq::http::HeaderMap;
use ureq::http::header::{DATE, RETRY_AFTER};

/// What an HTTP answer other than success says about sending the same bytes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// They would be refused again.
    Never,
    /// They may be accepted later; after this time where the server names one.
    After(Option<Duration>),
}

/// Judges an answer by its status and headers.
///
/// | Status | Again? | Why |
/// | --- | --- | --- |
/// | 408 | yes | the server gave up reading; it took nothing |
/// | 425 | yes | the server wants the request once the connection is settled |
/// | 429 | yes | rate limit, usually with `Retry-After` |
/// | 500 | if `Retry-After` | Phoenix answers 500 to a body it cannot decompress, and would forever |
/// | 502, 504 | yes | a proxy did not reach the server |
/// | 503 | yes | Phoenix's queue of spans is full, or the server is starting |
/// | 507 | yes | Phoenix's database is out of space until someone makes room |
/// | other 4xx | no | 400 and 422: the bytes are wrong; 401 and 403: the key is; 404 and 405: the path is; 413: too large; 415: the content type or encoding is not supported |
/// | other 5xx | no | 501, 505: the server cannot do this at all |
/// | 3xx | no | a credential is not sent to another address |
///
/// `Retry-After` may be seconds or a date; a date is compared with the answer's own `Date`, so that
/// the clocks of both machines do not matter.
pub(crate) fn retry_decision(status: u16, headers: &HeaderMap) -> Retry {
    let wait = retry_after(headers);
    match status {
        408 | 425 | 429 | 502 | 503 | 504 | 507 => Retry::After(wait),
        500 if wait.is_some() => Retry::After(wait),
        _ => Retry::Never,
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some(until.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers as `name: value` lines.
    fn check(status: u16, headers: &str, expected: Retry) {
        let headers = headers
            .lines()
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        assert_eq!(retry_decision(status, &headers), expected, "{status}");
    }

    fn seconds(seconds: u64) -> Retry {
        Retry::After(Some(Duration::from_secs(seconds)))
    }

    #[test]
    fn refusals_that_pass_are_retried_and_others_are_not() {
        for status in [408, 425, 429, 502, 503, 504, 507] {
            check(status, "", Retry::After(None));
            check(status, "retry-after: 7", seconds(7));
        }
        for status in
            [301, 302, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 501, 505]
        {
            check(status, "", Retry::Never);
            check(status, "retry-after: 7", Retry::Never);
        }
        check(500, "", Retry::Never);
        check(500, "retry-after: 7", seconds(7));
    }

    #[test]
    fn the_wait_may_be_seconds_or_a_date() {
        check(429, "retry-after: 0", seconds(0));
        check(
            429,
            "date: Sat, 21 Nov 2026 10:00:00 GMT\nretry-after: Sat, 21 Nov 2026 10:01:30 GMT",
            seconds(90),
        );
        check(
            429,
            "date: Sat, 21 Nov 2026 10:00:00 GMT\nretry-after: Sat, 21 Nov 2026 09:00:00 GMT",
            seconds(0),
        );
    }

    #[test]
    fn a_wait_that_cannot_be_understood_is_none() {
        for wait in ["soon", "-1", "1.5", "Sat, 21 Nov 2026 10:01:30 GMT"] {
            check(503, &format!("retry-after: {wait}"), Retry::After(None));
        }
    }
}
