//! Commands for Codex's lifecycle events, as arrays of tables at the end of the text.

use serde_json::Value as Json;
use toml_edit::Value;

use super::change::Change;
use super::edit::{Draft, LifecycleHooks};
use super::outline::{Entry, Outline};
use super::place::needs_blank_above;
use super::{EditError, verify};
use crate::lines;

/// Adds the command to each event that does not run it yet. Codex remembers which hooks a person
/// trusts by their number, so that ours come last.
pub(super) fn add(draft: &mut Draft, wanted: &LifecycleHooks) -> Result<(), EditError> {
    for event in &wanted.events {
        let outline = Outline::parse(&draft.text)?;
        if is_there(&outline, event, &wanted.command) {
            continue;
        }
        // A list in brackets cannot be continued by tables.
        if outline.value(&["hooks"]).is_some() || outline.value(&["hooks", event]).is_some() {
            let key = format!("hooks.{event}");
            let reason = "it is written as one value, which tables cannot add to";
            return Err(EditError::Unsafe { key, reason });
        }
        let text = &draft.text;
        let blank_above = needs_blank_above(text);
        let added = [
            format!("[[hooks.{event}]]"),
            format!("[[hooks.{event}.hooks]]"),
            "type = \"command\"".to_owned(),
            format!("command = {}", Value::from(wanted.command.as_str())),
            format!("timeout = {}", wanted.timeout_seconds),
        ];
        let blank = if blank_above { &[""][..] } else { &[] };
        let added: Vec<&str> =
            blank.iter().copied().chain(added.iter().map(String::as_str)).collect();
        draft.text = text.clone() + &lines::lines_at(text, text.len(), &added);
        let (event, command) = (event.clone(), wanted.command.clone());
        draft.changes.push(Change::Hook { event, command, blank_above });
    }
    Ok(())
}

/// Says whether an event runs a command.
pub(super) fn is_there(outline: &Outline<'_>, event: &str, command: &str) -> bool {
    let groups = outline.item(&["hooks", event]).map(verify::item_json).unwrap_or_default();
    let groups = groups.as_array().into_iter().flatten();
    let mut hooks = groups.filter_map(|group| group["hooks"].as_array()).flatten();
    hooks.any(|hook| hook["command"] == command)
}

/// Takes a command out of an event, with the group around it when nothing else is in it.
/// `None` when the event does not run it.
pub(super) fn without(
    text: &str,
    event: &str,
    command: &str,
    blank_above: bool,
) -> Result<Option<String>, EditError> {
    let outline = Outline::parse(text)?;
    let Some(hook) = find(&outline, event, command) else { return Ok(None) };
    let entries = &outline.entries;
    let end = hook + 1 + outline.body(Some(hook)).len();
    let is_of_group = |entry: Option<&Entry>| {
        entry.is_some_and(|entry| entry.is_below(&["hooks", event]) && entry.path.len() > 2)
    };
    let alone = hook > 0
        && !entries[hook - 1].is_value()
        && entries[hook - 1].path == ["hooks", event]
        && !is_of_group(entries.get(end));
    let first = if alone { hook - 1 } else { hook };
    let mut ranges: Vec<_> = entries[first..end].iter().map(|entry| outline.lines(entry)).collect();
    if let (true, Some(line)) = (blank_above && alone, lines::line_before(text, ranges[0].start))
        && text[line.clone()].trim().is_empty()
    {
        ranges[0].start = line.start;
    }
    Ok(Some(lines::without_all(text, ranges)))
}

/// Does the same to the parsed `hooks`.
pub(super) fn remove_json(hooks: &mut Json, command: &str) {
    let groups = hooks.as_object_mut().into_iter().flat_map(|events| events.values_mut());
    for group in groups.filter_map(Json::as_array_mut).flatten() {
        if let Some(hooks) = group.get_mut("hooks").and_then(Json::as_array_mut) {
            hooks.retain(|hook| hook["command"] != command);
        }
    }
}

/// Finds the header of the hook that runs a command.
fn find(outline: &Outline<'_>, event: &str, command: &str) -> Option<usize> {
    let runs = |entry: &Entry| {
        let value = outline.value_text(entry).and_then(|text| text.parse::<Value>().ok());
        entry.path == ["hooks", event, "hooks", "command"]
            && value.is_some_and(|value| value.as_str() == Some(command))
    };
    let command = outline.entries.iter().position(runs)?;
    outline.header_of(command)
}
