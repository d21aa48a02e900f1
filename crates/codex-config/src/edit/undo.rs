//! Several settings at once, and the way back.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_yaml::Value;

use super::{EditError, delete, set, set_list};
use crate::file_edit::digest;
use crate::line_change::LineChange;
use crate::{Edited, KeyPath, Scalar, document};

/// A key and what it is to hold.
///
/// It is not `Debug`, because it may be a credential.
#[derive(Clone, PartialEq)]
pub struct Setting {
    /// The key.
    pub key: KeyPath,
    /// A single value or a list of texts; `None` if the key is not to be there.
    pub value: Option<Value>,
}

/// Records what was set, for [`undo`].
///
/// It holds what was there before, which may be credentials: `Debug` shows keys only, and a file
/// with it belongs to its owner alone.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Step {
    key: Vec<String>,
    /// The hash of what we set; nothing if we took the key out.
    ours: Option<String>,
    previous: Option<Value>,
    lines: LineChange,
}

/// Sets keys, one after the other; all of them or none.
pub fn set_all(text: &str, settings: &[Setting]) -> Result<Edited<Undo>, EditError> {
    let mut edited = Edited { text: text.to_owned(), undo: Undo::default() };
    for Setting { key, value } in settings {
        let after = set_value(&edited.text, key, value.as_ref())?;
        if after == edited.text {
            continue;
        }
        edited.undo.steps.push(Step {
            key: key.segments().to_vec(),
            ours: value.as_ref().map(value_digest),
            previous: document::lookup(&document::parse_yaml(&edited.text)?, key.segments())
                .cloned(),
            lines: LineChange::between(&edited.text, &after),
        });
        edited.text = after;
    }
    Ok(edited)
}

/// Takes settings back that still have our value, and gives them the one that they had.
///
/// Where the text is what [`set_all`] made of it, the result is what it was before, to the byte.
pub fn undo(text: &str, undo: &Undo) -> Result<String, EditError> {
    undo.steps.iter().rev().try_fold(text.to_owned(), take_back)
}

fn take_back(text: String, step: &Step) -> Result<String, EditError> {
    let root = document::parse_yaml(&text)?;
    if document::lookup(&root, &step.key).map(value_digest) != step.ours {
        return Ok(text);
    }
    let mut expected = root;
    let is_possible = match &step.previous {
        Some(previous) => document::insert(&mut expected, &step.key, previous.clone()).is_ok(),
        None => {
            document::remove(&mut expected, &step.key);
            true
        }
    };
    let expected = pruned(expected);
    let is_expected = |candidate: &String| {
        document::parse_yaml(candidate).is_ok_and(|root| pruned(root) == expected)
    };
    match step.lines.taken_back(&text).find(is_expected) {
        Some(exact) if is_possible => Ok(exact),
        _ => set_value(&text, &KeyPath::from_segments(&step.key), step.previous.as_ref()),
    }
}

fn set_value(text: &str, key: &KeyPath, value: Option<&Value>) -> Result<String, EditError> {
    match value {
        None => delete(text, key),
        Some(Value::String(value)) => set(text, key, &Scalar::text(value)),
        Some(Value::Sequence(list)) => {
            let text_of = |item: &Value| item.as_str().map(str::to_owned);
            let Some(list) = list.iter().map(text_of).collect::<Option<Vec<_>>>() else {
                let reason = "only texts can be listed".to_owned();
                return Err(EditError::Unsafe { key: key.clone(), reason });
            };
            set_list(text, key, &list)
        }
        Some(Value::Mapping(mapping)) => {
            mapping.iter().try_fold(text.to_owned(), |text, (inner, value)| {
                let path = [key.segments(), &[document::display(inner)]].concat();
                set_value(&text, &KeyPath::from_segments(&path), Some(value))
            })
        }
        Some(other) => set(text, key, &Scalar::parse(&document::display(other))),
    }
}

fn value_digest(value: &Value) -> String {
    digest(&document::to_yaml(value))
}

/// Takes mappings out that hold nothing.
fn pruned(value: Value) -> Value {
    let Value::Mapping(mapping) = value else { return value };
    let kept: serde_yaml::Mapping = mapping
        .into_iter()
        .map(|(key, value)| (key, pruned(value)))
        .filter(|(_, value)| !value.is_null())
        .collect();
    if kept.is_empty() { Value::Null } else { Value::Mapping(kept) }
}

impl fmt::Debug for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.steps.iter().map(|step| step.key.join("."))).finish()
    }
}
