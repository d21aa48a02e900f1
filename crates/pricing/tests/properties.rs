//! What holds for every price and every count.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::sync::LazyLock;

use pricing::{Cost, PriceTable, TokenUsage, UnixSeconds};
use proptest::prelude::*;
use serde_json::Value;

/// Every model and tier of the built-in table.
static SOLD: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let file: Value = serde_json::from_str(include_str!("../data/prices.json")).unwrap();
    let models = file["models"].as_object().unwrap().iter();
    let tiers = models.flat_map(|(model, tiers)| {
        tiers.as_object().unwrap().keys().map(|tier| (model.clone(), tier.clone()))
    });
    tiers.collect()
});

/// Counts around the threshold of a long context, consistent or not.
fn usage() -> impl Strategy<Value = TokenUsage> {
    let count = || 0..600_000_u64;
    (count(), count(), count(), count()).prop_map(|(input, cached, written, output)| TokenUsage {
        input,
        cached_input: cached,
        cache_write_input: written,
        output,
    })
}

fn cost((model, tier): &(String, String), usage: TokenUsage) -> Cost<'static> {
    PriceTable::builtin().cost(model, Some(tier), usage, UnixSeconds(0)).unwrap()
}

fn parts(cost: &Cost<'_>) -> [f64; 4] {
    [cost.input, cost.cached_input, cost.cache_write, cost.output]
}

proptest! {
    #[test]
    fn no_amount_is_negative_or_endless(sold in sold(), counts: [u64; 4]) {
        let [input, cached_input, cache_write_input, output] = counts;
        let usage = TokenUsage { input, cached_input, cache_write_input, output };
        let cost = cost(&sold, usage);
        prop_assert!(parts(&cost).iter().all(|part| part.is_finite() && *part >= 0.0), "{cost:?}");
    }

    #[test]
    fn the_total_is_the_sum_of_its_parts(sold in sold(), usage in usage()) {
        let cost = cost(&sold, usage);
        prop_assert_eq!(cost.total(), parts(&cost).iter().sum::<f64>());
    }

    #[test]
    fn more_tokens_do_not_cost_less(sold in sold(), usage in usage(), more in 0..100_000_u64) {
        let of_less = cost(&sold, usage);
        let of_output = cost(&sold, TokenUsage { output: usage.output + more, ..usage });
        prop_assert!(of_output.total() >= of_less.total());

        let of_input = cost(&sold, TokenUsage { input: usage.input + more, ..usage });
        if of_input.long_context == of_less.long_context {
            prop_assert!(of_input.total() >= of_less.total());
        } else {
            prop_assert!(of_input.long_context, "a longer request has left the long context");
        }
    }

    /// OpenAI sells reading from the cache below the price of input, and writing to it above.
    #[test]
    fn reading_from_the_cache_saves_and_writing_costs(
        sold in sold(), usage in usage(), more in 0..100_000_u64,
    ) {
        const ROUNDING: f64 = 1e-9;
        let total = cost(&sold, usage).total();
        let read = TokenUsage { cached_input: usage.cached_input + more, ..usage };
        prop_assert!(cost(&sold, read).total() <= total + ROUNDING);
        let written = TokenUsage { cache_write_input: usage.cache_write_input + more, ..usage };
        prop_assert!(cost(&sold, written).total() >= total - ROUNDING);
    }

    #[test]
    fn no_name_or_file_is_too_odd(model in ".*", tier in ".*", json in ".*") {
        prop_assert!(PriceTable::parse(&json).is_err());
        let cost = PriceTable::builtin().cost(&model, Some(&tier), TokenUsage::default(), UnixSeconds(0));
        prop_assert_eq!(cost, None);
    }
}

fn sold() -> impl Strategy<Value = (String, String)> {
    prop::sample::select(SOLD.as_slice())
}
