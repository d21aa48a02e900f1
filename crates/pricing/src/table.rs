//! The price table: where a model's name and a tier lead to prices.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::cost::{Cost, PriceRow, TierPrices, TokenUsage};
use crate::file::{self, Contents};
use crate::validity::{Day, UnixSeconds, Validity};

/// The tier of a request that asks for none.
const STANDARD: &str = "standard";

static BUILTIN: LazyLock<PriceTable> = LazyLock::new(|| {
    PriceTable::parse(include_str!("../data/prices.json"))
        .expect("the built-in price table is part of the program, and a test parses it")
});

/// Prices per model and tier.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceTable {
    version: String,
    /// Of several that hold on a day, the last one counts.
    models: BTreeMap<String, Vec<Period>>,
    /// Further names of models, as providers have them.
    aliases: BTreeMap<String, String>,
    credits_per_usd: Option<f64>,
}

/// A model's prices on some days.
#[derive(Debug, Clone, PartialEq)]
struct Period {
    validity: Validity,
    tiers: Tiers,
}

/// A model's prices by the name of the tier.
pub(crate) type Tiers = BTreeMap<String, TierPrices>;

/// Why a text is not a price table.
#[derive(Debug, thiserror::Error)]
pub enum PriceTableError {
    /// It is not JSON, or not of the form that the crate's documentation shows.
    #[error("cannot parse the price table")]
    Parse(#[source] serde_json::Error),
    /// A model cannot be priced when no tier is asked for.
    #[error("model `{model}` has no `standard` tier")]
    NoStandardTier {
        /// The model's name.
        model: String,
    },
    /// A day from which, or until which, prices hold is none.
    #[error("`{0}` is no day such as 2026-07-01")]
    Day(String),
    /// A period ends before it begins.
    #[error("a period ends (`{until}`) before it begins (`{from}`)")]
    EmptyPeriod {
        /// Its first day.
        from: String,
        /// Its last day.
        until: String,
    },
    /// A dollar is no or fewer than no credits.
    #[error("`credits_per_usd` is `{0}`, which is not above zero")]
    Credits(f64),
    /// A price is below zero.
    #[error("model `{model}`, tier `{tier}`: price `{price}` is negative")]
    NegativePrice {
        /// The model's name.
        model: String,
        /// The tier's name.
        tier: String,
        /// The price, in USD per million tokens.
        price: f64,
    },
}

impl PriceTable {
    /// Returns the public prices of OpenAI's API, as they were when this version was built.
    ///
    /// The table is parsed when it is first asked for, once per process.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// Reads a table from the JSON text that the crate's documentation describes.
    pub fn parse(json: &str) -> Result<Self, PriceTableError> {
        let Contents { version, models, periods, aliases, credits_per_usd } =
            file::read(json).map_err(PriceTableError::Parse)?;
        if let Some(credits) = credits_per_usd.filter(|credits| *credits <= 0.0) {
            return Err(PriceTableError::Credits(credits));
        }
        let mut table = Self { version, models: BTreeMap::new(), aliases, credits_per_usd };
        table.add(Validity::default(), models)?;
        for period in periods {
            table.add(validity(period.from, period.until)?, period.models)?;
        }
        Ok(table)
    }

    /// Adds prices that hold on some days.
    fn add(
        &mut self,
        validity: Validity,
        models: BTreeMap<String, Tiers>,
    ) -> Result<(), PriceTableError> {
        for (model, tiers) in models {
            if !tiers.contains_key(STANDARD) {
                return Err(PriceTableError::NoStandardTier { model });
            }
            for (tier, prices) in &tiers {
                if let Some(price) = prices.iter().find(|price| *price < 0.0) {
                    let tier = tier.clone();
                    return Err(PriceTableError::NegativePrice { model, tier, price });
                }
            }
            let period = Period { validity: validity.clone(), tiers };
            self.models.entry(model).or_default().push(period);
        }
        Ok(())
    }

    /// Returns a table with the models and aliases of both, in which those of `over` replace ours.
    ///
    /// A model is replaced as a whole, with all its tiers, on the days for which `over` has prices of it.
    /// The version becomes `ours+over`, unless
    /// `over` has neither and nothing changes.
    pub fn overlay(&self, over: Self) -> Self {
        let mut table = self.clone();
        if !(over.models.is_empty() && over.aliases.is_empty()) {
            table.version = format!("{}+{}", self.version, over.version);
            for (model, periods) in over.models {
                table.models.entry(model).or_default().extend(periods);
            }
            table.aliases.extend(over.aliases);
        }
        table.credits_per_usd = over.credits_per_usd.or(table.credits_per_usd);
        table
    }

    /// Returns how many credits of a plan a US dollar is, where the table says so.
    pub fn credits_per_usd(&self) -> Option<f64> {
        self.credits_per_usd
    }

    /// Returns the name of this state of the prices.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Prices one response of a model, which was complete at a time; `None` when the table does not know
    /// its price at that time.
    ///
    /// `usage` must be that of a single request, because the prices of a long context depend on the
    /// request's size: a sum over requests may cross the threshold when none of them did.
    ///
    /// The model's name must be in the table as it is, or be `<name>-YYYY-MM-DD`. That is no guess:
    /// OpenAI names a model's snapshots that way and sells them at the model's price, and where a
    /// snapshot's price differs the table lists it by its full name, which goes first. Other
    /// prefixes and suffixes name other models. `openai/<name>` is not `<name>` either: the provider that
    /// resells a model sets the price. It is an alias only where the table says so: the built-in one
    /// for what Azure sells at OpenAI's prices, and a user's own for anything else.
    ///
    /// The tier's name must be one of the model's, with these exceptions: `None` (nothing was asked
    /// for), `default` (OpenAI's name for it in requests and responses) and `auto` (the project's
    /// setting decides, which is standard unless it was changed) are `standard`; `fast`, the name
    /// that users see, is `priority`, the name that requests carry. There is no falling back to
    /// `standard`.
    pub fn cost(
        &self,
        model: &str,
        tier: Option<&str>,
        usage: TokenUsage,
        at: UnixSeconds,
    ) -> Option<Cost<'_>> {
        let periods = self.periods(model).or_else(|| self.periods(undated(model)?))?;
        let Period { validity, tiers } =
            periods.iter().rev().find(|period| period.validity.covers(at))?;
        let (tier, prices) = find_tier(tiers, tier.unwrap_or(STANDARD))?;
        let valid_from = validity.from.as_ref().map(|from| &*from.text);
        Some(prices.cost(usage, PriceRow { tier, version: &self.version, valid_from }))
    }
}

impl PriceTable {
    fn periods(&self, name: &str) -> Option<&[Period]> {
        let of_name = self.models.get(name).or_else(|| self.models.get(self.aliases.get(name)?));
        of_name.map(Vec::as_slice)
    }
}

fn validity(from: Option<String>, until: Option<String>) -> Result<Validity, PriceTableError> {
    let day = |text: Option<String>| {
        text.map(|text| Day::parse(&text).ok_or(PriceTableError::Day(text))).transpose()
    };
    let validity = Validity { from: day(from)?, until: day(until)? };
    match validity {
        Validity { from: Some(from), until: Some(until) } if from.number() > until.number() => {
            Err(PriceTableError::EmptyPeriod { from: from.text, until: until.text })
        }
        validity => Ok(validity),
    }
}

/// Returns `<name>` of `<name>-YYYY-MM-DD`.
fn undated(model: &str) -> Option<&str> {
    let (name, date) = model.split_at_checked(model.len().checked_sub("-YYYY-MM-DD".len())?)?;
    let is_date = date.bytes().enumerate().all(|(at, byte)| match at {
        0 | 5 | 8 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    is_date.then_some(name)
}

/// Finds a tier by its own name, else by the one that it is sold under.
fn find_tier<'t>(tiers: &'t Tiers, asked: &str) -> Option<(&'t str, &'t TierPrices)> {
    let sold_as = match asked {
        "default" | "auto" => STANDARD,
        "fast" => "priority",
        other => other,
    };
    let (name, prices) = tiers.get_key_value(asked).or_else(|| tiers.get_key_value(sold_as))?;
    Some((name, prices))
}
