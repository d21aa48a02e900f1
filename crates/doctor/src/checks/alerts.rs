//! Alerts while a turn runs: does Codex say that a turn begins?

use codex_config::{Alerts, HookTrust};

use super::hooks::HookFacts;
use crate::Finding;

const CHECK: &str = "alerts";

/// The hook by which it is known that a turn begins.
const BEGINS: &str = "UserPromptSubmit";

/// What keeps alerts from being given while a turn runs; nothing where that is not wanted.
pub fn check(alerts: &Alerts, hooks: &HookFacts) -> Vec<Finding> {
    if !alerts.enabled || !alerts.while_running {
        return Vec::new();
    }
    let hook = hooks.ours.iter().find(|(event, _)| event == BEGINS).map(|(_, trust)| *trust);
    let late = "alerts come when a turn has ended, and not while it runs";
    vec![match hook {
        Some(HookTrust::Trusted) => Finding::ok(CHECK, "given while a turn runs".to_owned()),
        Some(_) => {
            let message = format!("{late}: Codex has the hook for {BEGINS}, and it is not trusted");
            Finding::warning(CHECK, message, "codex")
        }
        None => {
            let message = format!("{late}: Codex runs no hook of arize-codex for {BEGINS}");
            Finding::warning(CHECK, message, "arize-codex setup -y --hooks")
        }
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level::{Ok, Warning};
    use crate::checks::expect;

    #[test]
    fn what_keeps_alerts_from_being_given_in_time() {
        let wanted = Alerts { enabled: true, while_running: true, ..Alerts::default() };
        let found = |alerts: &Alerts, trust: Option<HookTrust>| {
            let ours = trust.map(|trust| (BEGINS.to_owned(), trust)).into_iter().collect();
            check(alerts, &HookFacts { ours, ..HookFacts::default() })
        };
        expect::only(&found(&wanted, None), Warning, "runs no hook");
        expect::only(&found(&wanted, Some(HookTrust::Untrusted)), Warning, "not trusted");
        expect::only(&found(&wanted, Some(HookTrust::Trusted)), Ok, "while a turn runs");
        assert_eq!(found(&Alerts::default(), None), []);
    }
}
