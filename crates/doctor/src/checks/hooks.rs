//! Codex's lifecycle hooks: are ours allowed to run?
//!
//! Codex skips a hook without a word until a person has trusted it in the terminal (0.136 and later);
//! it then notes so in `config.toml`, below `hooks.state`, by file, event and place.

use std::fs;
use std::path::PathBuf;

use codex_config::codex_toml::FoundHook;
use codex_config::{CodexVersion, HOOK_PROGRAM, Paths, codex_toml, triggers};

use crate::Finding;

const CHECK: &str = "codex.hooks";

/// What is known of our lifecycle hooks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The events that run our hook.
    pub events: Vec<String>,
    /// Those of them that nobody has trusted.
    pub untrusted: Vec<String>,
    /// Whether `notify` tells of turns as well.
    pub has_notify: bool,
    /// The version of Codex.
    pub version: Option<CodexVersion>,
}

/// Looks into Codex's two places for hooks.
pub fn gather(paths: &Paths, version: Option<CodexVersion>) -> Facts {
    let config = paths.codex_home.join("config.toml");
    let text = fs::read_to_string(&config).unwrap_or_default();
    let found = codex_toml::inspect(&text).unwrap_or_default();
    let of_file = |file: PathBuf, hooks: Vec<FoundHook>| {
        let ours = hooks.into_iter().filter(|hook| hook.command.contains(HOOK_PROGRAM));
        ours.map(move |hook| (file.clone(), hook.event)).collect::<Vec<_>>()
    };
    let json = paths.codex_home.join("hooks.json");
    let in_json = hooks_json(&fs::read_to_string(&json).unwrap_or_default());
    let ours = [of_file(config, found.hooks), of_file(json, in_json)].concat();
    let is_untrusted = |(file, event): &&(PathBuf, String)| {
        !text.contains(&format!("{}:{}:", file.display(), snake_case(event)))
    };
    Facts {
        untrusted: ours.iter().filter(is_untrusted).map(|(_, event)| event.clone()).collect(),
        events: ours.iter().map(|(_, event)| event.clone()).collect(),
        has_notify: found.notify.is_some(),
        version,
    }
}

/// What the facts mean; nothing where we have no lifecycle hooks.
pub fn check(facts: &Facts) -> Vec<Finding> {
    if facts.events.is_empty() {
        return Vec::new();
    }
    let missing = |message: String, command: &str| match facts.has_notify {
        true => vec![Finding::warning(CHECK, message, command)],
        // There is nothing else that announces turns.
        false => vec![Finding::failure(CHECK, message, command)],
    };
    if let Some(version) = facts.version.filter(|version| triggers(*version).lifecycle.is_empty()) {
        let message = format!("Codex {version} runs no lifecycle hooks");
        return missing(message, "npm install -g @openai/codex");
    }
    if facts.untrusted.is_empty() {
        let message = format!("our lifecycle hooks are trusted: {}", facts.events.join(", "));
        return vec![Finding::ok(CHECK, message)];
    }
    let message = format!(
        "nobody has trusted our lifecycle hooks yet ({}): Codex asks when it is started in a terminal, and skips them until then",
        facts.untrusted.join(", ")
    );
    missing(message, "codex")
}

/// The commands of `hooks.json`; none where it is no such file.
fn hooks_json(text: &str) -> Vec<FoundHook> {
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let events = json["hooks"].as_object().into_iter().flatten();
    let hooks = events.flat_map(|(event, groups)| {
        let groups = groups.as_array().into_iter().flatten();
        let hooks = groups.filter_map(|group| group["hooks"].as_array()).flatten();
        hooks.filter_map(move |hook| {
            let command = hook["command"].as_str()?.to_owned();
            Some(FoundHook { event: event.clone(), command })
        })
    });
    hooks.collect()
}

/// `SubagentStop` as Codex notes it.
fn snake_case(event: &str) -> String {
    let mut text = String::new();
    for letter in event.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level::{self, Failure, Ok as Fine, Warning};

    #[test]
    fn a_hook_that_nobody_trusts_is_as_good_as_none() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::new(home.path(), None);
        fs::create_dir_all(&paths.codex_home).unwrap();
        let config = paths.codex_home.join("config.toml");
        let look = |text: &str, version: &str| {
            fs::write(&config, text).unwrap();
            check(&gather(&paths, CodexVersion::parse(version)))
        };
        let expect = |findings: Vec<Finding>, level: Level, part: &str| {
            crate::checks::expect::only(&findings, level, part);
        };
        assert_eq!(look("", "0.169.0"), []);
        let hooks = "[[hooks.SubagentStop]]\n[[hooks.SubagentStop.hooks]]\ntype = \"command\"\n\
                     command = \"/h/arize-hook-codex-notify --lifecycle\"\n\
                     [[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = \"command\"\ncommand = \"other\"\n";
        let notify = "notify = [\"x\"]\n";
        let trusted = format!(
            "[hooks.state.\"{}:subagent_stop:0:0\"]\ntrusted_hash = \"sha256:1\"\n",
            config.display()
        );
        expect(look(hooks, "0.169.0"), Failure, "trusted our lifecycle hooks yet (SubagentStop)");
        expect(look(&format!("{notify}{hooks}"), "0.169.0"), Warning, "skips them until then");
        expect(look(&format!("{hooks}{trusted}"), "0.169.0"), Fine, "trusted: SubagentStop");
        expect(look(&format!("{hooks}{trusted}"), "0.98.0"), Failure, "runs no lifecycle hooks");
        let json = r#"{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"arize-hook-codex-notify"}]}]}}"#;
        fs::write(paths.codex_home.join("hooks.json"), json).unwrap();
        expect(look(notify, "0.169.0"), Warning, "(Stop)");
    }
}
