//! The price table: where a model's name and a tier lead to prices.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::cost::{Cost, TierPrices, TokenUsage};
use crate::file::{self, Contents};

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
    models: BTreeMap<String, Tiers>,
    /// Further names of models, as providers have them.
    aliases: BTreeMap<String, String>,
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
        let Contents { version, models, aliases } =
            file::read(json).map_err(PriceTableError::Parse)?;
        for (model, tiers) in &models {
            if !tiers.contains_key(STANDARD) {
                return Err(PriceTableError::NoStandardTier { model: model.clone() });
            }
            for (tier, prices) in tiers {
                if let Some(price) = prices.iter().find(|price| *price < 0.0) {
                    let (model, tier) = (model.clone(), tier.clone());
                    return Err(PriceTableError::NegativePrice { model, tier, price });
                }
            }
        }
        Ok(Self { version, models, aliases })
    }

    /// Returns a table with the models and aliases of both, in which those of `over` replace ours.
    ///
    /// A model is replaced as a whole, with all its tiers. The version becomes `ours+over`, unless
    /// `over` has neither and nothing changes.
    pub fn overlay(&self, over: Self) -> Self {
        let mut table = self.clone();
        if !(over.models.is_empty() && over.aliases.is_empty()) {
            table.version = format!("{}+{}", self.version, over.version);
            table.models.extend(over.models);
            table.aliases.extend(over.aliases);
        }
        table
    }

    /// Returns the name of this state of the prices.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Prices one response of a model; `None` when the table does not know its price.
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
    pub fn cost(&self, model: &str, tier: Option<&str>, usage: TokenUsage) -> Option<Cost<'_>> {
        let tiers = self.tiers(model).or_else(|| self.tiers(undated(model)?))?;
        let (tier, prices) = find_tier(tiers, tier.unwrap_or(STANDARD))?;
        Some(prices.cost(usage, tier, &self.version))
    }
}

impl PriceTable {
    fn tiers(&self, name: &str) -> Option<&Tiers> {
        self.models.get(name).or_else(|| self.models.get(self.aliases.get(name)?))
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
