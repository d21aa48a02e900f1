//! `config.yaml`: several keys at once.

use codex_config::edit::{self, EditError, Edited};
use codex_config::{KeyPathError, ParseError};
use serde_yaml::Value;

/// A key and what it is to hold; nothing if it is not to be there.
#[derive(Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: Option<Value>,
}

/// Says why the settings stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A key makes no sense.
    #[error(transparent)]
    Key(#[from] KeyPathError),
    /// A key cannot be edited.
    #[error(transparent)]
    Edit(#[from] EditError),
}

/// Gives the keys their values. An edit that is done twice changes nothing the second time.
pub(crate) fn edit(text: &str, wanted: &[Setting]) -> Result<Edited, SettingsError> {
    let wanted = wanted.iter().map(|Setting { key, value }| {
        Ok(edit::Setting { key: key.parse()?, value: value.clone() })
    });
    Ok(edit::set_all(text, &wanted.collect::<Result<Vec<_>, KeyPathError>>()?)?)
}

/// Reads YAML, without quoting it where it is wrong.
pub(crate) fn parse_yaml(text: &str) -> Result<Value, ParseError> {
    serde_yaml::from_str(text).map_err(|error: serde_yaml::Error| {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        ParseError { line, column, reason: error.to_string() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(key: &str, yaml: Option<&str>) -> Setting {
        Setting { key: key.to_owned(), value: yaml.map(|yaml| parse_yaml(yaml).unwrap()) }
    }

    #[test]
    fn several_keys_are_set_and_taken_back() {
        let before =
            "# mine\nharnesses:\n  claude-code:\n    target: arize # theirs\nuser_id: \"007\"\n";
        let wanted = [
            setting("harnesses.codex.target", Some("phoenix")),
            setting("harnesses.codex.chained_notify", Some("[bell, '1']")),
            setting("user_id", Some("ada")),
            setting("logging.prompts", Some("false")),
            setting("harnesses.codex.endpoint", None),
        ];
        let edited = edit(before, &wanted).unwrap();
        assert!(edit(&edited.text, &wanted).unwrap().undo.is_empty());
        assert_eq!(edit::undo(&edited.text, &edited.undo).unwrap(), before);
        // What somebody changed since is theirs.
        let changed = edited.text.replace("user_id: ada", "user_id: eve");
        let undone = edit::undo(&changed, &edited.undo).unwrap();
        assert_eq!(undone, before.replace("\"007\"", "eve"));
        assert!(!format!("{edited:?}").contains("007"), "{edited:?}");
    }
}
