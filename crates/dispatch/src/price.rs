//! What the model calls of a turn cost.

use std::borrow::Cow;

use codex_config::Paths;
use otlp_model::Turn;
use otlp_model::turn::{Cost, Step, Usage};
use pricing::{PriceTable, TokenUsage, UnixSeconds};
use program_log::chain;

use program_log::Log;

/// The prices that hold for this user. What is wrong with the user's own is logged.
pub fn price_table(paths: &Paths, log: &Log) -> Cow<'static, PriceTable> {
    let (prices, error) = codex_config::prices(paths);
    if let Some(error) = error {
        log.warn(format_args!("{}; going on with the built-in prices", chain(&error)));
    }
    prices
}

/// Prices each model call by itself: a price may depend on the size of one request. What the table
/// does not know stays without a cost.
pub fn price(turn: &mut Turn, prices: &PriceTable) {
    for step in &mut turn.steps {
        let Step::Llm(call) = step else { continue };
        let (Some(model), Some(usage)) = (&call.model, call.usage) else { continue };
        let tier = call.parameters.get("service_tier").and_then(|tier| tier.as_str());
        let end = UnixSeconds::of_nanos(call.end.0);
        let of = |usage| cost(model, tier, usage, end, prices);
        let costs = call.merged.iter().copied().map(of).reduce(sum);
        call.cost = costs.unwrap_or_else(|| of(usage));
    }
}

fn cost(
    model: &str,
    tier: Option<&str>,
    usage: Usage,
    end: UnixSeconds,
    prices: &PriceTable,
) -> Option<Cost> {
    let usage = TokenUsage {
        input: usage.input,
        cached_input: usage.cached_input,
        cache_write_input: usage.cache_write_input,
        output: usage.output,
    };
    prices.cost(model, tier, usage, end).map(|cost| Cost {
        input: cost.input,
        cached_input: cost.cached_input,
        cache_write: cost.cache_write,
        output: cost.output,
        tier: cost.tier.to_owned(),
        table: cost.price_version(),
    })
}

fn sum(one: Option<Cost>, other: Option<Cost>) -> Option<Cost> {
    let (one, other) = (one?, other?);
    Some(Cost {
        input: one.input + other.input,
        cached_input: one.cached_input + other.cached_input,
        cache_write: one.cache_write + other.cache_write,
        output: one.output + other.output,
        ..one
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_wrong_with_the_users_prices_is_said() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        fs::create_dir_all(&paths.harness_home).unwrap();
        fs::write(paths.harness_home.join("prices.json"), "{\n  \"models\": nothing\n}").unwrap();
        let file = home.path().join("log");
        assert_eq!(*price_table(&paths, &Log::new(file.clone(), false)), *PriceTable::builtin());
        let log = fs::read_to_string(file).unwrap();
        assert!(log.contains("prices.json`: cannot parse") && log.contains("line 2"), "{log}");
    }
}
