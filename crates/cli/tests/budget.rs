//! Budgets on the command line: what is unknown is no zero, and a slip of the pen is named.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

mod agent;

use std::fs;

use serde_json::Value;

use agent::Agent;

fn check(agent: &Agent) -> (Option<i32>, String) {
    agent.runs(&["report", "--check"], &[])
}

fn allows(agent: &Agent) -> (Option<i32>, String) {
    agent.runs(&["report", "--check=allow-unknown"], &[])
}

#[test]
fn a_check_of_what_has_no_price_ends_with_0_only_when_asked() {
    let agent = Agent::new(3, "a-model-without-a-price", "day: {usd: 5}");
    for ((ended, text), code) in [(check(&agent), 69), (allows(&agent), 0)] {
        assert_eq!(ended, Some(code), "{text}");
        let said = "unknown: $0.00 of $5.00 per day, and 3 calls of a model without a price";
        assert!(text.contains(said), "{text}");
    }
    let over = Agent::new(3, "a-model-without-a-price", "day: {usd: 5, tokens: 3000}");
    assert_eq!(allows(&over).0, Some(1), "what is known is over");
    let broken = Agent::new(1, "gpt-5.5", "day: {usd: 5}");
    let store = broken.home.path().join(".arize/harness/traces.db");
    fs::write(store, "this is no database, whatever its name says\n".repeat(100)).unwrap();
    assert_eq!(check(&broken).0, Some(69));
    assert_eq!(allows(&broken).0, Some(0));
}

#[test]
fn a_budget_in_credits_needs_to_know_what_a_dollar_is() {
    let agent = Agent::new(3, "gpt-5.5", "day: {credits: 100}");
    let (code, text) = check(&agent);
    assert_eq!(code, Some(69), "{text}");
    assert!(text.contains("unknown: 100.00 credits per day, and how many credits"), "{text}");
    let prices = agent.home.path().join(".arize/harness/prices.json");
    fs::write(prices, "{\"version\": \"my plan\", \"credits_per_usd\": 1000}").unwrap();
    let (code, text) = check(&agent);
    assert_eq!(code, Some(0), "{text}");
    let (_, text) = agent.runs(&["budget", "--json"], &[]);
    let json: Value = serde_json::from_str(&text).unwrap();
    let budget = &json["budgets"][0];
    let spent = budget["spent"].as_f64().unwrap();
    assert!(spent > 1.0 && budget["unit"] == "credits", "{budget}");
    assert_eq!(budget["left"].as_f64().unwrap(), 100.0 - spent);
}

#[test]
fn a_slip_of_the_pen_is_refused_or_named_wherever_a_budget_is_set() {
    let agent = Agent::new(1, "gpt-5.5", "dya: {usd: 5}");
    let (code, text) = allows(&agent);
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("budgets.dya` is not a setting (did you mean"), "{text}");
    let clean = Agent::new(1, "gpt-5.5", "");
    for (key, value) in [("day.credit", "5"), ("day.usd", "five"), ("dya.usd", "5")] {
        let key = format!("harnesses.codex.budgets.{key}");
        let (code, text) = clean.runs(&["config", "set", &key, value], &[]);
        assert!(code != Some(0) && text.contains("budgets."), "{key}: {text}");
    }
    let (_, text) = agent.runs(&["budget"], &[]);
    assert!(text.contains("not in force:") && text.contains("dya"), "{text}");
    let (_, text) = agent.runs(&["doctor"], &[]);
    assert!(text.contains("a budget is not in force"), "{text}");
    fs::write(agent.project.join(".arize-codex.yaml"), "budgets: {sesion: {usd: 1}}\n").unwrap();
    let (code, text) = agent.runs(&["budget", "trust"], &[]);
    assert!(code != Some(0) && text.contains("sesion"), "{text}");
}

#[test]
fn a_file_of_a_repository_loses_its_trust_when_it_changes() {
    let agent = Agent::new(1, "gpt-5.5", "");
    let file = agent.project.join(".arize-codex.yaml");
    fs::write(&file, "budgets: {day: {tokens: 500}}\n").unwrap();
    let (code, text) = check(&agent);
    assert_eq!(code, Some(64), "it is not trusted yet: {text}");
    assert_eq!(agent.runs(&["budget", "trust"], &[]).0, Some(0));
    assert_eq!(check(&agent).0, Some(1));
    fs::write(&file, "budgets: {day: {tokens: 5000000}}\n").unwrap();
    assert_eq!(check(&agent).0, Some(64));
    let (_, text) = agent.runs(&["budget"], &[]);
    assert!(text.contains("not trusted, so not in force"), "{text}");
    fs::write(&file, "budgets: {day: {tokens: 500}}\n").unwrap();
    assert_eq!(check(&agent).0, Some(1), "it is as it was trusted");
}
