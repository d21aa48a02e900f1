//! How long to leave a target alone that refused.

use std::time::{Duration, SystemTime};

use exporters::RetryClass;

/// The wait after a first failure that passes.
const FIRST: Duration = Duration::from_secs(1);

/// The wait after a first refusal that does not pass by itself.
const FIRST_HELD: Duration = Duration::from_secs(60);

/// The longest wait that we choose.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The longest wait that a target may ask for. A time further away than this comes from a clock that
/// was set since.
pub(super) const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);

/// The wait after a number of failures in a row: twice as long each time, and up to a half of it less
/// by `jitter`, from 0 to 1, so that many machines do not come back at once. Never less than the
/// target asked for.
pub(super) fn wait(class: RetryClass, failures: u32, jitter: f64) -> Duration {
    let (first, asked) = match class {
        RetryClass::Blocked => (FIRST_HELD, None),
        RetryClass::Retry(asked) => (FIRST, asked),
        RetryClass::RetrySuspect | RetryClass::Split | RetryClass::DeadLetter => (FIRST, None),
    };
    let doublings = failures.saturating_sub(1).min(20);
    let longest = first.saturating_mul(1 << doublings).min(LONGEST);
    let wait = longest.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0);
    wait.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

/// Whether a time has come, or makes no sense.
pub(super) fn is_due(due: SystemTime, now: SystemTime) -> bool {
    due <= now || due.duration_since(now).is_ok_and(|ahead| ahead > LONGEST_ASKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const LATER: RetryClass = RetryClass::Retry(None);

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let waits = |class| (1..=13).map(move |failures| wait(class, failures, 0.0).as_secs());
        let later = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900];
        assert!(waits(LATER).eq(later));
        assert!(waits(RetryClass::RetrySuspect).eq(later));
        assert!(waits(RetryClass::Blocked).take(6).eq([60, 120, 240, 480, 900, 900]));
        assert_eq!(wait(LATER, u32::MAX, 0.0), LONGEST);
        assert_eq!(wait(LATER, 0, 0.0), FIRST);
    }

    #[test]
    fn jitter_takes_up_to_a_half() {
        assert_eq!(wait(LATER, 2, 1.0), SECOND);
        assert_eq!(wait(LATER, 2, 0.5), SECOND * 3 / 2);
    }

    #[test]
    fn the_target_may_ask_for_more_but_not_for_ever() {
        assert_eq!(wait(RetryClass::Retry(Some(7 * SECOND)), 1, 0.3), 7 * SECOND);
        assert_eq!(wait(RetryClass::Retry(Some(SECOND)), 5, 0.0), 16 * SECOND);
        assert_eq!(wait(RetryClass::Retry(Some(86_400 * SECOND)), 1, 0.0), LONGEST_ASKED);
    }

    #[test]
    fn a_clock_that_jumped_makes_nothing_wait_for_years() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert!(is_due(now, now) && is_due(now - SECOND, now));
        assert!(!is_due(now + SECOND, now) && !is_due(now + LONGEST_ASKED, now));
        assert!(is_due(now + LONGEST_ASKED + SECOND, now));
        assert!(is_due(SystemTime::UNIX_EPOCH, now));
    }
}
