//! How far limits are reached.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::{Limit, Scope, Unit};

/// What was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Tokens, input and output together.
    pub tokens: u64,
    /// What the calls with a price cost, in trillionths of a dollar.
    pub pico_usd: u64,
    /// The same in trillionths of a credit of the plan; none where it is not known how many credits a
    /// dollar is.
    pub pico_credits: Option<u64>,
    /// Calls without a price, whose cost is not known.
    pub unpriced_calls: u64,
}

impl Spent {
    fn amount(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Usd => self.pico_usd,
            Unit::Credits => self.pico_credits.unwrap_or_default(),
            Unit::Tokens => self.tokens,
        }
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.tokens = self.tokens.saturating_add(more.tokens);
        self.pico_usd = self.pico_usd.saturating_add(more.pico_usd);
        self.pico_credits = match (self.pico_credits, more.pico_credits) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        self.unpriced_calls = self.unpriced_calls.saturating_add(more.unpriced_calls);
    }
}

/// What was spent in the turn, session, day and so on that goes on now, each with its name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spending(pub BTreeMap<Scope, (String, Spent)>);

/// How far one limit is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitUse {
    /// The limit.
    pub limit: Limit,
    /// Which turn, session, day and so on.
    pub instance: String,
    /// What was spent there at least, in the limit's unit.
    pub spent: u64,
    /// Calls that are not part of it, because they have no price.
    pub unpriced_calls: u64,
    /// Whether it is in credits, and it is not known how many a dollar is.
    pub lacks_rate: bool,
}

impl LimitUse {
    /// How much of the limit was spent at least, in per cent.
    pub fn percent(&self) -> u64 {
        let percent = u128::from(self.spent) * 100 / u128::from(self.limit.amount.max(1));
        u64::try_from(percent).unwrap_or(u64::MAX)
    }

    /// Whether all of it is spent.
    pub fn is_over(&self) -> bool {
        self.spent >= self.limit.amount
    }

    /// Whether more may have been spent than is known.
    pub fn is_unknown(&self) -> bool {
        !self.is_over() && (self.unpriced_calls > 0 || self.lacks_rate)
    }

    /// For a person: `$1.20 of $5.00 per session`.
    pub fn text(&self) -> String {
        if self.lacks_rate {
            return format!(
                "{}, and how many credits a dollar is, is not known (`credits_per_usd` in `prices.json`)",
                self.limit
            );
        }
        let spent = self.limit.unit.show(self.spent);
        let unknown = match self.unpriced_calls {
            0 => String::new(),
            calls => format!(", and {calls} calls of a model without a price"),
        };
        format!("{spent} of {}{unknown}", self.limit)
    }
}

/// Compares each limit with what was spent. A limit on what is not known to go on is left out.
pub fn limit_uses(limits: &[Limit], spending: &Spending) -> Vec<LimitUse> {
    let limit_use = |limit: &Limit| {
        let (instance, spent) = spending.0.get(&limit.scope)?;
        let unpriced_calls = match limit.unit {
            Unit::Usd | Unit::Credits => spent.unpriced_calls,
            Unit::Tokens => 0,
        };
        let lacks_rate = limit.unit == Unit::Credits && spent.pico_credits.is_none();
        let (instance, spent) = (instance.clone(), spent.amount(limit.unit));
        Some(LimitUse { limit: *limit, instance, spent, unpriced_calls, lacks_rate })
    };
    limits.iter().filter_map(limit_use).collect()
}
