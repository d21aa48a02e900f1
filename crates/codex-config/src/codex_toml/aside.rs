//! Lines that make room for ours: they become comments in their place.

/// Begins each line that was replaced; what follows is the line as it was.
pub const REPLACED: &str = "# replaced by arize-codex: ";

/// Makes comments of lines.
pub(super) fn set_aside(lines: &str) -> String {
    lines.split_inclusive('\n').map(|line| format!("{REPLACED}{line}")).collect()
}

/// Makes lines of comments again: of those that hold just the given lines, in their order.
/// `None` when not all of them are there any more. Spaces at the end do not count, because editors
/// take them away.
pub(super) fn put_back(text: &str, lines: &str) -> Option<String> {
    let mut wanted = lines.lines().map(str::trim_end).peekable();
    let mut result = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let commented = line.strip_prefix(REPLACED.trim_end());
        match commented.map(|rest| rest.strip_prefix(' ').unwrap_or(rest)) {
            Some(rest) if wanted.peek() == Some(&rest.trim_end()) => {
                wanted.next();
                result.push_str(rest);
            }
            _ => result.push_str(line),
        }
    }
    wanted.peek().is_none().then_some(result)
}
