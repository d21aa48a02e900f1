//! From when on a person should look.

use crate::facts::pico;
use crate::loops::Sizes;

/// Amounts of which each is enough; none where it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// In trillionths of a US dollar.
    pub pico_usd: u64,
    /// Tokens.
    pub tokens: u64,
    /// Tool calls.
    pub calls: u64,
}

/// How many of so many calls have to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// So many calls in a row are looked at; 0 for none.
    pub calls: u64,
    /// Per cent of them.
    pub percent: u64,
}

/// The thresholds of all rules. A rule is off where its threshold is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// How many calls are a loop.
    pub loops: Sizes,
    /// What a turn uses.
    pub turn: Amounts,
    /// What a session uses.
    pub session: Amounts,
    /// Calls that fail.
    pub failures: Failures,
    /// What is used without a change of a file.
    pub no_progress: Amounts,
    /// How many minutes an agent waits for a person.
    pub wait_minutes: u64,
    /// How much is left of a subscription's limit, in per cent.
    pub quota_percent: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            loops: Sizes { same: 4, alike: 6, rounds: 3 },
            turn: Amounts { pico_usd: pico(10.0), tokens: 50_000_000, calls: 500 },
            session: Amounts { pico_usd: pico(50.0), tokens: 250_000_000, calls: 3000 },
            failures: Failures { calls: 20, percent: 60 },
            no_progress: Amounts { pico_usd: pico(5.0), tokens: 25_000_000, calls: 0 },
            wait_minutes: 15,
            quota_percent: 10,
        }
    }
}
