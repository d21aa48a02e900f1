//! What the rules look at.

use std::ops::AddAssign;

use otlp_model::Turn;
use serde::{Deserialize, Serialize};

/// Trillionths of a US dollar.
const PICO: f64 = 1e12;

/// What was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Used {
    /// Tokens, input and output together.
    pub tokens: u64,
    /// What the model calls with a price cost, in trillionths of a US dollar.
    pub pico_usd: u64,
    /// Tool calls.
    pub calls: u64,
}

impl Used {
    /// What a turn used, without its sub-agents.
    pub fn by(turn: &Turn) -> Self {
        Self {
            tokens: turn.usage().total(),
            pico_usd: pico(turn.cost().unwrap_or_default()),
            calls: turn.tool_calls().count() as u64,
        }
    }

    /// For a person, such as `$1.20`, or tokens where nothing has a price.
    pub(crate) fn text(self) -> String {
        match self.pico_usd {
            0 => format!("{} tokens", self.tokens),
            pico_usd => dollars(pico_usd),
        }
    }
}

impl AddAssign for Used {
    fn add_assign(&mut self, more: Self) {
        self.tokens = self.tokens.saturating_add(more.tokens);
        self.pico_usd = self.pico_usd.saturating_add(more.pico_usd);
        self.calls = self.calls.saturating_add(more.calls);
    }
}

pub(crate) fn pico(usd: f64) -> u64 {
    (usd * PICO) as u64
}

pub(crate) fn dollars(pico_usd: u64) -> String {
    format!("${:.2}", pico_usd as f64 / PICO)
}

/// A window of a subscription's limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// For a person.
    pub name: String,
    /// How much of it was used, in per cent.
    pub used_percent: f64,
    /// When it begins anew, in seconds since the Unix epoch.
    pub resets_at: Option<i64>,
}

/// A turn, which may go on, and what is around it.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The turn, with costs where there are prices.
    pub turn: &'a Turn,
    /// What its session used, with all sub-agents; nothing where that is not known.
    pub session: Used,
    /// The limits of the subscription.
    pub quota: &'a [Window],
}
