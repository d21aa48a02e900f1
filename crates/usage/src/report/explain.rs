//! How an amount comes about.

use pricing::{PriceTable, TokenUsage, UnixSeconds};
use trace_store::usage::{PicoUsd, Rate, Sums};

/// How the amount of calls of one rate comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivation {
    /// Tokens of each kind, with their prices; none where these were not noted.
    pub parts: Vec<Part>,
    /// The amount of the calls.
    pub amount: PicoUsd,
}

/// Tokens of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which tokens: `input` (neither cached nor written to the cache), `cached input`, `cache write`
    /// or `output`.
    pub kind: &'static str,
    /// How many.
    pub tokens: i64,
    /// What one costs.
    pub unit: PicoUsd,
    /// What they cost.
    pub amount: PicoUsd,
}

impl Derivation {
    /// How the amount comes about of calls of a rate that has a price. Parts are only given where they
    /// add up to what was recorded of each call.
    pub fn of(rate: &Rate, sums: Sums) -> Self {
        let units = rate.units;
        let plain = sums.input - sums.cached_input - sums.cache_write_input;
        let parts = [
            ("input", plain, units.input),
            ("cached input", sums.cached_input, units.cached_input),
            ("cache write", sums.cache_write_input, units.cache_write),
            ("output", sums.output, units.output),
        ];
        let parts = parts.map(|(kind, tokens, unit)| Part {
            kind,
            tokens,
            unit,
            amount: PicoUsd(tokens.saturating_mul(unit.0)),
        });
        let sum = parts.iter().fold(0_i64, |sum, part| sum.saturating_add(part.amount.0));
        // Each call's amount was rounded to a trillionth.
        let adds_up = (sum - sums.cost.0).abs() <= sums.calls;
        let parts = parts.into_iter().filter(|part| part.tokens != 0);
        Self { parts: if adds_up { parts.collect() } else { Vec::new() }, amount: sums.cost }
    }
}

/// Why calls have no price.
pub fn unpriced_reason(rate: &Rate, table: &PriceTable, at: UnixSeconds) -> String {
    let is_priced = |tier| table.cost(&rate.model, tier, TokenUsage::default(), at).is_some();
    match (&*rate.model, &*rate.tier) {
        ("", _) => "no source names the model".to_owned(),
        (_, tier) if is_priced(Some(tier).filter(|tier| !tier.is_empty())) => {
            "the table had no price when the call was imported; `--prices current` uses today's table"
                .to_owned()
        }
        (model, tier) if is_priced(None) => {
            format!("no price is known for tier `{tier}` of `{model}`")
        }
        (model, _) => format!("no price is known for `{model}`"),
    }
}

#[cfg(test)]
mod tests {
    use trace_store::usage::UnitPrices;

    use super::*;

    fn rate(model: &str, tier: &str) -> Rate {
        Rate { model: model.to_owned(), tier: tier.to_owned(), ..Rate::default() }
    }

    #[test]
    fn parts_add_up_or_are_left_out() {
        let units = UnitPrices {
            input: PicoUsd(5),
            cached_input: PicoUsd(1),
            cache_write: PicoUsd(7),
            output: PicoUsd(30),
        };
        let rate = Rate { units, prices: Some("v1".to_owned()), ..rate("m", "standard") };
        let sums = Sums {
            calls: 2,
            input: 100,
            cached_input: 60,
            output: 10,
            reasoning_output: 4,
            cost: PicoUsd(40 * 5 + 60 + 300),
            ..Sums::default()
        };
        let found = Derivation::of(&rate, sums);
        let parts: Vec<(&str, i64, i64)> =
            found.parts.iter().map(|part| (part.kind, part.tokens, part.amount.0)).collect();
        assert_eq!(parts, [("input", 40, 200), ("cached input", 60, 60), ("output", 10, 300)]);
        // Recorded before prices of tokens were noted.
        let old = Rate { units: UnitPrices::default(), ..rate };
        assert_eq!(Derivation::of(&old, sums).parts, []);
    }

    #[test]
    fn what_has_no_price_has_a_reason() {
        let table = PriceTable::builtin();
        let reason = |rate| unpriced_reason(&rate, table, UnixSeconds(1_795_000_000));
        assert_eq!(reason(rate("", "")), "no source names the model");
        assert_eq!(reason(rate("acme-1", "fast")), "no price is known for `acme-1`");
        assert_eq!(
            reason(rate("gpt-4", "ultrafast")),
            "no price is known for tier `ultrafast` of `gpt-4`"
        );
        assert!(reason(rate("gpt-4", "")).contains("--prices current"));
    }
}
