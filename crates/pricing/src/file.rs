//! The form of a price table's file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::cost::{LongContext, Rates, TierPrices};
use crate::table::Tiers;

/// What a file says; the prices may be any numbers.
pub(crate) struct Contents {
    pub(crate) version: String,
    pub(crate) models: BTreeMap<String, Tiers>,
    pub(crate) periods: Vec<PeriodText>,
    pub(crate) aliases: BTreeMap<String, String>,
    pub(crate) credits_per_usd: Option<f64>,
}

/// Prices of some days; the bounds as the file has them.
pub(crate) struct PeriodText {
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) models: BTreeMap<String, Tiers>,
}

pub(crate) fn read(json: &str) -> serde_json::Result<Contents> {
    let file: PriceFile = serde_json::from_str(json)?;
    let PriceFile { version, models, periods, aliases, credits_per_usd, .. } = file;
    let periods = periods.into_iter().map(|Period { from, until, models }| PeriodText {
        from,
        until,
        models: prices(models),
    });
    let periods = periods.collect();
    Ok(Contents { version, models: prices(models), periods, aliases, credits_per_usd })
}

type Models = BTreeMap<String, BTreeMap<String, Tier>>;

fn prices(models: Models) -> BTreeMap<String, Tiers> {
    let tiers = |tiers: BTreeMap<_, Tier>| tiers.into_iter().map(|(k, v)| (k, v.into())).collect();
    models.into_iter().map(|(name, of_model)| (name, tiers(of_model))).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    version: String,
    #[serde(default, rename = "sources")]
    _sources: IgnoredAny,
    #[serde(default)]
    models: Models,
    #[serde(default)]
    periods: Vec<Period>,
    #[serde(default)]
    aliases: BTreeMap<String, String>,
    credits_per_usd: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    from: Option<String>,
    until: Option<String>,
    models: Models,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    input: f64,
    cached_input: Option<f64>,
    cache_write: Option<f64>,
    output: f64,
    long_context: Option<Long>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    above_tokens: u64,
    input: f64,
    cached_input: Option<f64>,
    cache_write: Option<f64>,
    output: f64,
}

impl From<Tier> for TierPrices {
    fn from(tier: Tier) -> Self {
        let Tier { input, cached_input, cache_write, output, long_context } = tier;
        let plain = Rates { input, cached_input, cache_write, output };
        Self { plain, long_context: long_context.map(Into::into) }
    }
}

impl From<Long> for LongContext {
    fn from(long: Long) -> Self {
        let Long { above_tokens, input, cached_input, cache_write, output } = long;
        Self { above_tokens, rates: Rates { input, cached_input, cache_write, output } }
    }
}
