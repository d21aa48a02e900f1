//! Names and values that are values themselves: `name: DB_PASSWORD` and below it `value: …`,
//! `<add key="ApiKey" value="…">`, `<key>token</key><string>…</string>`.

use std::ops::Range;

use crate::cursor::{Cursor, is_quote};
use crate::judge::{Place, is_bare_secret, is_quoted_secret};
use crate::value::Named;

/// What stands before such a name.
const LABELS: [&str; 6] = ["name", "key", "id", "field", "parameter", "variable"];

/// The value stands within so many bytes of the name.
const NEAR: usize = 200;

/// The secret that belongs to a name which is a value.
pub(crate) fn value_of(text: &str, named: &Named) -> Option<Range<usize>> {
    let label = label_before(text, named.range.start)?;
    let value = if text.as_bytes()[..label].ends_with(b"<") || is_in_tag(text, label) {
        in_attribute(text, named).or_else(|| in_element(text, named.end))
    } else {
        in_attribute(text, named)
    };
    let range = value.or_else(|| before(text, label))?;
    let value = text.get(range.clone())?;
    let is_quoted =
        text.as_bytes().get(range.end).copied().is_some_and(|b| is_quote(b) || b == b'\\');
    let is_secret = if is_quoted {
        is_quoted_secret(value, named.kind, Place::Variable)
    } else {
        is_bare_secret(value, b' ', named.kind, Place::Variable)
    };
    is_secret.then_some(range)
}

/// Where the label begins that is before a name: `key="`, `"name": "`, `<key>`.
fn label_before(text: &str, start: usize) -> Option<usize> {
    let before = text.as_bytes()[..start].iter().rev().take(NEAR);
    // `smtp.password`
    let is_path = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let path = before.clone().take_while(is_path).count();
    let is_between = |byte: &&u8| b"\"'\\=:> \t".contains(byte);
    let between = before.clone().skip(path).take(12).take_while(is_between).count();
    let end = start - path - between;
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let length = text.as_bytes()[..end].iter().rev().take(24).take_while(is_word).count();
    let word = text.get(end - length..end)?.to_ascii_lowercase();
    let is_label = LABELS.iter().any(|label| word.ends_with(label));
    (between > 0 && is_label).then_some(end - length)
}

fn is_in_tag(text: &str, at: usize) -> bool {
    let before = text.as_bytes()[..at].iter().rev().take(NEAR);
    before.clone().find(|byte| b"<>".contains(byte)) == Some(&b'<')
}

/// The value beside the word `value` that follows.
fn in_attribute(text: &str, named: &Named) -> Option<Range<usize>> {
    let end = text.floor_char_boundary(named.end + NEAR);
    let near = text.get(named.end..end)?;
    let near = &near[..near.find("\n\n").unwrap_or(near.len())];
    let at = near.to_ascii_lowercase().find("value")?;
    // In another object or element.
    if near[..at].contains(['}', '/']) || near[..at].matches('<').count() > 1 {
        return None;
    }
    value_at(text, named.end + at)
}

/// The value beside the word `value` that precedes, in the same object or element.
fn before(text: &str, label: usize) -> Option<Range<usize>> {
    let start = text.floor_char_boundary(label.saturating_sub(NEAR));
    let near = &text[start..label];
    let at = near.to_ascii_lowercase().rfind("value")?;
    let range = value_at(text, start + at)?;
    (range.end <= label && !text[range.end..label].contains(['}', '>', '{'])).then_some(range)
}

fn value_at(text: &str, word: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(text, word + "value".len());
    cursor.quote();
    cursor.skip(4, b" \t");
    if cursor.skip(1, b":=>") == 0 {
        return None;
    }
    cursor.skip(4, b" \t");
    match cursor.quote() {
        Some(quote) => cursor.quoted(quote),
        None => Some(cursor.until(b" \t\r\n\\\"'<>,;}")).filter(|range| !range.is_empty()),
    }
}

/// The text of the element that is open here, of one in it, or of the next one.
fn in_element(text: &str, from: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(text, from);
    for _ in 0..3 {
        let inside = cursor.rest().iter().take(NEAR).position(|byte| *byte == b'>')?;
        cursor.at += inside + 1;
        cursor.skip(64, b" \t\r\n");
        cursor.take(b"<![CDATA[");
        if cursor.next()? != b'<' {
            return Some(cursor.until(b"<]\r\n")).filter(|range| !range.is_empty());
        }
    }
    None
}
