//! The price table's file, the built-in one and a user's own.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::error::Error;

use pricing::{PriceTable, TokenUsage, UnixSeconds};
use serde_json::Value;

const USAGE: TokenUsage =
    TokenUsage { input: 1_000_000, cached_input: 0, cache_write_input: 0, output: 1_000_000 };

#[track_caller]
fn parse(version: &str, models: &str) -> PriceTable {
    PriceTable::parse(&format!(r#"{{"version": "{version}", "models": {models}}}"#)).unwrap()
}

/// Compares the error of a table, with its sources.
#[track_caller]
fn check_error(json: &str, expected: &str) {
    let error = PriceTable::parse(json).unwrap_err();
    let chain = std::iter::successors(Some(&error as &dyn Error), |error| (*error).source());
    assert_eq!(chain.map(ToString::to_string).collect::<Vec<_>>().join(": "), expected);
}

/// 2026-11-30.
const NOW: UnixSeconds = UnixSeconds(20_787 * DAY);

const DAY: i64 = 24 * 60 * 60;

fn price_at(table: &PriceTable, model: &str, tier: Option<&str>, at: UnixSeconds) -> Option<f64> {
    table.cost(model, tier, USAGE, at).map(|cost| cost.total())
}

/// Returns what a million tokens in and a million out cost, in USD.
fn price(table: &PriceTable, model: &str, tier: Option<&str>) -> Option<f64> {
    price_at(table, model, tier, NOW)
}

#[test]
fn the_built_in_file_holds_prices_and_nothing_else() {
    let file: Value = serde_json::from_str(include_str!("../data/prices.json")).unwrap();
    let version = file["version"].as_str().unwrap();
    assert_eq!(PriceTable::builtin().version(), version);
    assert_eq!(version.len(), "YYYY-MM-DD".len());
    assert!(!file["sources"].as_array().unwrap().is_empty());

    let models = file["models"].as_object().unwrap();
    assert!(models.len() > 60, "only {} models", models.len());
    let mut prices = 0;
    for (model, tiers) in models {
        assert!(tiers.get("standard").is_some(), "{model} has no standard tier");
        for (tier, of_tier) in tiers.as_object().unwrap() {
            let long = of_tier.get("long_context").and_then(Value::as_object);
            for (kind, price) in
                of_tier.as_object().unwrap().iter().chain(long.into_iter().flatten())
            {
                if kind != "long_context" && kind != "above_tokens" {
                    let price = price.as_f64().unwrap();
                    assert!(price.is_finite() && price >= 0.0, "{model} {tier} {kind}: {price}");
                    prices += 1;
                }
            }
            assert!(price(PriceTable::builtin(), model, Some(tier)).unwrap() > 0.0);
        }
    }
    assert!(prices > 300, "only {prices} prices");
}

#[test]
fn the_built_in_file_lists_a_snapshot_only_for_a_price_of_its_own() {
    // Else a user's price of a model would not reach the snapshot.
    let file: Value = serde_json::from_str(include_str!("../data/prices.json")).unwrap();
    let models = file["models"].as_object().unwrap();
    for (model, tiers) in models {
        let name = model.len().checked_sub("-YYYY-MM-DD".len()).and_then(|end| model.get(..end));
        assert_ne!(name.and_then(|name| models.get(name)), Some(tiers), "{model}");
    }
}

#[test]
fn a_table_of_ones_own_prices_its_models() {
    let models = r#"{"mine": {
        "standard": {"input": 2, "output": 3},
        "night": {"input": 1, "output": 1,
            "long_context": {"above_tokens": 10, "input": 4, "output": 5}}
    }}"#;
    let table = parse("v1", models);
    assert_eq!(price(&table, "mine", None), Some(5.0));
    assert_eq!(price(&table, "mine", Some("night")), Some(9.0));
    assert_eq!(price(&table, "mine", Some("fast")), None);
    assert_eq!(price(&table, "gpt-5", None), None);
    let cost = table.cost("mine", None, USAGE, NOW).unwrap();
    assert_eq!((cost.table_version, &*cost.price_version()), ("v1", "v1"));
}

#[test]
fn a_tier_that_has_an_aliass_name_goes_first() {
    let rates = |price: u8| format!(r#"{{"input": {price}, "output": 0}}"#);
    let [standard, priority, fast] = [1, 2, 3].map(rates);
    let models = format!(
        r#"{{"mine": {{"standard": {standard}, "priority": {priority}, "fast": {fast}}}}}"#
    );
    let table = parse("v1", &models);
    assert_eq!(price(&table, "mine", Some("fast")), Some(3.0));
    assert_eq!(price(&table, "mine", Some("priority")), Some(2.0));
    assert_eq!(price(&table, "mine", Some("auto")), Some(1.0));
}

#[test]
fn an_overlay_replaces_models_as_a_whole() {
    let builtin = PriceTable::builtin();
    let models = r#"{
        "gpt-5": {"standard": {"input": 1, "output": 1}},
        "openai/gpt-5": {"standard": {"input": 2, "output": 2}}
    }"#;
    let table = builtin.overlay(parse("mine", models));
    assert_eq!(price(&table, "gpt-5", None), Some(2.0));
    assert_eq!(price(&table, "gpt-5-2025-08-07", None), Some(2.0));
    assert_eq!(price(&table, "gpt-5", Some("priority")), None);
    assert_eq!(price(&table, "openai/gpt-5", None), Some(4.0));
    assert_eq!(price(&table, "o3", None), price(builtin, "o3", None));
    assert_eq!(table.version(), format!("{}+mine", builtin.version()));
}

#[test]
fn a_model_has_the_names_that_the_table_gives_it() {
    let builtin = PriceTable::builtin();
    let check = |table: &PriceTable, name: &str, same_as: Option<&str>| {
        let expected = same_as.map(|model| price(builtin, model, None).unwrap());
        assert_eq!(price(table, name, None), expected, "{name}");
    };
    check(builtin, "azure/gpt-6-sol", Some("gpt-6-sol"));
    check(builtin, "azure/gpt-6-sol-2026-09-22", Some("gpt-6-sol"));
    // In a region it costs more, and a reseller may ask for any price.
    let others = ["azure/eu/gpt-5", "us.openai.gpt-6-sol", "openai/gpt-5.5", "openrouter/o3"];
    others.iter().for_each(|name| check(builtin, name, None));

    let own = PriceTable::parse(
        r#"{"version": "mine", "aliases": {"openai/gpt-5.5": "gpt-5.5", "gpt-5": "o3",
            "twice": "openai/gpt-5.5", "nowhere": "no-model"}}"#,
    );
    let table = builtin.overlay(own.unwrap());
    check(&table, "openai/gpt-5.5", Some("gpt-5.5"));
    check(&table, "gpt-5", Some("gpt-5"));
    check(&table, "twice", None);
    check(&table, "nowhere", None);
    check(&table, "azure/gpt-6-sol", Some("gpt-6-sol"));
    assert_eq!(table.version(), format!("{}+mine", builtin.version()));
}

#[test]
fn an_overlay_without_models_changes_nothing() {
    let builtin = PriceTable::builtin();
    assert_eq!(&builtin.overlay(parse("empty", "{}")), builtin);
}

/// Yesterday keeps yesterday's price.
#[test]
fn prices_hold_on_their_days() {
    let file = r#"{
        "version": "acme",
        "credits_per_usd": 25,
        "models": {"m": {"standard": {"input": 1, "output": 0}}},
        "periods": [
            {"from": "2026-11-29", "models": {"m": {"standard": {"input": 2, "output": 0}}}},
            {"from": "2026-11-30", "until": "2026-11-30", "models": {
                "m": {"standard": {"input": 3, "output": 0}},
                "gpt-5": {"standard": {"input": 4, "output": 0}}
            }}
        ]
    }"#;
    let own = PriceTable::parse(file).unwrap();
    let builtin = PriceTable::builtin();
    let table = builtin.overlay(own.clone());
    assert_eq!((builtin.credits_per_usd(), table.credits_per_usd()), (None, Some(25.0)));
    let at = |days: i64, seconds: i64| UnixSeconds(NOW.0 + days * DAY + seconds);
    for (time, expected, version) in [
        (at(-2, DAY - 1), 1.0, "acme"),
        (at(-1, 0), 2.0, "acme@2026-11-29"),
        (at(0, 0), 3.0, "acme@2026-11-30"),
        (at(0, DAY - 1), 3.0, "acme@2026-11-30"),
        (at(1, 0), 2.0, "acme@2026-11-29"),
    ] {
        assert_eq!(price_at(&table, "m", None, time), Some(expected), "{time:?}");
        assert_eq!(own.cost("m", None, USAGE, time).unwrap().price_version(), version);
    }
    // A contract of a day: before and after it, the list holds.
    assert_eq!(price_at(&table, "gpt-5", None, NOW), Some(4.0));
    let list = price(builtin, "gpt-5", None);
    assert!(list.is_some());
    for day in [-1, 1] {
        let list = price_at(builtin, "gpt-5", None, at(day, 0));
        assert_eq!(price_at(&table, "gpt-5", None, at(day, 0)), list);
        assert_eq!(price_at(&own, "gpt-5", None, at(day, 0)), None);
    }
}

#[test]
fn a_wrong_table_is_refused() {
    let period =
        |bounds: &str| format!(r#"{{"version": "1", "periods": [{{{bounds}, "models": {{}}}}]}}"#);
    check_error(&period(r#""from": "2026-02-30""#), "`2026-02-30` is no day such as 2026-07-01");
    check_error(
        &period(r#""from": "2026-02-02", "until": "2026-02-01""#),
        "a period ends (`2026-02-01`) before it begins (`2026-02-02`)",
    );
    check_error(
        r#"{"version": "1", "credits_per_usd": 0}"#,
        "`credits_per_usd` is `0`, which is not above zero",
    );
    check_error("not JSON", "cannot parse the price table: expected ident at line 1 column 2");
    check_error(
        r#"{"version": "1", "models": {"m": {"standard": {"input": 1}}}}"#,
        "cannot parse the price table: missing field `output` at line 1 column 58",
    );
    check_error(
        r#"{"version": "1", "models": {"m": {"standard": {"input": 1, "output": 1, "cached": 1}}}}"#,
        "cannot parse the price table: unknown field `cached`, expected one of `input`, \
         `cached_input`, `cache_write`, `output`, `long_context` at line 1 column 80",
    );
    check_error(
        r#"{"version": "1", "models": {"m": {"priority": {"input": 1, "output": 1}}}}"#,
        "model `m` has no `standard` tier",
    );
    check_error(
        r#"{"version": "1", "models": {"m": {"standard": {"input": 1, "output": 1,
            "long_context": {"above_tokens": 1, "input": 1, "cached_input": -0.5, "output": 1}}}}}"#,
        "model `m`, tier `standard`: price `-0.5` is negative",
    );
}
