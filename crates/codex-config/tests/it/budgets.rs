//! Budgets in the settings and in a repository's file.

use budget::{Limit, Origin, Policy, Scope, Unit};
use codex_config::{Budgets, ConfigTexts, Environment, Paths, Settings, repository_budgets};

fn budgets(yaml: &str) -> Budgets {
    let config_yaml = Some(format!("harnesses:\n  codex:\n    budgets:\n{yaml}"));
    let texts = ConfigTexts { config_yaml, ..ConfigTexts::default() };
    Settings::resolve(&Paths::new("/home/ada", None), &Environment::default(), &texts).budgets
}

fn limit(scope: Scope, unit: Unit, amount: u64, origin: Origin) -> Limit {
    Limit { scope, unit, amount, origin }
}

#[test]
fn all_settings() {
    let found = budgets(
        "      turn: {tokens: 1_000}\n      day: {usd: 2.5}\n      hard_limit: true\n      \
         grace_seconds: 0\n",
    );
    let limits = vec![
        limit(Scope::Turn, Unit::Tokens, 1000, Origin::User),
        limit(Scope::Day, Unit::Usd, 2_500_000_000_000, Origin::User),
    ];
    let policy = Policy { hard_limit: true, grace: 0 };
    assert_eq!(found, Budgets { limits, policy, problems: Vec::new() });
    let none = budgets("      session:\n");
    assert_eq!(none.policy, Policy { hard_limit: false, grace: 60_000 });
    assert!(none.limits.is_empty() && none.problems.is_empty(), "{none:?}");
}

#[test]
fn a_slip_of_the_pen_is_named_and_the_other_budgets_hold() {
    for (slip, said) in [
        ("sesion: {usd: 1}", "budgets.sesion` is not a setting (did you mean"),
        ("session: {usdd: 1}", "budgets.session.usdd` is not a setting"),
        ("session: {credit: 1}", "budgets.session.credit` is not a setting (did you mean"),
        ("session: {credits: few}", "budgets.session.credits` is `few`, not an amount of credits"),
        ("session: {usd: five}", "budgets.session.usd` is `five`, not an amount"),
        ("session: {tokens: 0}", "budgets.session.tokens` is `0`, not a whole number"),
        ("session: {usd: -1}", "budgets.session.usd` is `-1`, not an amount"),
        ("hard_limit: perhaps", "budgets.hard_limit` is `perhaps`"),
        ("grace_seconds: soon", "budgets.grace_seconds` is `soon`"),
    ] {
        let found = budgets(&format!("      {slip}\n      day: {{usd: 1}}\n"));
        assert_eq!(found.limits.len(), 1, "{slip}");
        assert!(found.problems.len() == 1 && found.problems[0].contains(said), "{found:?}");
    }
    let texts = "harnesses: {codex: {budgets: 5}}".to_owned();
    let texts = ConfigTexts { config_yaml: Some(texts), ..ConfigTexts::default() };
    let paths = Paths::new("/home/ada", None);
    let found = Settings::resolve(&paths, &Environment::default(), &texts).budgets;
    assert!(found.problems[0].contains("not a mapping"), "{found:?}");
}

#[test]
fn a_repository_limits_and_does_nothing_else() {
    let (limits, problems) = repository_budgets(
        "budgets:\n  session: {usd: 2}\n  sessions: {usd: 1}\n  day: {euro: 1}\n  hard_limit: false\n  \
         notices: {command: /tmp/evil}\nother: 1\n",
    )
    .unwrap();
    assert_eq!(limits, [limit(Scope::Session, Unit::Usd, 2_000_000_000_000, Origin::Repository)]);
    let named = ["sessions", "hard_limit", "notices", "other", "budgets.day.euro"];
    assert_eq!(problems.len(), named.len(), "{problems:?}");
    for name in named {
        assert!(problems.iter().any(|problem| problem.contains(name)), "{name}: {problems:?}");
    }
    let (limits, problems) = repository_budgets("budgets: 7\n").unwrap();
    assert!(limits.is_empty() && problems.len() == 1, "{problems:?}");
    assert!(repository_budgets("budgets: [\n").is_err());
}
