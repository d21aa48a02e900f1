//! One file of an installation, as it is and as it is to be.

use codex_config::file_edit::Snapshot;
use codex_config::{codex_toml, edit};
use serde::{Deserialize, Serialize};

/// What of an installation a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// `config.yaml`.
    Settings,
    /// `arize-env.sh`.
    EnvFile,
    /// The skill for coding agents.
    Skill,
    /// Codex's `config.toml`.
    CodexConfig,
    /// Codex's `hooks.json`.
    HooksJson,
    /// A shell's profile.
    Profile,
    /// What starts the buffer service at login.
    Autostart,
}

/// A file that is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What it belongs to.
    pub part: Part,
    /// The file as it is.
    pub now: Snapshot,
    /// What it would hold without us; nothing if it would not exist.
    pub before: Option<String>,
    /// What it is to hold.
    pub after: String,
    /// How our part is taken out again if the file was changed since.
    pub undo: Undo,
}

/// How our part is taken out of a file that was changed since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// All of it was ours; what the user made of it stays.
    Leave,
    /// The keys of `config.yaml` that we set.
    Settings(edit::Undo),
    /// The switch in `arize-env.sh`.
    EnvFile(Recognised),
    /// `notify` and `[otel]` in Codex's `config.toml`.
    CodexConfig(codex_toml::Undo),
    /// Our commands in Codex's `hooks.json`.
    HooksJson(Recognised),
    /// Our block in a profile.
    Profile,
}

/// Nothing is noted of what says itself that it is ours. Records of 0.1.0 noted it, which is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recognised {}

impl Change {
    /// Says what happens to the file: before, and after it happened.
    pub(crate) fn verb(&self) -> (&'static str, &'static str) {
        match (self.now.exists(), self.after == self.now.text()) {
            (false, _) => ("create", "created"),
            (true, false) => ("change", "changed"),
            (true, true) => ("take over", "took over"),
        }
    }

    /// A line about it; of Codex's configuration, with the keys that differ.
    pub(crate) fn line(&self, verb: &str) -> String {
        let mut line = format!("{verb} {}", self.now.path().display());
        if self.part == Part::CodexConfig {
            let keys = codex_toml::differences(self.now.text(), &self.after).unwrap_or_default();
            let shown = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>();
            if !shown.is_empty() {
                line += &format!(": {}", shown.join(", "));
            }
        }
        line
    }

    /// Whether it changes where Codex sends its log events, or how.
    pub(crate) fn changes_otel(&self) -> bool {
        let keys = codex_toml::differences(self.now.text(), &self.after).unwrap_or_default();
        self.part == Part::CodexConfig && keys.iter().any(|key| key.starts_with("otel."))
    }
}

impl Part {
    /// Whether nothing but ours is in the file.
    pub(crate) fn is_ours_alone(self) -> bool {
        matches!(self, Self::EnvFile | Self::Skill | Self::Autostart)
    }

    /// Whether the file is for its owner only, because it may hold credentials.
    pub(crate) fn is_private(self) -> bool {
        matches!(self, Self::Settings | Self::EnvFile | Self::CodexConfig)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As setup 0.1.0 noted the switch in `arize-env.sh`, and the commands in `hooks.json`.
    #[test]
    fn a_record_that_notes_what_says_itself_that_it_is_ours_is_still_read() {
        let lines = r#"{"line":0,"before":"","after_lines":2,"after_digest":"4f0c"}"#;
        let switch = format!(
            r#"{{"env-file":{{"steps":[{{"name":"ARIZE_TRACE_ENABLED","ours":"b5be","previous":null,"lines":{lines}}}]}}}}"#
        );
        let hooks = format!(
            r#"{{"hooks-json":{{"command":"/h/arize-hook-codex-notify","events":["Stop"],"lines":{lines}}}}}"#
        );
        for (noted, expected) in
            [(switch, Undo::EnvFile(Recognised {})), (hooks, Undo::HooksJson(Recognised {}))]
        {
            let undo: Undo = serde_json::from_str(&noted).unwrap();
            assert_eq!(undo, expected);
            let again = serde_json::to_string(&undo).unwrap();
            assert_eq!(serde_json::from_str::<Undo>(&again).unwrap(), undo);
        }
    }
}
