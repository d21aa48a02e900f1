//! Lines of a text: adding them and taking them out, to the byte.

use std::ops::Range;

/// Parts a text from the byte order mark before it.
pub(crate) fn split_bom(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
}

/// Finds out how the lines around a place end.
pub(crate) fn newline_near(text: &str, at: usize) -> &'static str {
    let newline = text[..at].rfind('\n').or_else(|| text.find('\n'));
    match newline {
        Some(newline) if text[..newline].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Writes lines (without line endings) for a place at the start of a line or at the end of the
/// text, so that a text without final newline stays one.
pub(crate) fn lines_at(text: &str, at: usize, lines: &[&str]) -> String {
    let newline = newline_near(text, at);
    let joined = lines.join(newline);
    if at > 0 && !text[..at].ends_with('\n') {
        format!("{newline}{joined}")
    } else {
        format!("{joined}{newline}")
    }
}

/// Takes whole lines out.
pub(crate) fn without_lines(text: &str, lines: Range<usize>) -> String {
    without_all(text, vec![lines])
}

/// Takes several lines out, given in their order. A last line without newline takes the one before
/// along, so that the text has none at its end, as before.
pub(crate) fn without_all(text: &str, lines: Vec<Range<usize>>) -> String {
    let takes_last = lines.last().is_some_and(|last| last.end == text.len());
    let nothing = lines.into_iter().map(|lines| (lines, String::new())).collect();
    let mut result = splice(text, nothing);
    if takes_last && !text.ends_with('\n') {
        let without_newline = result.strip_suffix('\n').unwrap_or(&result);
        result.truncate(without_newline.strip_suffix('\r').unwrap_or(without_newline).len());
    }
    result
}

/// Applies replacements that do not overlap.
pub(crate) fn splice(text: &str, mut replacements: Vec<(Range<usize>, String)>) -> String {
    replacements.sort_by_key(|(range, _)| (range.start, range.end));
    let mut result = text.to_owned();
    for (range, replacement) in replacements.into_iter().rev() {
        result.replace_range(range, &replacement);
    }
    result
}

/// Gives the line that ends where another one starts.
pub(crate) fn line_before(text: &str, at: usize) -> Option<Range<usize>> {
    let end = text[..at].strip_suffix('\n')?.len();
    let start = text[..end].rfind('\n').map_or(0, |newline| newline + 1);
    Some(start..at)
}
