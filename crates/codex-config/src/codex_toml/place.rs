//! Where a new `key = value` goes.

use super::outline::Outline;
use crate::lines::line_before;

/// A place for a line, and how the key is spelled there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The byte, at the start of a line or at the end of the text.
    pub(super) at: usize,
    /// The key, relative to the table that the place is in.
    pub(super) key: String,
    /// Whether lines go around it: a header above, a blank line above or below.
    pub(super) around: Around,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    Nothing,
    BlankBelow,
    /// The table is not there yet.
    Header {
        blank_above: bool,
    },
}

/// Finds the place for a key: beside what it replaces, else at the end of its table, else in a new
/// table at the end of the text.
pub(super) fn place(outline: &Outline<'_>, path: &[&str]) -> Place {
    let nothing = |at, key| Place { at, key, around: Around::Nothing };
    if let Some((at, depth)) = beside_replaced(outline, path) {
        return nothing(at, path[depth..].join("."));
    }
    let (table, last) = (&path[..path.len() - 1], path[path.len() - 1].to_owned());
    if table.is_empty() {
        let (at, blank_below) = end_of_root(outline);
        let around = if blank_below { Around::BlankBelow } else { Around::Nothing };
        return Place { at, key: last, around };
    }
    if let Some(header) = outline.header(table) {
        let end = outline.body(Some(header)).last().unwrap_or(&outline.entries[header]);
        return nothing(outline.lines(end).end, last);
    }
    let dotted = outline.body(None).iter().rev().find(|entry| entry.is_below(table));
    if let Some(dotted) = dotted {
        return nothing(outline.lines(dotted).end, path.join("."));
    }
    let around = Around::Header { blank_above: needs_blank_above(outline.text) };
    Place { at: outline.text.len(), key: last, around }
}

/// Says whether what is added to a text should stand apart from it.
pub(super) fn needs_blank_above(text: &str) -> bool {
    let last_line = text.lines().next_back();
    last_line.is_some_and(|line| !line.trim().is_empty())
}

/// Finds the end of the last line that the key stands on now, if its table is the one to write to,
/// with the number of keys that its header already says.
fn beside_replaced(outline: &Outline<'_>, path: &[&str]) -> Option<(usize, usize)> {
    let (index, entry) = outline.below(path).filter(|(_, entry)| entry.is_value()).last()?;
    let depth = match outline.header_of(index) {
        None => 0,
        Some(header) => outline.entries[header].path.len(),
    };
    (depth < path.len()).then(|| (outline.lines(entry).end, depth))
}

/// Finds where a top-level key can be added: below the other ones, or above the first table and
/// the comment that belongs to it. The flag says that a blank line must follow.
fn end_of_root(outline: &Outline<'_>) -> (usize, bool) {
    if let Some(last) = outline.body(None).last() {
        return (outline.lines(last).end, false);
    }
    let Some(first_table) = outline.entries.first() else { return (outline.text.len(), false) };
    let mut at = outline.lines(first_table).start;
    while let Some(line) = line_before(outline.text, at) {
        // `#:schema` speaks of the whole file and must stay on top.
        let comment = &outline.text[line.clone()];
        if !comment.starts_with('#') || comment.starts_with("#:") {
            break;
        }
        at = line.start;
    }
    (at, true)
}
