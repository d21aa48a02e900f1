//! Edits of Codex's `hooks.json`, the other place for lifecycle hooks: text in, text out.
//!
//! Codex complains at each start when hooks are in both places, so that ours go where there are some
//! already. The result is parsed again and must be the old file with our commands added, or without
//! them; layout and order of everything else stay.

use std::fmt;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstNode, CstObject, CstRootNode};
use jsonc_parser::json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codex_toml::{LifecycleHooks, prune};
use crate::lifecycle::{self, FoundHook};
use crate::line_change::LineChange;
use crate::{Edited, ParseError};

/// Says why an edit was not made; the text is untouched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not valid JSON; Codex reads no hook from it either.
    #[error("not valid JSON")]
    Parse(#[from] ParseError),
    /// A key holds what Codex does not understand there.
    #[error("`{key}` holds something else than {expected}")]
    Shape {
        /// The key.
        key: String,
        /// What Codex expects.
        expected: &'static str,
    },
    /// The layout of the file allows no edit that leaves everything else as it is.
    #[error("the way it is written would change more than was asked for")]
    Unsafe,
}

/// Records which commands were added, for [`undo`].
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    command: String,
    events: Vec<String>,
    lines: Option<LineChange>,
}

/// Reads the commands of lifecycle events.
pub fn inspect(text: &str) -> Result<Vec<FoundHook>, EditError> {
    Ok(lifecycle::found(&parse(text)?["hooks"]))
}

/// Says whether any command is there.
pub fn has_hooks(text: &str) -> Result<bool, EditError> {
    let root = parse(text)?;
    let events = root["hooks"].as_object().into_iter().flatten();
    Ok(events.into_iter().any(|(_, groups)| groups.as_array().is_some_and(|list| !list.is_empty())))
}

/// Adds the command, after those that are there, to each event that does not run it yet.
pub fn edit(text: &str, wanted: &LifecycleHooks) -> Result<Edited<Undo>, EditError> {
    let mut expected = parse(text)?;
    let is_missing = |event: &&String| !runs(&expected["hooks"][event.as_str()], &wanted.command);
    let events: Vec<String> = wanted.events.iter().filter(is_missing).cloned().collect();
    if events.is_empty() {
        return Ok(Edited { text: text.to_owned(), undo: Undo::default() });
    }
    let root = parse_tree(text)?;
    let shape = |key: &str, expected| EditError::Shape { key: key.to_owned(), expected };
    let object = root.object_value_or_create().ok_or_else(|| shape("hooks.json", "an object"))?;
    let hooks =
        object.object_value_or_create("hooks").ok_or_else(|| shape("hooks", "an object"))?;
    for event in &events {
        let groups = hooks.array_value_or_create(event);
        let groups = groups.ok_or_else(|| shape(&format!("hooks.{event}"), "a list"))?;
        let (command, timeout) = (wanted.command.as_str(), wanted.timeout_seconds);
        groups.append(json!({
            "hooks": [{ "type": "command", "command": command, "timeout": timeout }],
        }));
        let group = serde_json::json!({
            "hooks": [{ "type": "command", "command": command, "timeout": timeout }],
        });
        match &mut expected["hooks"][event.as_str()] {
            Value::Array(groups) => groups.push(group),
            nothing => *nothing = Value::Array(vec![group]),
        }
    }
    let mut after = root.to_string();
    if text.is_empty() {
        after.push('\n');
    }
    if parse(&after)? != expected {
        return Err(EditError::Unsafe);
    }
    let lines = Some(LineChange::between(text, &after));
    Ok(Edited { text: after, undo: Undo { command: wanted.command.clone(), events, lines } })
}

/// Takes the commands out that are still there, with what this leaves empty.
///
/// Where the text is what [`edit`] made of it, the result is what it was before, to the byte.
pub fn undo(text: &str, undo: &Undo) -> Result<String, EditError> {
    let mut expected = parse(text)?;
    for event in &undo.events {
        let groups = expected.get_mut("hooks").and_then(|hooks| hooks.get_mut(event.as_str()));
        for group in groups.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(hooks) = group.get_mut("hooks").and_then(Value::as_array_mut) {
                hooks.retain(|hook| hook["command"] != undo.command.as_str());
            }
        }
    }
    let expected = pruned(expected);
    let is_expected =
        |candidate: &String| parse(candidate).is_ok_and(|root| pruned(root) == expected);
    let exact = undo.lines.iter().flat_map(|lines| lines.taken_back(text)).find(is_expected);
    if let Some(exact) = exact {
        return Ok(exact);
    }
    let root = parse_tree(text)?;
    if let Some(hooks) = root.object_value().and_then(|object| object.object_value("hooks")) {
        undo.events.iter().for_each(|event| remove(&hooks, event, &undo.command));
    }
    Some(root.to_string()).filter(is_expected).ok_or(EditError::Unsafe)
}

/// Takes a command out of an event, with the group and the event in which nothing else is.
fn remove(hooks: &CstObject, event: &str, command: &str) {
    let Some(groups) = hooks.array_value(event) else { return };
    for group in groups.elements() {
        let Some(object) = group.as_object() else { continue };
        let Some(list) = object.array_value("hooks") else { continue };
        let runs_ours = |hook: &CstNode| {
            let value = hook.as_object().and_then(|hook| hook.get("command")?.value());
            let text = value.and_then(|value| value.as_string_lit()?.decoded_value().ok());
            text.as_deref() == Some(command)
        };
        let (ours, theirs): (Vec<_>, Vec<_>) = list.elements().into_iter().partition(runs_ours);
        // The user may have given it a matcher.
        let is_nothing_else = theirs.is_empty() && object.properties().len() == 1;
        if is_nothing_else && !ours.is_empty() {
            group.remove();
        } else {
            ours.into_iter().for_each(CstNode::remove);
        }
    }
    if groups.elements().is_empty()
        && let Some(event) = hooks.get(event)
    {
        event.remove();
    }
}

fn runs(groups: &Value, command: &str) -> bool {
    let groups = groups.as_array().into_iter().flatten();
    let mut hooks = groups.filter_map(|group| group["hooks"].as_array()).flatten();
    hooks.any(|hook| hook["command"] == command)
}

fn pruned(mut root: Value) -> Value {
    prune(&mut root);
    root
}

/// Parses as strictly as Codex does; an empty text holds nothing.
fn parse(text: &str) -> Result<Value, EditError> {
    if text.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_str(text).map_err(|error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        let reason = error.to_string().replacen(&format!(" at line {line} column {column}"), "", 1);
        EditError::Parse(ParseError { line, column, reason })
    })
}

fn parse_tree(text: &str) -> Result<CstRootNode, EditError> {
    CstRootNode::parse(text, &ParseOptions::default()).map_err(|_| EditError::Unsafe)
}

impl fmt::Debug for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.events).finish()
    }
}
