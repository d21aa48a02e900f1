//! Edits of `config.yaml`: text in, text out.
//!
//! The syntax tree of `yaml-edit` does the edit, and nothing is taken on trust: the result is
//! parsed again with another parser, must equal the old configuration with just that change, must
//! hold all comments, and must differ from the old text in one place only. What does not pass is
//! refused, with the text untouched. An edit that is applied twice changes nothing the second time.
//! [`set_all`] sets several keys and gives an [`Undo`] that takes them back.

mod undo;

use std::ops::Range;
use std::str::FromStr;

use serde_yaml::Value;
use yaml_edit::path::YamlPath;
use yaml_edit::{Document, YamlFile};

use crate::{KeyPath, ParseError, Scalar, document};

pub use undo::{Setting, Undo, set_all, undo};

/// Says why an edit was not made.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The text is not valid YAML to begin with.
    #[error("not valid YAML")]
    Parse(#[from] ParseError),
    /// A key above the wanted one holds something that has no keys.
    #[error("`{parent}` holds {found}, so `{key}` cannot be set below it")]
    ParentNotMapping {
        /// The wanted key.
        key: KeyPath,
        /// The segment that holds a single value or a list.
        parent: String,
        /// What it holds.
        found: &'static str,
    },
    /// The key holds a list or a mapping, which a single value would replace.
    #[error("`{key}` holds {found}, which a single value would replace")]
    WouldReplace {
        /// The wanted key.
        key: KeyPath,
        /// What it holds.
        found: &'static str,
    },
    /// The surrounding YAML does not allow an edit that leaves everything else as it is.
    #[error("`{key}` cannot be edited safely: {reason}")]
    Unsafe {
        /// The wanted key.
        key: KeyPath,
        /// What stands in the way.
        reason: String,
    },
}

/// Reads the value under a key: single values plain, lists and mappings as YAML; `None` when the
/// key is absent.
pub fn get(text: &str, key: &KeyPath) -> Result<Option<String>, ParseError> {
    let root = document::parse_yaml(text)?;
    Ok(document::lookup(&root, key.segments()).map(document::display))
}

/// Sets a key to a single value, creating the mappings above it where they are missing.
pub fn set(text: &str, key: &KeyPath, value: &Scalar) -> Result<String, EditError> {
    let before = document::parse_yaml(text)?;
    let old = document::lookup(&before, key.segments());
    if old == Some(value.value()) {
        return Ok(text.to_owned());
    }
    if let Some(old @ (Value::Mapping(_) | Value::Sequence(_))) = old {
        return Err(EditError::WouldReplace { key: key.clone(), found: document::kind(old) });
    }
    let mut expected = before.clone();
    document::insert(&mut expected, key.segments(), value.value().clone())
        .map_err(|depth| parent_not_mapping(&before, key, depth))?;

    let base = without_empty_parent(text, &before, key.segments());
    let edited = write_value(&base, key.segments(), value);
    let after = edited.map_err(|reason| EditError::Unsafe { key: key.clone(), reason })?;
    let after = with_final_newline_of(text, after);
    let old_text = old.and_then(document::scalar_text).unwrap_or_default();
    let new_text = document::scalar_text(value.value()).unwrap_or_default();
    verify(&after, &expected)
        .and_then(|()| keeps_comments((text, &old_text), (&after, &new_text)))
        .and_then(|()| replaces_one_line_at_most(&base, &after))
        .map_err(|reason| EditError::Unsafe { key: key.clone(), reason })?;
    Ok(after)
}

/// Sets a key to a list of texts in one line. A list that is there is replaced, a single value is not.
pub fn set_list(text: &str, key: &KeyPath, items: &[String]) -> Result<String, EditError> {
    let before = document::parse_yaml(text)?;
    let list = Value::Sequence(items.iter().cloned().map(Value::String).collect());
    let base = match document::lookup(&before, key.segments()) {
        Some(old) if *old == list => return Ok(text.to_owned()),
        Some(Value::Sequence(_)) => delete(text, key)?,
        Some(Value::Null) | None => text.to_owned(),
        Some(old) => {
            return Err(EditError::WouldReplace { key: key.clone(), found: document::kind(old) });
        }
    };
    const PLACEHOLDER: &str = "arize-codex-list-of-texts";
    let refused = |reason| EditError::Unsafe { key: key.clone(), reason };
    if base.contains(PLACEHOLDER) {
        return Err(refused("it holds our placeholder".to_owned()));
    }
    // JSON is YAML in one line.
    let written = serde_json::to_string(items).map_err(|error| refused(error.to_string()))?;
    let after = set(&base, key, &Scalar::text(PLACEHOLDER))?.replacen(PLACEHOLDER, &written, 1);
    let mut expected = before.clone();
    document::insert(&mut expected, key.segments(), list)
        .map_err(|depth| parent_not_mapping(&before, key, depth))?;
    verify(&after, &expected).map_err(refused)?;
    Ok(after)
}

/// Deletes a key with everything below it, and the mappings above it that this leaves empty,
/// unless a comment would go with them.
pub fn delete(text: &str, key: &KeyPath) -> Result<String, EditError> {
    let before = document::parse_yaml(text)?;
    if document::lookup(&before, key.segments()).is_none() {
        return Ok(text.to_owned());
    }
    let refused = |reason| EditError::Unsafe { key: key.clone(), reason };
    let narrow = remove_value(text, key.segments()).map_err(refused)?;
    let comments_left = comment_marks(&narrow);
    let mut result = (narrow, key.segments());
    for wider in enclosing_only_this(&before, key.segments()) {
        match remove_value(text, wider) {
            Ok(after) if comment_marks(&after) == comments_left => result = (after, wider),
            _ => break,
        }
    }
    let (after, removed) = result;
    let after = with_final_newline_of(text, after);
    let mut expected = before.clone();
    document::remove(&mut expected, removed);
    verify(&after, &expected).and_then(|()| only_removes(text, &after)).map_err(refused)?;
    Ok(after)
}

fn parent_not_mapping(root: &Value, key: &KeyPath, depth: usize) -> EditError {
    let parents = &key.segments()[..depth];
    let found = document::lookup(root, parents).map_or("nothing", document::kind);
    EditError::ParentNotMapping { key: key.clone(), parent: parents.join("."), found }
}

/// Lists the parents that hold nothing but this key, from the nearest to the outermost.
fn enclosing_only_this<'a>(root: &Value, path: &'a [String]) -> Vec<&'a [String]> {
    (1..path.len())
        .rev()
        .map(|depth| &path[..depth])
        .take_while(|parent| {
            let value = document::lookup(root, *parent);
            value.and_then(Value::as_mapping).is_some_and(|mapping| mapping.len() == 1)
        })
        .collect()
}

fn write_value(text: &str, path: &[String], value: &Scalar) -> Result<String, String> {
    let tree = parse_tree(text)?;
    match tree.documents().next() {
        Some(document) if document::parse_yaml(text).is_ok_and(|root| !root.is_null()) => {
            document
                .try_set_path(&tree_path(path), value.to_yaml())
                .map_err(|error| error.to_string())?;
            Ok(tree.to_string())
        }
        _ => Ok(append_block(text, path, value)),
    }
}

/// Adds a first key to a text that has only comments, or nothing.
fn append_block(text: &str, path: &[String], value: &Scalar) -> String {
    let newline = newline_of(text);
    let mut after = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        after.push_str(newline);
    }
    for (depth, segment) in path.iter().enumerate() {
        after.push_str(&"  ".repeat(depth));
        after.push_str(&Scalar::text(segment).to_yaml().to_yaml_string());
        after.push(':');
        if depth + 1 == path.len() {
            after.push(' ');
            after.push_str(&value.to_yaml().to_yaml_string());
        }
        after.push_str(newline);
    }
    after
}

fn remove_value(text: &str, path: &[String]) -> Result<String, String> {
    let tree = parse_tree(text)?;
    let document = tree.documents().next().ok_or("there is no document")?;
    document.try_remove_path(&tree_path(path)).map_err(|error| error.to_string())?;
    let after = tree.to_string();
    let parent = &path[..path.len() - 1];
    Ok(match empty_mapping(&after, parent) {
        Some(range) => without_range(&after, range),
        None => after,
    })
}

/// Takes out the `{}` of the deepest mapping above the key, so that the key is written in block
/// style like the rest of the file.
fn without_empty_parent(text: &str, root: &Value, path: &[String]) -> String {
    let is_empty = |parent: &&[String]| {
        let mapping = document::lookup(root, *parent).and_then(Value::as_mapping);
        mapping.is_some_and(serde_yaml::Mapping::is_empty)
    };
    let parent = (0..path.len()).map(|depth| &path[..depth]).find(is_empty);
    match parent.and_then(|parent| empty_mapping(text, parent)) {
        Some(range) => without_range(text, range),
        None => text.to_owned(),
    }
}

/// Finds the `{}` that is the whole value of a key.
fn empty_mapping(text: &str, path: &[String]) -> Option<Range<usize>> {
    let tree = parse_tree(text).ok()?;
    let document: Document = tree.documents().next()?;
    let position = match path {
        [] => document.as_mapping()?.byte_range(),
        _ => document.try_get_path(&tree_path(path)).ok()?.byte_range(),
    };
    let start = usize::try_from(position.start).ok()?;
    let end = usize::try_from(position.end).ok()?;
    let source = text.get(start..end)?.trim_end();
    let inside = source.strip_prefix('{')?.strip_suffix('}')?;
    inside.trim().is_empty().then_some(start..start + source.len())
}

/// Cuts a range out, with the line when nothing else is on it, otherwise with the blanks around.
fn without_range(text: &str, range: Range<usize>) -> String {
    let (before, after) = (&text[..range.start], &text[range.end..]);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = after.find('\n').map_or(after.len(), |newline| newline + 1);
    if before[line_start..].trim().is_empty() && after[..line_end].trim().is_empty() {
        return format!("{}{}", &before[..line_start], &after[line_end..]);
    }
    if after.trim_start_matches([' ', '\t']).starts_with('#') {
        return format!("{before}{}", after.trim_start_matches([' ', '\t']));
    }
    format!("{}{after}", before.trim_end_matches([' ', '\t']))
}

fn parse_tree(text: &str) -> Result<YamlFile, String> {
    YamlFile::from_str(text).map_err(|error| error.to_string())
}

/// Spells a path with every character escaped, so that no segment is taken for an index.
fn tree_path(path: &[String]) -> String {
    let escaped = |segment: &String| segment.chars().flat_map(|c| ['\\', c]).collect::<String>();
    path.iter().map(escaped).collect::<Vec<_>>().join(".")
}

/// Ends the last line where that of the text before ended; yaml-edit leaves a new nested key without.
fn with_final_newline_of(before: &str, mut after: String) -> String {
    if !before.is_empty() && !before.ends_with('\n') {
        after.truncate(after.trim_end_matches(['\r', '\n']).len());
    } else if !after.is_empty() && !after.ends_with('\n') {
        after.push_str(newline_of(before));
    }
    after
}

fn newline_of(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn verify(after: &str, expected: &Value) -> Result<(), String> {
    match document::parse_yaml(after) {
        Ok(root) if root == *expected => Ok(()),
        _ => Err("anchors, aliases or flow style stand in the way".to_owned()),
    }
}

/// Compares each text without the value that was set.
fn keeps_comments(before: (&str, &str), after: (&str, &str)) -> Result<(), String> {
    if comment_marks(after.0) + comment_marks(before.1)
        >= comment_marks(before.0) + comment_marks(after.1)
    {
        Ok(())
    } else {
        Err("a comment would be lost".to_owned())
    }
}

fn replaces_one_line_at_most(before: &str, after: &str) -> Result<(), String> {
    match changed_lines(before, after) {
        (0 | 1, _) => Ok(()),
        _ => Err("it spans several lines".to_owned()),
    }
}

fn only_removes(before: &str, after: &str) -> Result<(), String> {
    match changed_lines(before, after) {
        (_, 0 | 1) => Ok(()),
        _ => Err("other lines would change".to_owned()),
    }
}

/// Counts more than the comments where values hold the same sign, which errs on the safe side.
fn comment_marks(text: &str) -> usize {
    text.matches('#').count()
}

/// Counts the lines in the one region in which two texts differ: in the first, in the second.
fn changed_lines(before: &str, after: &str) -> (usize, usize) {
    let before: Vec<&str> = before.lines().collect();
    let after: Vec<&str> = after.lines().collect();
    let same_start = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[same_start..], &after[same_start..]);
    let same_end = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    (before.len() - same_end, after.len() - same_end)
}
