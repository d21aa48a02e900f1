//! The data of secrets of Kubernetes, whatever their names are.

use std::ops::Range;

use crate::cursor::Cursor;
use crate::stand_in::is_stand_in;

/// How each is found, in lower case: in YAML, and in JSON with or without spaces.
pub(crate) const KINDS: [&str; 3] = ["kind: secret", "\"kind\":\"secret\"", "\"kind\": \"secret\""];

/// How far from its kind the data of a secret may stand.
const REACH: usize = 16 * 1024;

/// The values in the data of the secret whose kind stands at this range.
pub(crate) fn data(text: &str, kind: Range<usize>) -> Vec<Range<usize>> {
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric();
    if text.as_bytes().get(kind.end).is_some_and(is_inner) {
        return Vec::new();
    }
    let document = document(text, &kind);
    let is_json = text[kind].starts_with('"');
    let words: [&str; 2] =
        if is_json { ["\"data\"", "\"stringData\""] } else { ["\ndata:", "\nstringData:"] };
    let mut found = Vec::new();
    for word in words {
        let at = text[document.clone()].find(word).map(|at| document.start + at + word.len());
        // A document may begin with its data.
        let first =
            text[document.clone()].starts_with(&word[1..]).then(|| document.start + word.len() - 1);
        let Some(from) = at.or(first.filter(|_| !is_json)) else { continue };
        let entries = if is_json {
            fields(text, from, document.end)
        } else {
            lines(text, from, document.end)
        };
        found.extend(entries.into_iter().filter(|range| {
            let value = &text[range.clone()];
            value.len() >= 4 && !is_stand_in(value)
        }));
    }
    found
}

/// Where the document begins and ends that has its kind here.
fn document(text: &str, kind: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(kind.start.saturating_sub(REACH));
    let end = text.floor_char_boundary(kind.end + REACH);
    let before = &text[start..kind.start];
    let begin = before.rfind("\n---").map(|at| at + 4).or_else(|| before.rfind("apiVersion"));
    let after = &text[kind.end..end];
    let first = after.find("\n---");
    let next = after.find("apiVersion").filter(|at| *at > 64 || begin.is_some());
    let length = first.into_iter().chain(next).min().unwrap_or(after.len());
    start + begin.unwrap_or(0)..kind.end + length
}

/// The values of lines that are further in than the line before them.
fn lines(text: &str, from: usize, end: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = from;
    for line in text[from..end].split_inclusive('\n') {
        let start = at;
        at += line.len();
        let is_inside = line.starts_with([' ', '\t']) || line.trim().is_empty();
        if !is_inside {
            break;
        }
        let line = line.trim_end();
        let value = match line.split_once(": ") {
            Some((_, value)) => value,
            // A line of a block.
            None if !line.ends_with(':') => line,
            None => continue,
        };
        let value = value.trim_start();
        let end = start + line.len();
        let range = end - value.len()..end;
        let inner = value.trim_matches(['"', '\'']);
        if !inner.is_empty() && !["|", ">", "|-", ">-", "{}"].contains(&inner) {
            let skipped = value.find(inner).unwrap_or(0);
            found.push(range.start + skipped..range.start + skipped + inner.len());
        }
    }
    found
}

/// The texts of an object in JSON.
fn fields(text: &str, from: usize, end: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut cursor = Cursor::new(text, from);
    let space = b" \t\r\n";
    cursor.skip(64, b" \t\r\n:");
    if !cursor.take(b"{") {
        return found;
    }
    while cursor.at < end {
        cursor.skip(REACH, b" \t\r\n,");
        let Some(quote) = cursor.quote() else { break };
        let Some(name) = cursor.quoted(quote) else { break };
        cursor.at = name.end + 1;
        cursor.skip(64, space);
        cursor.take(b":");
        cursor.skip(64, space);
        let Some(quote) = cursor.quote() else { break };
        let Some(value) = cursor.quoted(quote) else { break };
        cursor.at = value.end + 1;
        found.push(value);
    }
    found
}
