//! From token counts and prices to an amount.

/// The tokens of one response and its request.
///
/// The cached and the written tokens are part of `input`, and the tokens of reasoning are part of
/// `output`: nothing is to be added to either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenUsage {
    /// All tokens of the request.
    pub input: u64,
    /// Those of `input` that were read from the provider's cache.
    pub cached_input: u64,
    /// Those of `input` that were written to the provider's cache.
    pub cache_write_input: u64,
    /// All tokens of the response.
    pub output: u64,
}

/// What a response cost, in USD, and how the amount came about.
///
/// Amounts are not rounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost<'t> {
    /// For input tokens at the plain price: neither cached nor written to the cache, or of a model
    /// without a price of its own for those.
    pub input: f64,
    /// For input tokens read from the cache.
    pub cached_input: f64,
    /// For input tokens written to the cache.
    pub cache_write: f64,
    /// For output tokens.
    pub output: f64,
    /// The tier whose prices were used, by its name in the table.
    pub tier: &'t str,
    /// Whether the prices were those of a long context.
    pub long_context: bool,
    /// The version of the table.
    pub table_version: &'t str,
    /// The first day (UTC) on which these prices hold, where the table says so.
    pub valid_from: Option<&'t str>,
    /// The prices that were used.
    pub prices: UnitPrices,
}

/// Prices in USD per million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitPrices {
    /// Of input that is neither of the next two.
    pub input: f64,
    /// Of input that was read from the cache; that of input where the model has none of its own.
    pub cached_input: f64,
    /// Of input that was written to the cache; that of input where the model has none of its own.
    pub cache_write: f64,
    /// Of output.
    pub output: f64,
}

impl Cost<'_> {
    /// Returns the whole amount, in USD.
    pub fn total(&self) -> f64 {
        self.input + self.cached_input + self.cache_write + self.output
    }

    /// Returns the name of the prices: the version of the table, and from when they hold where it
    /// says so (`2026-11-21@2026-07-01`).
    pub fn price_version(&self) -> String {
        match self.valid_from {
            Some(from) => format!("{}@{from}", self.table_version),
            None => self.table_version.to_owned(),
        }
    }
}

/// Where prices stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PriceRow<'t> {
    pub(crate) tier: &'t str,
    pub(crate) version: &'t str,
    pub(crate) valid_from: Option<&'t str>,
}

/// What a tier of a model charges.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TierPrices {
    pub(crate) plain: Rates,
    pub(crate) long_context: Option<LongContext>,
}

/// The prices of a request with more than `above_tokens` input tokens; all its tokens have them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LongContext {
    pub(crate) above_tokens: u64,
    pub(crate) rates: Rates,
}

/// Prices in USD per million tokens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rates {
    pub(crate) input: f64,
    pub(crate) cached_input: Option<f64>,
    pub(crate) cache_write: Option<f64>,
    pub(crate) output: f64,
}

impl TierPrices {
    /// Prices a usage; `of` says what the amount is by.
    pub(crate) fn cost<'t>(&self, usage: TokenUsage, of: PriceRow<'t>) -> Cost<'t> {
        let long = self.long_context.as_ref().filter(|long| usage.input > long.above_tokens);
        let rates = long.map_or(&self.plain, |long| &long.rates);

        // Parts cannot be more than the whole: if counts contradict each other, `input` is right.
        let mut plain = usage.input;
        let mut charge = |tokens: u64, rate: Option<f64>| {
            let Some(rate) = rate else { return 0.0 };
            let tokens = tokens.min(plain);
            plain -= tokens;
            usd(tokens, rate)
        };
        let cached_input = charge(usage.cached_input, rates.cached_input);
        let cache_write = charge(usage.cache_write_input, rates.cache_write);
        Cost {
            input: usd(plain, rates.input),
            cached_input,
            cache_write,
            output: usd(usage.output, rates.output),
            tier: of.tier,
            long_context: long.is_some(),
            table_version: of.version,
            valid_from: of.valid_from,
            prices: UnitPrices {
                input: rates.input,
                cached_input: rates.cached_input.unwrap_or(rates.input),
                cache_write: rates.cache_write.unwrap_or(rates.input),
                output: rates.output,
            },
        }
    }

    /// All prices, in USD per million tokens.
    pub(crate) fn iter(&self) -> impl Iterator<Item = f64> {
        let long = self.long_context.as_ref().map(|long| &long.rates);
        std::iter::once(&self.plain).chain(long).flat_map(|rates| {
            let Rates { input, cached_input, cache_write, output } = *rates;
            [Some(input), cached_input, cache_write, Some(output)].into_iter().flatten()
        })
    }
}

fn usd(tokens: u64, per_million: f64) -> f64 {
    tokens as f64 * per_million / 1e6
}
