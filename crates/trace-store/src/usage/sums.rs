//! Sums of calls and counts of turns.

use std::ops::{AddAssign, SubAssign};

use otlp_model::turn::Usage;

use super::{CallRecord, PicoUsd, TurnRecord, TurnStatus};

/// What a number of calls used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// How many calls.
    pub calls: i64,
    /// Tokens of the requests, with those below.
    pub input: i64,
    /// Those of them that were read from the provider's cache.
    pub cached_input: i64,
    /// Those of them that were written to the provider's cache.
    pub cache_write_input: i64,
    /// Tokens of the responses, with those of reasoning.
    pub output: i64,
    /// Those of them that the model thought with.
    pub reasoning_output: i64,
    /// What they cost.
    pub cost: PicoUsd,
}

impl Sums {
    /// Input and output together.
    pub fn tokens(&self) -> i64 {
        self.input.saturating_add(self.output)
    }

    /// What one call used.
    pub fn of(call: &CallRecord) -> Self {
        let Usage { input, cached_input, cache_write_input, output, reasoning_output } = call.usage;
        Self {
            calls: 1,
            input: tokens(input),
            cached_input: tokens(cached_input),
            cache_write_input: tokens(cache_write_input),
            output: tokens(output),
            reasoning_output: tokens(reasoning_output),
            cost: call.cost,
        }
    }

    fn fields(&mut self) -> [&mut i64; 7] {
        [
            &mut self.calls,
            &mut self.input,
            &mut self.cached_input,
            &mut self.cache_write_input,
            &mut self.output,
            &mut self.reasoning_output,
            &mut self.cost.0,
        ]
    }

    /// The fields in the order of the columns.
    pub(super) fn values(mut self) -> [i64; 7] {
        self.fields().map(|field| *field)
    }

    /// Reads the fields in the order of the columns.
    pub(super) fn from_values(values: [i64; 7]) -> Self {
        let mut sums = Self::default();
        for (field, value) in sums.fields().into_iter().zip(values) {
            *field = value;
        }
        sums
    }
}

/// A count that may be summed: no request has four thousand million tokens, and what a file says must not
/// make a sum overflow.
pub(super) fn tokens(count: u64) -> i64 {
    i64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

impl AddAssign for Sums {
    fn add_assign(&mut self, mut other: Self) {
        for (field, more) in self.fields().into_iter().zip(other.fields()) {
            *field = field.saturating_add(*more);
        }
    }
}

impl SubAssign for Sums {
    fn sub_assign(&mut self, mut other: Self) {
        for (field, less) in self.fields().into_iter().zip(other.fields()) {
            *field = field.saturating_sub(*less);
        }
    }
}

/// How many turns there were, and how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TurnCounts {
    /// All of them.
    pub turns: i64,
    /// Those that failed.
    pub failed: i64,
    /// Those that were interrupted.
    pub interrupted: i64,
    /// Milliseconds that they waited for a person, as far as that was measured.
    pub human_ms: i64,
}

impl TurnCounts {
    /// One turn.
    pub(super) fn of(turn: &TurnRecord) -> Self {
        Self::new(turn.status, turn.human_ms.unwrap_or(0))
    }

    pub(super) fn new(status: TurnStatus, human_ms: u64) -> Self {
        Self {
            turns: 1,
            failed: i64::from(status == TurnStatus::Failed),
            interrupted: i64::from(status == TurnStatus::Interrupted),
            human_ms: tokens(human_ms),
        }
    }

    fn fields(&mut self) -> [&mut i64; 4] {
        [&mut self.turns, &mut self.failed, &mut self.interrupted, &mut self.human_ms]
    }

    /// The fields in the order of the columns.
    pub(super) fn values(mut self) -> [i64; 4] {
        self.fields().map(|field| *field)
    }

    /// Reads the fields in the order of the columns.
    pub(super) fn from_values([turns, failed, interrupted, human_ms]: [i64; 4]) -> Self {
        Self { turns, failed, interrupted, human_ms }
    }
}

impl AddAssign for TurnCounts {
    fn add_assign(&mut self, mut other: Self) {
        for (field, more) in self.fields().into_iter().zip(other.fields()) {
            *field = field.saturating_add(*more);
        }
    }
}

impl SubAssign for TurnCounts {
    fn sub_assign(&mut self, mut other: Self) {
        for (field, less) in self.fields().into_iter().zip(other.fields()) {
            *field = field.saturating_sub(*less);
        }
    }
}
