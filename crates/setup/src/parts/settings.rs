//! `config.yaml`: several keys at once, and back.

use std::fmt;

use codex_config::edit::{self, EditError};
use codex_config::{KeyPath, KeyPathError, ParseError, Scalar};
use serde::{Deserialize, Serialize};
use serde_yaml::Value;

use codex_config::file_edit::digest;

/// A key and what it is to hold; nothing if it is not to be there.
#[derive(Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: Option<Value>,
}

/// Which keys were set, and what they held. `Debug` shows no values, which may be credentials.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingsUndo {
    keys: Vec<SetKey>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct SetKey {
    key: String,
    /// The SHA-256 of what we wrote, as YAML; nothing if we removed the key.
    ours: Option<String>,
    /// What it held, as YAML.
    previous: Option<String>,
}

/// Says why the settings stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The text is not valid YAML.
    #[error("not valid YAML")]
    Parse(#[from] ParseError),
    /// A key makes no sense.
    #[error(transparent)]
    Key(#[from] KeyPathError),
    /// A key cannot be edited.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl fmt::Debug for SettingsUndo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|set| &set.key)).finish()
    }
}

/// Gives the keys their values. An edit that is done twice changes nothing the second time.
pub(crate) fn edit(
    text: &str,
    wanted: &[Setting],
) -> Result<(String, SettingsUndo), SettingsError> {
    let mut after = text.to_owned();
    let mut keys = Vec::new();
    for Setting { key, value } in wanted {
        let path: KeyPath = key.parse()?;
        let previous = yaml_at(&after, &path)?;
        let edited = set(&after, &path, value.as_ref())?;
        if edited != after {
            after = edited;
            let ours = yaml_at(&after, &path)?.map(|yaml| digest(&yaml));
            keys.push(SetKey { key: key.clone(), ours, previous });
        }
    }
    Ok((after, SettingsUndo { keys }))
}

/// Gives the keys what they held before, where they still hold what we wrote.
pub(crate) fn undo(text: &str, undo: &SettingsUndo) -> Result<String, SettingsError> {
    let mut result = text.to_owned();
    for SetKey { key, ours, previous } in undo.keys.iter().rev() {
        let path: KeyPath = key.parse()?;
        if yaml_at(&result, &path)?.map(|yaml| digest(&yaml)) == *ours {
            let previous = previous.as_deref().map(parse_yaml).transpose()?;
            result = set(&result, &path, previous.as_ref())?;
        }
    }
    Ok(result)
}

fn set(text: &str, path: &KeyPath, value: Option<&Value>) -> Result<String, EditError> {
    match value {
        None => edit::delete(text, path),
        Some(Value::String(value)) => edit::set(text, path, &Scalar::text(value)),
        Some(Value::Sequence(items)) => {
            let texts = items.iter().filter_map(|item| item.as_str().map(str::to_owned));
            edit::set_list(text, path, &texts.collect::<Vec<_>>())
        }
        Some(other) => {
            let yaml = serde_yaml::to_string(other).unwrap_or_default();
            edit::set(text, path, &Scalar::parse(&yaml))
        }
    }
}

/// What a key holds, as YAML, so that a text that looks like a number stays a text.
fn yaml_at(text: &str, path: &KeyPath) -> Result<Option<String>, SettingsError> {
    let root = parse_yaml(text)?;
    let found = path.segments().iter().try_fold(&root, |value, key| value.get(key.as_str()));
    Ok(found.map(|value| serde_yaml::to_string(value).unwrap_or_default()))
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
        let (after, undone) = edit(before, &wanted).unwrap();
        assert_eq!(edit(&after, &wanted).unwrap().0, after);
        assert_eq!(undo(&after, &undone).unwrap(), before);
        // What somebody changed since is theirs.
        let changed = after.replace("user_id: ada", "user_id: eve");
        assert_eq!(undo(&changed, &undone).unwrap(), before.replace("\"007\"", "eve"));
        assert!(!format!("{undone:?}").contains("007"), "{undone:?}");
    }
}
