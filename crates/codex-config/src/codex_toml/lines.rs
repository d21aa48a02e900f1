//! Lines: adding them, taking them out, and making comments of them.

use std::ops::Range;

/// Begins each line that was replaced; what follows is the line as it was.
pub const REPLACED: &str = "# replaced by arize-codex: ";

/// Parts a text from the byte order mark before it.
pub(super) fn split_bom(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
}

/// Finds out how the lines around a place end.
pub(super) fn newline_near(text: &str, at: usize) -> &'static str {
    let newline = text[..at].rfind('\n').or_else(|| text.find('\n'));
    match newline {
        Some(newline) if text[..newline].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Writes lines (without line endings) for a place at the start of a line or at the end of the
/// text, so that a text without final newline stays one.
pub(super) fn lines_at(text: &str, at: usize, lines: &[&str]) -> String {
    let newline = newline_near(text, at);
    let joined = lines.join(newline);
    if at > 0 && !text[..at].ends_with('\n') {
        format!("{newline}{joined}")
    } else {
        format!("{joined}{newline}")
    }
}

/// Takes whole lines out; the last one takes the newline before along when it has none itself.
pub(super) fn without_lines(text: &str, lines: Range<usize>) -> String {
    let (mut before, taken, after) =
        (&text[..lines.start], &text[lines.clone()], &text[lines.end..]);
    if after.is_empty() && !taken.ends_with('\n') {
        before = before.strip_suffix('\n').unwrap_or(before);
        before = before.strip_suffix('\r').unwrap_or(before);
    }
    format!("{before}{after}")
}

/// Applies replacements that do not overlap.
pub(super) fn splice(text: &str, mut replacements: Vec<(Range<usize>, String)>) -> String {
    replacements.sort_by_key(|(range, _)| (range.start, range.end));
    let mut result = text.to_owned();
    for (range, replacement) in replacements.into_iter().rev() {
        result.replace_range(range, &replacement);
    }
    result
}

/// Makes comments of lines.
pub(super) fn set_aside(lines: &str) -> String {
    lines.split_inclusive('\n').map(|line| format!("{REPLACED}{line}")).collect()
}

/// Makes lines of comments again: of those that hold just the given lines, in their order.
/// `None` when not all of them are there any more.
pub(super) fn put_back(text: &str, lines: &str) -> Option<String> {
    let mut wanted = lines.lines().peekable();
    let mut result = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.strip_prefix(REPLACED) {
            Some(rest) if wanted.peek() == Some(&trim_newline(rest)) => {
                wanted.next();
                result.push_str(rest);
            }
            _ => result.push_str(line),
        }
    }
    wanted.peek().is_none().then_some(result)
}

/// Gives the line that ends where another one starts.
pub(super) fn line_before(text: &str, at: usize) -> Option<Range<usize>> {
    let end = text[..at].strip_suffix('\n')?.len();
    let start = text[..end].rfind('\n').map_or(0, |newline| newline + 1);
    Some(start..at)
}

fn trim_newline(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}
