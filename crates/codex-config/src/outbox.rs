//! How much may wait for targets that are away.

use std::time::Duration;

use crate::reader::{Reader, Source::Key};

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

/// Limits of the queue of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Bytes of all that waits.
    pub max_bytes: u64,
    /// Time since it began to wait.
    pub max_age: Duration,
}

pub(crate) fn limits(reader: &mut Reader<'_>) -> OutboxLimits {
    let mut number = |key, expected| {
        reader.parsed(&[Key(key)], expected, |text| {
            text.trim().parse::<u64>().ok().filter(|number| *number != 0)
        })
    };
    let max_bytes = number("outbox.max_bytes", "a number of bytes above 0");
    let days = number("outbox.max_age_days", "a number of days above 0");
    OutboxLimits {
        max_bytes: max_bytes.unwrap_or(256 * 1024 * 1024),
        max_age: Duration::from_secs(days.unwrap_or(30).saturating_mul(DAY)),
    }
}
