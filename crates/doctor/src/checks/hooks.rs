//! Codex's lifecycle hooks: may those of arize-codex run?
//!
//! Codex skips a hook without a word until a person has trusted it in the terminal (0.136 and later),
//! and again once it was changed.

use std::fs;
use std::path::PathBuf;

use codex_config::{HookTrust, Paths, codex_toml, hooks_json, our_hooks};
use codex_home::{CodexVersion, HOOK_PROGRAM, triggers};
use codex_turn::RECORDED_VERSIONS;

use crate::Finding;
use crate::words::edit;

const CHECK: &str = "codex.hooks";

/// What is known of our lifecycle hooks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookFacts {
    /// The events that run our hook, and whether Codex lets them.
    pub ours: Vec<(String, HookTrust)>,
    /// Codex's `config.toml`, if it switches all hooks off.
    pub switched_off_in: Option<PathBuf>,
    /// A `hooks.json` with our hook that Codex cannot read, and what is wrong with it.
    pub unreadable: Option<(PathBuf, String)>,
    /// Whether `notify` tells of turns as well.
    pub has_notify: bool,
    /// The version of Codex.
    pub version: Option<CodexVersion>,
}

/// Looks into Codex's two places for hooks.
pub fn inspect(paths: &Paths, version: Option<CodexVersion>) -> HookFacts {
    let config = paths.codex_home.join("config.toml");
    let text = fs::read_to_string(&config).unwrap_or_default();
    let found = codex_toml::inspect(&text).unwrap_or_default();
    let json = paths.codex_home.join("hooks.json");
    let json_text = fs::read_to_string(&json).unwrap_or_default();
    let in_json = hooks_json::inspect(&json_text);
    let unreadable = in_json.as_ref().err().filter(|_| json_text.contains(HOOK_PROGRAM));
    let unreadable = unreadable.map(|error| (json.clone(), error.to_string()));
    let mut ours = our_hooks(&paths.codex_home, &found, in_json.as_deref().unwrap_or_default());
    let of_version = |version| {
        let triggers = triggers(version);
        [triggers.lifecycle, triggers.asks].concat()
    };
    let known = version.map(of_version).unwrap_or_default();
    // Of an event that it does not know, Codex does not ask whether to trust a hook.
    ours.retain(|(event, _)| known.is_empty() || known.contains(&event.as_str()));
    HookFacts {
        ours,
        unreadable,
        has_notify: found.notify.is_some(),
        switched_off_in: found.hooks_are_off.then_some(config),
        version,
    }
}

/// What the facts mean; nothing where we have no lifecycle hooks.
pub fn check(facts: &HookFacts) -> Vec<Finding> {
    let missing = |message: String, command: &str| match facts.has_notify {
        true => Finding::warning(CHECK, message, command),
        // There is nothing else that announces turns.
        false => Finding::failure(CHECK, message, command),
    };
    let mut findings = Vec::new();
    if let Some((file, error)) = &facts.unreadable {
        let message = format!("`{}`: {error}; Codex reads no hook from it", file.display());
        findings.push(missing(message, &edit(file)));
    }
    if facts.ours.is_empty() {
        return findings;
    }
    if let Some(version) = facts.version.filter(|version| triggers(*version).lifecycle.is_empty()) {
        let message = format!("Codex {version} runs no lifecycle hooks");
        findings.push(missing(message, "npm install -g @openai/codex"));
        return findings;
    }
    if let Some(file) = &facts.switched_off_in {
        let message = format!("`[features]` in `{}` switches all hooks off", file.display());
        findings.push(missing(message, &edit(file)));
        return findings;
    }
    findings.extend(not_run(facts).map(|message| missing(message, "codex")));
    let trusted = events(facts, HookTrust::Trusted);
    if let (true, Some(events)) = (findings.is_empty(), trusted) {
        findings.push(Finding::ok(CHECK, format!("the lifecycle hooks are trusted: {events}")));
    }
    findings
}

/// Says which of our hooks Codex does not run, a sentence for each reason.
fn not_run(facts: &HookFacts) -> impl Iterator<Item = String> {
    const ASKS: &str = "Codex asks when it is started in a terminal, and skips them until then";
    let newest = RECORDED_VERSIONS.last().and_then(|newest| CodexVersion::parse(newest));
    let unknown = facts.version.filter(|version| newest.is_some_and(|newest| *version > newest));
    let untrusted = events(facts, HookTrust::Untrusted)
        .map(|events| format!("the lifecycle hooks are not trusted yet ({events}): {ASKS}"));
    let changed = events(facts, HookTrust::Changed).map(|events| match unknown {
        None => format!(
            "the lifecycle hooks changed since they were trusted ({events}): {ASKS}"
        ),
        Some(version) => format!(
            "it is unknown whether Codex {version} trusts the lifecycle hooks ({events}), because it records that in another way than the tested versions; `/hooks` in Codex shows it"
        ),
    });
    let off = events(facts, HookTrust::SwitchedOff).map(|events| {
        format!("the lifecycle hooks are switched off in Codex ({events}); `/hooks` in it switches them on")
    });
    [untrusted, changed, off].into_iter().flatten()
}

/// The events of our hooks of this kind, if there are any.
fn events(facts: &HookFacts, trust: HookTrust) -> Option<String> {
    let of_kind = facts.ours.iter().filter(|(_, found)| *found == trust);
    let events: Vec<&str> = of_kind.map(|(event, _)| event.as_str()).collect();
    (!events.is_empty()).then(|| events.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level::{self, Failure, Ok as Fine, Warning};

    const HOOKS: &str = "[[hooks.SubagentStop]]\n[[hooks.SubagentStop.hooks]]\ntype = \"command\"\n\
                         command = \"/h/bin/arize-hook-codex-notify --lifecycle\"\ntimeout = 3\n\
                         [[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = \"command\"\n\
                         command = \"other\"\n";

    /// What Codex 0.169.0 noted when the first of them was trusted.
    const HASH: &str = "sha256:e8b12673d185e84e387d9cd33c385cbc6618cb495b46b221be8d8aa3adf2c3ae";

    struct Place {
        _home: tempfile::TempDir,
        paths: Paths,
    }

    impl Place {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let paths = Paths::new(home.path(), None);
            fs::create_dir_all(&paths.codex_home).unwrap();
            Self { _home: home, paths }
        }

        fn state(&self, file: &str, event: &str, state: &str) -> String {
            let file = self.paths.codex_home.join(file);
            format!("[hooks.state.'{}:{event}:0:0']\n{state}\n", file.display())
        }

        #[track_caller]
        fn expect(&self, config: &str, version: &str, level: Level, part: &str) {
            fs::write(self.paths.codex_home.join("config.toml"), config).unwrap();
            let findings = check(&inspect(&self.paths, CodexVersion::parse(version)));
            crate::checks::expect::only(&findings, level, part);
        }
    }

    #[test]
    fn a_hook_that_is_not_trusted_is_as_good_as_none() {
        let place = Place::new();
        assert_eq!(check(&inspect(&place.paths, None)), []);
        let notify = format!("notify = [\"x\"]\n{HOOKS}");
        place.expect(HOOKS, "0.169.0", Failure, "not trusted yet (SubagentStop)");
        place.expect(&notify, "0.169.0", Warning, "skips them until then");
        let state =
            |state: &str| format!("{HOOKS}{}", place.state("config.toml", "subagent_stop", state));
        let trusted = state(&format!("trusted_hash = \"{HASH}\""));
        place.expect(&trusted, "0.169.0", Fine, "trusted: SubagentStop");
        place.expect(&trusted, "0.98.0", Failure, "runs no lifecycle hooks");
        let newer = HOOKS.replace("SubagentStop", "Interrupt") + &trusted;
        place.expect(&newer, "0.145.0", Fine, "trusted: SubagentStop");
        place.expect(&newer, "0.153.4", Failure, "yet (Interrupt)");
        let off = format!("[features]\nhooks = false\n{trusted}");
        place.expect(&off, "0.169.0", Failure, "switches all hooks off");
        let off = state(&format!("enabled = false\ntrusted_hash = \"{HASH}\""));
        place.expect(&off, "0.169.0", Failure, "switched off in Codex (SubagentStop)");
    }

    #[test]
    fn a_hook_that_was_changed_is_trusted_no_more() {
        let place = Place::new();
        let state = format!("trusted_hash = \"{HASH}\"");
        let state = place.state("config.toml", "subagent_stop", &state);
        let changed = format!("{}{state}", HOOKS.replace("/h/bin", "/elsewhere/bin"));
        place.expect(&changed, "0.169.0", Failure, "changed since they were trusted");
        place.expect(&changed, "", Failure, "changed since they were trusted");
        place.expect(&changed, "1.0.0", Failure, "unknown whether Codex 1.0.0 trusts");
        place.expect(&format!("{HOOKS}{state}"), "1.0.0", Fine, "trusted: SubagentStop");
    }

    #[test]
    fn hooks_may_be_in_hooks_json() {
        let place = Place::new();
        let json = r#"{"hooks":{"SubagentStop":[{"hooks":[{"type":"command","timeout":3,
            "command":"/h/bin/arize-hook-codex-notify --lifecycle"}]}]}}"#;
        let file = place.paths.codex_home.join("hooks.json");
        fs::write(&file, json).unwrap();
        place.expect("notify = [\"x\"]\n", "0.169.0", Warning, "yet (SubagentStop)");
        let state = format!("trusted_hash = \"{HASH}\"");
        let of = |file: &str| place.state(file, "subagent_stop", &state);
        place.expect(&of("hooks.json"), "0.169.0", Fine, "trusted: SubagentStop");
        place.expect(&of("config.toml"), "0.169.0", Failure, "yet (SubagentStop)");
        fs::write(&file, json.replace("]}}", "]}")).unwrap();
        place.expect("", "0.169.0", Failure, "Codex reads no hook from it");
    }
}
