//! How long an HTTP answer asks to wait.

use std::time::Duration;

use ureq::http::HeaderMap;
use ureq::http::header::{DATE, RETRY_AFTER};

/// `Retry-After`, which may be seconds or a date; a date is compared with the answer's own `Date`, so
/// that the clocks of both machines do not matter. None where it cannot be understood.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
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
    #[track_caller]
    fn check(headers: &str, expected: Option<u64>) {
        let headers = headers
            .lines()
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{headers:?}");
    }

    #[test]
    fn the_wait_may_be_seconds_or_a_date() {
        check("", None);
        check("retry-after: 0", Some(0));
        let date = "date: Sat, 21 Nov 2026 10:00:00 GMT\nretry-after: Sat, 21 Nov 2026";
        check(&format!("{date} 10:01:30 GMT"), Some(90));
        check(&format!("{date} 09:00:00 GMT"), Some(0));
    }

    #[test]
    fn a_wait_that_cannot_be_understood_is_none() {
        for wait in ["soon", "-1", "1.5", "Sat, 21 Nov 2026 10:01:30 GMT"] {
            check(&format!("retry-after: {wait}"), None);
        }
    }
}
