//! Edits of Codex's `hooks.json`, the other place for lifecycle hooks: text in, text out.
//!
//! Codex complains at each start when hooks are in both places, so that ours go where there are some
//! already. The result is parsed again and must be the old file with our commands added, or without
//! them; layout and order of everything else stay.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstNode, CstObjectProp, CstRootNode};
use jsonc_parser::json;
use serde_json::Value;

use crate::ParseError;
use crate::codex_toml::{LifecycleHooks, is_hook, prune};
use crate::lifecycle::{self, FoundHook};

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
pub fn install(text: &str, wanted: &LifecycleHooks) -> Result<String, EditError> {
    let mut expected = parse(text)?;
    let is_missing = |event: &&String| !runs(&expected["hooks"][event.as_str()], &wanted.command);
    let events: Vec<String> = wanted.events.iter().filter(is_missing).cloned().collect();
    if events.is_empty() {
        return Ok(text.to_owned());
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
    Ok(after)
}

/// Takes out every command that runs our hook, with what this leaves empty. Nothing else says which are
/// ours, because JSON has no comments; the layout around them is not always the one before [`install`].
pub fn uninstall(text: &str) -> Result<String, EditError> {
    let mut expected = parse(text)?;
    let events = expected.get_mut("hooks").and_then(Value::as_object_mut);
    let groups = events.into_iter().flatten();
    for group in groups.filter_map(|(_, groups)| groups.as_array_mut()).flatten() {
        if let Some(hooks) = group.get_mut("hooks").and_then(Value::as_array_mut) {
            hooks.retain(|hook| !hook["command"].as_str().is_some_and(is_ours));
        }
    }
    let root = parse_tree(text)?;
    let mut is_changed = false;
    if let Some(hooks) = root.object_value().and_then(|object| object.object_value("hooks")) {
        for event in hooks.properties() {
            is_changed |= take_out(event);
        }
    }
    let after = if is_changed { root.to_string() } else { text.to_owned() };
    let is_expected = parse(&after).is_ok_and(|root| pruned(root) == pruned(expected));
    if is_expected { Ok(after) } else { Err(EditError::Unsafe) }
}

/// Whether a command is nothing but a run of our hook, as [`install`] writes it.
fn is_ours(command: &str) -> bool {
    let Some(program) = command.trim_end().strip_suffix("--lifecycle") else { return false };
    let program = program.trim();
    let program = program.strip_prefix("& ").unwrap_or(program);
    let quoted = program.strip_prefix('\'').and_then(|program| program.strip_suffix('\''));
    match quoted {
        Some(path) => is_hook(path),
        None => !program.contains(char::is_whitespace) && is_hook(program),
    }
}

/// Takes our commands out of an event, with the group and the event in which nothing else is.
fn take_out(event: CstObjectProp) -> bool {
    let Some(groups) = event.array_value() else { return false };
    let mut is_changed = false;
    for group in groups.elements() {
        let Some(object) = group.as_object() else { continue };
        let Some(list) = object.array_value("hooks") else { continue };
        let runs_ours = |hook: &CstNode| {
            let value = hook.as_object().and_then(|hook| hook.get("command")?.value());
            let text = value.and_then(|value| value.as_string_lit()?.decoded_value().ok());
            text.as_deref().is_some_and(is_ours)
        };
        let (ours, theirs): (Vec<_>, Vec<_>) = list.elements().into_iter().partition(runs_ours);
        is_changed |= !ours.is_empty();
        // The user may have given it a matcher.
        let is_nothing_else = theirs.is_empty() && object.properties().len() == 1;
        if is_nothing_else && !ours.is_empty() {
            group.remove();
        } else {
            ours.into_iter().for_each(CstNode::remove);
        }
    }
    if is_changed && groups.elements().is_empty() {
        event.remove();
    }
    is_changed
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
