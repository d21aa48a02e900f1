//! Takes back what an edit did, from a text that may have changed since.

use super::aside::put_back;
use super::change::{Change, Undo};
use super::edit::Draft;
use super::outline::Outline;
use super::{EditError, hooks, verify};
use crate::lines::{self, line_before, splice, without_all, without_lines};

/// Takes out of a text what is still ours, and puts back what was there before.
///
/// A key that has another value by now is the user's and stays. Where the text is what
/// [`edit`](super::edit) made of it, the result is what it was before, to the byte.
pub fn undo(text: &str, undo: &Undo) -> Result<String, EditError> {
    let (bom, body) = lines::split_bom(text);
    let mut result = body.to_owned();
    for change in undo.changes.iter().rev() {
        result = take_back(&result, change)?;
    }
    verify::undone(body, &result, &undo.changes)?;
    Ok(format!("{bom}{result}"))
}

fn take_back(text: &str, change: &Change) -> Result<String, EditError> {
    match change {
        Change::SetAside { key, lines, value } => restore(text, &path(key), lines, value),
        Change::Set { key, value, replaced, blank_below } => match replaced {
            Some(replaced) => replace(text, &path(key), value, replaced),
            None => remove(text, &path(key), value, *blank_below),
        },
        Change::Header { table, blank_above } => remove_header(text, &path(table), *blank_above),
        Change::Hook { event, command, blank_above } => {
            // A user who copied it would be left with a command that is not there any more.
            let mut text = text.to_owned();
            while let Some(without) = hooks::without(&text, event, command, *blank_above)? {
                text = without;
            }
            Ok(text)
        }
    }
}

/// Makes lines of comments again, unless the user gave the key another value.
fn restore(text: &str, path: &[&str], lines: &str, value: &str) -> Result<String, EditError> {
    let outline = Outline::parse(text)?;
    if outline.item(path).is_some() {
        return Ok(text.to_owned());
    }
    if let Some(restored) = put_back(text, lines)
        && let Ok(outline) = Outline::parse(&restored)
        && outline.item(path).is_some_and(|item| verify::same_as_text(item, value))
    {
        return Ok(restored);
    }
    let mut draft = Draft { text: text.to_owned(), changes: Vec::new() };
    if let Ok(value) = value.parse() {
        draft.set(path, &value)?;
    }
    Ok(draft.text)
}

/// Gives a key of an inline table the value it had.
fn replace(text: &str, path: &[&str], ours: &str, old: &str) -> Result<String, EditError> {
    let outline = Outline::parse(text)?;
    let span = outline
        .item(path)
        .filter(|item| verify::same_as_text(item, ours))
        .and_then(|item| item.as_value()?.span());
    Ok(match span {
        Some(span) => splice(text, vec![(span, old.to_owned())]),
        None => text.to_owned(),
    })
}

/// Removes a key that has our value.
fn remove(text: &str, path: &[&str], ours: &str, blank_below: bool) -> Result<String, EditError> {
    let outline = Outline::parse(text)?;
    if !outline.item(path).is_some_and(|item| verify::same_as_text(item, ours)) {
        return Ok(text.to_owned());
    }
    if let [table, key] = path
        && let Some(range) = outline.inline_element(table, key)
    {
        return Ok(splice(text, vec![(range, String::new())]));
    }
    let mut ranges: Vec<_> = outline.below(path).map(|(_, entry)| outline.lines(entry)).collect();
    if let (true, [range]) = (blank_below, ranges.as_mut_slice()) {
        let first_line = text[range.end..].split_inclusive('\n').next().unwrap_or_default();
        range.end += if first_line.trim().is_empty() { first_line.len() } else { 0 };
    }
    Ok(without_all(text, ranges))
}

/// Removes a header of ours that nothing stands below any more.
fn remove_header(text: &str, path: &[&str], blank_above: bool) -> Result<String, EditError> {
    let outline = Outline::parse(text)?;
    let Some(header) = outline.header(path) else { return Ok(text.to_owned()) };
    if !outline.body(Some(header)).is_empty() {
        return Ok(text.to_owned());
    }
    let mut range = outline.lines(&outline.entries[header]);
    if let (true, Some(above)) = (blank_above, line_before(text, range.start))
        && text[above.clone()].trim().is_empty()
    {
        range.start = above.start;
    }
    Ok(without_lines(text, range))
}

fn path(key: &[String]) -> Vec<&str> {
    key.iter().map(String::as_str).collect()
}
