//! The service's own clock, which no change of the system's moves.
//!
//! How old an event is decides whether it is given up. A clock that is wrong for a moment must not give
//! up all of them. So the system's clock is asked once, when the service starts, and not even then where
//! events are there from before: the service goes on at the time at which the newest of them arrived.
//! An event becomes older only while the service runs and the machine is not asleep.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells milliseconds since the Unix epoch.
#[derive(Debug)]
pub(crate) struct Clock {
    begun_ms: u64,
    begun: Instant,
}

impl Clock {
    /// Begins at `wall`, or at the time at which the newest event arrived.
    pub(crate) fn new(wall: SystemTime, newest_ms: Option<u64>) -> Self {
        Self { begun_ms: newest_ms.unwrap_or_else(|| millis(wall)), begun: Instant::now() }
    }

    /// The present.
    pub(crate) fn now_ms(&self) -> u64 {
        self.begun_ms.saturating_add(self.begun.elapsed().as_millis() as u64)
    }
}

/// A time of the system's clock in milliseconds since the Unix epoch.
pub(crate) fn millis(wall: SystemTime) -> u64 {
    let since_epoch = wall.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_where_the_newest_event_arrived() {
        let wall = UNIX_EPOCH + Duration::from_millis(5_000_000);
        let within = |clock: Clock, from: u64| {
            let now = clock.now_ms();
            assert!((from..from + 60_000).contains(&now), "{now}");
        };
        within(Clock::new(wall, None), 5_000_000);
        within(Clock::new(wall, Some(1_000_000)), 1_000_000);
        within(Clock::new(wall, Some(9_000_000)), 9_000_000);
    }
}
