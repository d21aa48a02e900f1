//! Several settings at once, and the way back.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_yaml::Value;

use super::{EditError, delete, set, set_list};
use crate::line_change::LineChange;
use crate::{KeyPath, Scalar, document};

/// A value to set.
#[derive(Clone)]
pub enum NewValue {
    /// A single value.
    Scalar(Scalar),
    /// A list of texts.
    List(Vec<String>),
}

/// A text with its new settings, and how to take them back. `Debug` does not show the text.
#[derive(Clone)]
pub struct Edited {
    /// The text; the old one where there was nothing to do.
    pub text: String,
    /// What was done.
    pub undo: Undo,
}

/// Records what was set, for [`undo`].
///
/// It holds lines as they were, which may be credentials: `Debug` shows keys only, and a file with
/// it belongs to its owner alone.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Step {
    key: Vec<String>,
    ours: Value,
    previous: Option<Value>,
    lines: LineChange,
}

impl Undo {
    /// Says whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Sets keys, one after the other; all of them or none.
pub fn set_all(text: &str, settings: &[(KeyPath, NewValue)]) -> Result<Edited, EditError> {
    let mut edited = Edited { text: text.to_owned(), undo: Undo::default() };
    for (key, value) in settings {
        let after = match value {
            NewValue::Scalar(scalar) => set(&edited.text, key, scalar)?,
            NewValue::List(list) => set_list(&edited.text, key, list)?,
        };
        if after == edited.text {
            continue;
        }
        let value_in = |text: &str| -> Result<Option<Value>, EditError> {
            let root = document::parse_yaml(text)?;
            Ok(document::lookup(&root, key.segments()).cloned())
        };
        edited.undo.steps.push(Step {
            key: key.segments().to_vec(),
            ours: value_in(&after)?.unwrap_or_default(),
            previous: value_in(&edited.text)?,
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
    if document::lookup(&root, &step.key) != Some(&step.ours) {
        return Ok(text);
    }
    let mut expected = root;
    match &step.previous {
        Some(previous) => {
            // The key is there, so that nothing stands above it but mappings.
            let _ = document::insert(&mut expected, &step.key, previous.clone());
        }
        None => document::remove(&mut expected, &step.key),
    }
    let expected = pruned(expected);
    let is_expected = |candidate: &String| {
        document::parse_yaml(candidate).is_ok_and(|root| pruned(root) == expected)
    };
    if let Some(exact) = step.lines.taken_back(&text).find(is_expected) {
        return Ok(exact);
    }
    let key = KeyPath::from_segments(&step.key);
    match &step.previous {
        None => delete(&text, &key),
        Some(Value::Sequence(list)) => {
            let list = list.iter().map(document::display).collect::<Vec<_>>();
            set_list(&text, &key, &list)
        }
        Some(Value::String(previous)) => set(&text, &key, &Scalar::text(previous)),
        Some(previous) => set(&text, &key, &Scalar::parse(&document::display(previous))),
    }
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

impl fmt::Debug for Edited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edited").field("undo", &self.undo).finish_non_exhaustive()
    }
}
