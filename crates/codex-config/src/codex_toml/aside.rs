//! Lines that make room for ours: they become comments in their place.

/// Begins each line that was replaced; what follows is the line as it was.
pub const REPLACED: &str = "# replaced by arize-codex: ";

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

fn trim_newline(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}
