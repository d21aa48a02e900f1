//! The budgets: do they make sense, and can a hard limit stop Codex?

use codex_config::{Budgets, HookTrust, Paths};

use super::hooks::HookFacts;
use crate::Finding;
use crate::words::edit;

const CHECK: &str = "budgets";

/// The hooks by which a hard limit stops Codex.
const ASKS: [&str; 2] = ["UserPromptSubmit", "PreToolUse"];

/// What the settings and the hooks mean; nothing where there are no budgets.
pub fn check(budgets: &Budgets, hooks: &HookFacts, paths: &Paths) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for problem in &budgets.problems {
        let message = format!("a budget is not in force: {problem}");
        findings.push(Finding::failure(CHECK, message, edit(&paths.config_file)));
    }
    if budgets.limits.is_empty() {
        return findings;
    }
    let hook = |event: &str| hooks.ours.iter().find(|(of, _)| of == event).map(|(_, trust)| *trust);
    let reach = match budgets.policy.hard_limit {
        true => "the hard limit cannot stop Codex, and nothing is noticed while a turn runs",
        false => "nothing is noticed while a turn runs",
    };
    let missing = ASKS.into_iter().filter(|event| hook(event).is_none());
    let missing: Vec<&str> = missing.collect();
    if !missing.is_empty() {
        let events = missing.join(", ");
        let message = format!("{reach}: Codex does not run our hooks for {events}");
        findings.push(Finding::warning(CHECK, message, "arize-codex setup -y --hooks"));
    } else if ASKS.into_iter().any(|event| hook(event) != Some(HookTrust::Trusted)) {
        let message = format!("{reach}: Codex has our hooks, and they are not trusted");
        findings.push(Finding::warning(CHECK, message, "codex"));
    }
    if findings.is_empty() {
        let limits: Vec<String> = budgets.limits.iter().map(ToString::to_string).collect();
        let hard = if budgets.policy.hard_limit { "on" } else { "off" };
        findings.push(Finding::ok(CHECK, format!("{} (hard limit {hard})", limits.join(", "))));
    }
    findings
}

#[cfg(test)]
mod tests {
    use codex_config::{ConfigTexts, Environment, Settings};

    use super::*;
    use crate::Level::{Failure, Ok, Warning};
    use crate::checks::expect;

    fn check(yaml: &str, hooks: &[(&str, HookTrust)]) -> Vec<Finding> {
        let paths = Paths::new("/home/ada", None);
        let config_yaml = Some(format!("harnesses:\n  codex:\n    budgets:\n{yaml}"));
        let texts = ConfigTexts { config_yaml, ..ConfigTexts::default() };
        let settings = Settings::resolve(&paths, &Environment::default(), &texts);
        let ours = hooks.iter().map(|(event, trust)| ((*event).to_owned(), *trust)).collect();
        let hooks = HookFacts { ours, ..HookFacts::default() };
        super::check(&settings.budgets, &hooks, &paths)
    }

    #[test]
    fn what_keeps_a_budget_from_being_in_force() {
        use HookTrust::{Trusted, Untrusted};
        let day = "      day: {usd: 20}\n";
        let hard = &format!("{day}      hard_limit: true\n");
        let both = |trust| [("UserPromptSubmit", Trusted), ("PreToolUse", trust)];
        assert_eq!(check("      hard_limit: true\n", &[]), [], "there is no budget");
        expect::only(&check(day, &both(Trusted)), Ok, "$20.00 per day (hard limit off)");
        expect::only(&check(hard, &both(Trusted)), Ok, "(hard limit on)");
        expect::only(&check(day, &[]), Warning, "nothing is noticed while a turn runs");
        expect::only(&check(hard, &[]), Warning, "the hard limit cannot stop Codex");
        expect::only(&check(hard, &both(Trusted)[..1]), Warning, "our hooks for PreToolUse");
        expect::only(&check(hard, &both(Untrusted)), Warning, "not trusted");
        expect::only(
            &check("      day: {usdd: 20}\n", &[]),
            Failure,
            "budgets.day.usdd` is not a setting (did you mean `harnesses.codex.budgets.day.usd`?)",
        );
    }
}
