//! What responses cost by the built-in table. The amounts were computed by hand.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use pricing::{Cost, PriceTable, TokenUsage, UnixSeconds};

/// Takes `model tier input cached written output`, where `-` is no tier.
#[track_caller]
fn check(request: &str, expected: &str) {
    let words: Vec<&str> = request.split(' ').collect();
    let [model, tier, counts @ ..] = &words[..] else { panic!("no model and tier: {request}") };
    let count = |at: usize| counts[at].parse().unwrap();
    let usage = TokenUsage {
        input: count(0),
        cached_input: count(1),
        cache_write_input: count(2),
        output: count(3),
    };
    let tier = Some(*tier).filter(|tier| *tier != "-");
    let cost = PriceTable::builtin().cost(model, tier, usage, UnixSeconds(0));
    assert_eq!(cost.map_or("none".to_owned(), |cost| show(&cost)), expected, "{request}");
}

/// Writes `input + cached + written + output = total`, the tier, and whether the request was long.
fn show(cost: &Cost<'_>) -> String {
    let parts = [cost.input, cost.cached_input, cost.cache_write, cost.output];
    let long = if cost.long_context { " long" } else { "" };
    format!("{} = {} {}{long}", parts.map(usd).join(" + "), usd(cost.total()), cost.tier)
}

fn usd(amount: f64) -> String {
    let digits = format!("{amount:.9}");
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[test]
fn cached_tokens_have_their_own_price() {
    check("gpt-5-codex - 10000 8000 0 500", "0.0025 + 0.001 + 0 + 0.005 = 0.0085 standard");
    check("gpt-5.1-codex-mini - 1000000 0 0 1000000", "0.25 + 0 + 0 + 2 = 2.25 standard");
    check("gpt-6.1-sol - 1000 1000 0 0", "0 + 0.0001 + 0 + 0 = 0.0001 standard");
    check(
        "codex-mini-latest - 4000 1000 0 1000",
        "0.0045 + 0.000375 + 0 + 0.006 = 0.010875 standard",
    );
}

#[test]
fn written_tokens_have_their_own_price() {
    check("gpt-5.6-sol - 100000 60000 30000 2000", "0.04 + 0.024 + 0.15 + 0.04 = 0.254 standard");
    check("gpt-5.6-luna flex 272000 0 272000 0", "0 + 0 + 0.034 + 0 = 0.034 flex");
}

#[test]
fn tokens_without_a_price_of_their_own_are_plain_input() {
    // No price of cached tokens, none of written ones, neither.
    check("gpt-5.4-pro - 10000 5000 0 100", "0.3 + 0 + 0 + 0.018 = 0.318 standard");
    check("gpt-4.1 - 1000 400 600 0", "0.0012 + 0.0002 + 0 + 0 = 0.0014 standard");
    check("o3-pro - 1000 500 500 0", "0.02 + 0 + 0 + 0 = 0.02 standard");
}

#[test]
fn a_tier_has_its_own_prices() {
    check("gpt-5 - 10000 4000 0 1000", "0.0075 + 0.0005 + 0 + 0.01 = 0.018 standard");
    check("gpt-5 flex 10000 4000 0 1000", "0.00375 + 0.00025 + 0 + 0.005 = 0.009 flex");
    check("gpt-5 priority 10000 4000 0 1000", "0.015 + 0.001 + 0 + 0.02 = 0.036 priority");
    check("gpt-5.3-codex priority 2000 0 0 100", "0.007 + 0 + 0 + 0.0028 = 0.0098 priority");
    check("gpt-5.5 priority 1000 0 0 1000", "0.0125 + 0 + 0 + 0.075 = 0.0875 priority");
    check("o3 priority 1000 400 0 200", "0.0021 + 0.00035 + 0 + 0.0028 = 0.00525 priority");
    check("o4-mini flex 1000 1000 0 1000", "0 + 0.000138 + 0 + 0.0022 = 0.002338 flex");
    check(
        "gpt-6-astra ultrafast 1000 500 100 10",
        "0.024 + 0.003 + 0.0075 + 0.003 = 0.0375 ultrafast",
    );
}

#[test]
fn a_tier_may_go_by_another_name() {
    for name in ["-", "standard", "default", "auto"] {
        let request = format!("gpt-5 {name} 10000 4000 0 1000");
        check(&request, "0.0075 + 0.0005 + 0 + 0.01 = 0.018 standard");
    }
    check("gpt-5 fast 10000 4000 0 1000", "0.015 + 0.001 + 0 + 0.02 = 0.036 priority");
}

#[test]
fn a_tier_without_a_price_has_no_cost() {
    check("gpt-5 ultrafast 1000 0 0 0", "none");
    check("gpt-5 batches 1000 0 0 0", "none");
    check("gpt-5 scale 1000 0 0 0", "none");
    check("gpt-5 Priority 1000 0 0 0", "none");
    check("gpt-5  1000 0 0 0", "none");
    // Sold, but its price was never published.
    check("gpt-5.1-codex priority 1000 0 0 0", "none");
    check("gpt-5.1-codex fast 1000 0 0 0", "none");
}

#[test]
fn a_long_request_is_dearer_as_a_whole() {
    check("gpt-5.4 - 272000 200000 0 1000", "0.18 + 0.05 + 0 + 0.015 = 0.245 standard");
    check("gpt-5.4 - 272001 200000 0 1000", "0.360005 + 0.1 + 0 + 0.0225 = 0.482505 standard long");
    check(
        "gpt-5.6-terra priority 300000 100000 100000 10000",
        "0.8 + 0.08 + 1 + 0.36 = 2.24 priority long",
    );
    check(
        "gpt-6-luna - 500000 400000 50000 8000",
        "0.01 + 0.008 + 0.0125 + 0.006 = 0.0365 standard long",
    );
    // The output does not make a request long.
    check("gpt-5.4 - 272000 0 0 128000", "0.68 + 0 + 0 + 1.92 = 2.6 standard");
}

#[test]
fn a_tier_without_long_prices_keeps_its_own() {
    check("gpt-5.4 priority 272001 0 0 0", "1.360005 + 0 + 0 + 0 = 1.360005 priority");
    check("gpt-5 - 300000 0 0 0", "0.375 + 0 + 0 + 0 = 0.375 standard");
}

#[test]
fn a_snapshot_has_the_price_of_its_model_unless_it_has_its_own() {
    check("gpt-5.4-2026-03-05 - 1000 0 0 0", "0.0025 + 0 + 0 + 0 = 0.0025 standard");
    check("gpt-5.4-2027-01-31 flex 1000 0 0 0", "0.00125 + 0 + 0 + 0 = 0.00125 flex");
    check(
        "gpt-4o-2024-08-06 - 1000 500 0 1000",
        "0.00125 + 0.000625 + 0 + 0.01 = 0.011875 standard",
    );
    check("gpt-4o-2024-05-13 - 1000 500 0 1000", "0.005 + 0 + 0 + 0.015 = 0.02 standard");
}

#[test]
fn a_similar_name_is_another_model() {
    for model in [
        "",
        "gpt",
        "gpt-5.4-codex",
        "gpt-5.9-codex",
        "gpt-5.3-codex-spark",
        "codex-auto-review",
        "GPT-5.4",
        "openai/gpt-5.4",
        "azure/gpt-5.4",
        "ft:gpt-4.1",
        "gpt-5.4-2026-3-5",
        "gpt-5.4-20260305",
        "gpt-5.4-2026-03-0x",
        "gpt-5.4_2026-03-05",
        "gpt-5.4-2026-03-05-codex",
        "gpt-5.4-2026-03-05-2026-03-05",
        "gpt-5.9-2026-03-05",
        "-2026-03-05",
        "gpt-5.4é2026-03-05",
        "gpt-5.4-é026-03-05",
    ] {
        check(&format!("{model} - 1000 0 0 0"), "none");
    }
}

#[test]
fn parts_beyond_the_whole_are_not_charged() {
    check("gpt-5.6 - 100 80 80 0", "0 + 0.000032 + 0.0001 + 0 = 0.000132 standard");
    check("gpt-5.6 - 100 500 80 0", "0 + 0.00004 + 0 + 0 = 0.00004 standard");
    check("gpt-5.6 - 0 0 0 0", "0 + 0 + 0 + 0 = 0 standard");
}
