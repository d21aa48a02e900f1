//! Codex's lifecycle hooks as it reads them, from either of its files, and whether it would run them.
//!
//! Codex runs a hook once a person has trusted it in the terminal. It notes so below `hooks.state` in
//! `config.toml`, by file, event and place, with a hash of what was trusted: a hook that was changed
//! since is skipped until it is trusted again. The hash was compared with those of Codex 0.130 to
//! 0.169, which all make it in the same way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codex_toml::Found;
use crate::file_edit::digest;
use codex_home::HOOK_PROGRAM;

/// A command of a lifecycle event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundHook {
    /// The event, such as `Stop`.
    pub event: String,
    /// The shell command.
    pub command: String,
    /// The number of its group below the event, and its own in the group, by which Codex knows it.
    pub place: (usize, usize),
    /// What Codex notes as `trusted_hash` when the user trusts it.
    pub hash: String,
}

/// Whether Codex runs a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookTrust {
    /// Codex runs it.
    Trusted,
    /// Codex asks first: the user has not trusted it yet.
    Untrusted,
    /// It asks again: what was trusted was another one.
    Changed,
    /// The user switched it off.
    SwitchedOff,
}

/// What Codex noted of hooks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookStates(BTreeMap<String, HookState>);

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct HookState {
    enabled: Option<bool>,
    trusted_hash: Option<String>,
}

/// Reads the commands of a `hooks` table, as both files have it.
pub(crate) fn found(hooks: &Value) -> Vec<FoundHook> {
    let mut found = Vec::new();
    for (event, groups) in hooks.as_object().into_iter().flatten() {
        for (number, group) in groups.as_array().into_iter().flatten().enumerate() {
            let handlers = group["hooks"].as_array().into_iter().flatten().enumerate();
            found.extend(handlers.filter_map(|(in_group, handler)| {
                let command = handler["command"].as_str()?.to_owned();
                let hash = hash(event, group["matcher"].as_str(), &command, handler);
                Some(FoundHook { event: event.clone(), command, place: (number, in_group), hash })
            }));
        }
    }
    found
}

/// The events that run our hook, in the files of a Codex home, and whether Codex lets them.
pub fn our_hooks(
    codex_home: &Path,
    config: &Found,
    hooks_json: &[FoundHook],
) -> Vec<(String, HookTrust)> {
    let trust = |file: &Path, hook| config.hook_states.trust(file, hook);
    ours(codex_home, config, hooks_json)
        .map(|(file, hook)| (hook.event.clone(), trust(&file, hook)))
        .collect()
}

/// The keys below `hooks.state` under which Codex noted something of our hooks.
pub fn our_hook_states(codex_home: &Path, config: &Found, hooks_json: &[FoundHook]) -> Vec<String> {
    let states = &config.hook_states;
    ours(codex_home, config, hooks_json)
        .filter_map(|(file, hook)| Some(states.of(&file, hook)?.0.clone()))
        .collect()
}

fn ours<'h>(
    codex_home: &Path,
    config: &'h Found,
    hooks_json: &'h [FoundHook],
) -> impl Iterator<Item = (PathBuf, &'h FoundHook)> {
    let files = [("config.toml", &config.hooks[..]), ("hooks.json", hooks_json)];
    files.into_iter().flat_map(move |(file, hooks)| {
        let ours = hooks.iter().filter(|hook| hook.command.contains(HOOK_PROGRAM));
        ours.map(move |hook| (codex_home.join(file), hook))
    })
}

impl HookStates {
    /// Reads `hooks.state`; what is not as Codex writes it says nothing.
    pub(crate) fn read(states: &Value) -> Self {
        let states = states.as_object().into_iter().flatten();
        let read = |(key, state): (&String, &Value)| {
            Some((key.clone(), HookState::deserialize(state).ok()?))
        };
        Self(states.filter_map(read).collect())
    }

    /// Says whether Codex runs a hook of a file.
    fn trust(&self, file: &Path, hook: &FoundHook) -> HookTrust {
        let Some((_, state)) = self.of(file, hook) else { return HookTrust::Untrusted };
        match &state.trusted_hash {
            _ if state.enabled == Some(false) => HookTrust::SwitchedOff,
            None => HookTrust::Untrusted,
            Some(hash) if *hash == hook.hash => HookTrust::Trusted,
            Some(_) => HookTrust::Changed,
        }
    }

    /// Finds what was noted of a hook of a file, with its key.
    fn of(&self, file: &Path, hook: &FoundHook) -> Option<(&String, &HookState)> {
        // Codex knows the file by its real folder where `CODEX_HOME` names that, else as it is.
        let real = file.parent().and_then(|folder| folder.canonicalize().ok());
        let real = real.zip(file.file_name()).map(|(folder, name)| folder.join(name));
        let mut files = real.iter().map(|real| real.as_path()).chain([file]);
        files.find_map(|file| self.0.get_key_value(&hook.key(file)))
    }
}

impl FoundHook {
    fn key(&self, file: &Path) -> String {
        let (group, in_group) = self.place;
        format!("{}:{}:{group}:{in_group}", file.display(), snake_case(&self.event))
    }
}

/// What Codex hashes: its reading of a hook, without what it does not use, in the order of the names.
#[derive(Serialize)]
struct Identity<'a> {
    event_name: &'a str,
    hooks: [Handler<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    matcher: Option<&'a str>,
}

#[derive(Serialize)]
struct Handler<'a> {
    r#async: bool,
    command: &'a str,
    #[serde(rename = "statusMessage", skip_serializing_if = "Option::is_none")]
    status_message: Option<&'a str>,
    timeout: u64,
    r#type: &'static str,
}

fn hash(event: &str, matcher: Option<&str>, command: &str, handler: &Value) -> String {
    let timeout = handler["timeout"].as_u64();
    let timeout = match event {
        "SessionEnd" | "Interrupt" => timeout.unwrap_or(1).clamp(1, 3),
        _ => timeout.unwrap_or(600).max(1),
    };
    let has_matcher = !matches!(event, "Stop" | "Interrupt" | "UserPromptSubmit");
    let handler = Handler {
        r#async: handler["async"].as_bool().unwrap_or_default(),
        command,
        status_message: handler["statusMessage"].as_str(),
        timeout,
        r#type: "command",
    };
    let event_name = &snake_case(event);
    let matcher = matcher.filter(|_| has_matcher);
    let identity = Identity { event_name, hooks: [handler], matcher };
    format!("sha256:{}", digest(&serde_json::to_string(&identity).unwrap_or_default()))
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

    /// The hashes are those that Codex 0.169.0 gave these hooks, written as TOML or as JSON.
    #[test]
    fn hashes_are_those_of_codex() {
        let ours = "/h/bin/arize-hook-codex-notify --lifecycle";
        let hooks = serde_json::json!({
            "Stop": [
                { "hooks": [{ "type": "command", "command": ours, "timeout": 3 }] },
                { "matcher": "abc", "hooks": [
                    { "type": "command", "command": "two" },
                    {
                        "type": "command", "command": "three \"q\" ü\u{7} /", "timeout": 0,
                        "statusMessage": "hi", "async": true,
                    },
                ] },
            ],
            "SessionEnd": [
                { "hooks": [{ "command": "se", "timeout": 30 }, { "command": "se" }] },
                { "matcher": "clear", "hooks": [{ "command": "x", "timeout": 2 }] },
            ],
            "Interrupt": [{ "hooks": [{ "command": "int", "timeout": 3, "extra": "unknown" }] }],
            "SubagentStop": [{ "matcher": "m", "hooks": [{ "command": ours, "timeout": 3 }] }],
            "PreToolUse": [{ "matcher": "^Bash$", "hooks": [{ "command": "pre" }] }],
            "UserPromptSubmit": [{ "matcher": "[", "hooks": [{ "command": "ups" }] }],
            "state": { "a file:stop:0:0": { "trusted_hash": "sha256:0" } },
        });
        let found = found(&hooks);
        let keys = found.iter().map(|hook| (hook.key(Path::new("f")), hook.hash.as_str()));
        let keys: BTreeMap<String, &str> = keys.collect();
        let expected = [
            ("interrupt:0:0", "45ce867d24dd0d8e2c4ccf49ef2e9c80f8c143967c1fce924031a821dab3b615"),
            (
                "pre_tool_use:0:0",
                "f5209d47a4980467609df6cdaff34dd63f11a85eaaf8c7fc6066b992192d8a8a",
            ),
            ("session_end:0:0", "40e247248a8d8f490aa6c3821cfc9025b9d13017f61f52755d4670cf797c99cc"),
            ("session_end:0:1", "647b90b738f9674805c90ca8b8a6d3ef803fb0d1fb2de07f69b8260f468488b2"),
            ("session_end:1:0", "4e23b156ee7412ebb00e62ac30fa147b84352b0d1f4b69a249add8105c85002a"),
            ("stop:0:0", "d000395d8578aa05c63c8d3aa1c874156a53ca7cb49569968b88dd2f9852d2a5"),
            ("stop:1:0", "502ee22a26491a64282b27b7598bea9daa0c5cb30e211c9527e932986fa8d3c0"),
            ("stop:1:1", "807d02250570c96b3754c469829feaa721c63972a517ccbe0780222ac0a69445"),
            (
                "subagent_stop:0:0",
                "cb6f9ca65158ffe541fc263a04164b15e7a615f15a31c363c405f909c06a6203",
            ),
            (
                "user_prompt_submit:0:0",
                "132d123ef00a4c9bd960f3d1f17f4f5ea7f130a2059240d444d9b3803bb76aa1",
            ),
        ];
        let expected = expected.map(|(key, hash)| (format!("f:{key}"), format!("sha256:{hash}")));
        let keys: Vec<_> = keys.into_iter().map(|(key, hash)| (key, hash.to_owned())).collect();
        assert_eq!(keys, expected);
    }

    #[test]
    fn a_hook_runs_if_what_was_trusted_is_what_is_there() {
        let hooks = serde_json::json!({ "Stop": [{ "hooks": [{ "command": "two" }] }] });
        let hook = &found(&hooks)[0];
        let file = Path::new("/h/.codex/hooks.json");
        let trust = |key: &str, state: Value| {
            HookStates::read(&serde_json::json!({ key: state })).trust(file, hook)
        };
        let of_stop = |state| trust("/h/.codex/hooks.json:stop:0:0", state);
        let hash = hook.hash.as_str();
        let trusted = serde_json::json!({ "trusted_hash": hash });
        assert_eq!(of_stop(trusted.clone()), HookTrust::Trusted);
        assert_eq!(trust("/h/.codex/config.toml:stop:0:0", trusted.clone()), HookTrust::Untrusted);
        assert_eq!(trust("/h/.codex/hooks.json:stop:0:1", trusted), HookTrust::Untrusted);
        assert_eq!(of_stop(serde_json::json!({ "trusted_hash": "sha256:1" })), HookTrust::Changed);
        assert_eq!(of_stop(serde_json::json!({ "enabled": true })), HookTrust::Untrusted);
        assert_eq!(of_stop(serde_json::json!("what?")), HookTrust::Untrusted);
        let off = serde_json::json!({ "enabled": false, "trusted_hash": hash });
        assert_eq!(of_stop(off), HookTrust::SwitchedOff);
    }

    /// Codex takes the real name of the folder that `CODEX_HOME` names, and follows no other link.
    #[cfg(unix)]
    #[test]
    fn the_folder_may_be_a_link() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        std::fs::create_dir(home.join("real")).unwrap();
        std::os::unix::fs::symlink(home.join("real"), home.join("link")).unwrap();
        let hook = &found(&serde_json::json!({ "Stop": [{ "hooks": [{ "command": "x" }] }] }))[0];
        for folder in ["real", "link"] {
            let key = hook.key(&home.join(folder).join("config.toml"));
            let states = serde_json::json!({ key: { "trusted_hash": hook.hash } });
            let states = HookStates::read(&states);
            assert_eq!(states.trust(&home.join("link/config.toml"), hook), HookTrust::Trusted);
        }
    }
}
