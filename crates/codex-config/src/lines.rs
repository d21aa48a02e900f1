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

/// Takes whole lines out; the last one takes the newline before along when it has none itself.
pub(crate) fn without_lines(text: &str, lines: Range<usize>) -> String {
    let (mut before, taken, after) =
        (&text[..lines.start], &text[lines.clone()], &text[lines.end..]);
    if after.is_empty() && !taken.ends_with('\n') {
        before = before.strip_suffix('\n').unwrap_or(before);
        before = before.strip_suffix('\r').unwrap_or(before);
    }
    format!("{before}{after}")
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
