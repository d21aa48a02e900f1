//! Why a `config.toml` is left alone.

use std::ops::Range;

/// Says why an edit was not made; the text is untouched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not valid TOML; Codex does not start with it either.
    #[error("line {line}, column {column}: {reason}")]
    Malformed {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1 in characters.
        column: usize,
        /// What the parser expected or found, without the text itself.
        reason: String,
    },
    /// A key holds what Codex does not understand there.
    #[error("line {line}: `{key}` holds {found}, not {expected}")]
    WrongType {
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// What it holds.
        found: &'static str,
        /// What Codex expects.
        expected: &'static str,
    },
    /// The form in which the file is written allows no edit that leaves everything else as it is.
    #[error("`{key}` cannot be edited safely: {reason}")]
    Unsafe {
        /// The key.
        key: String,
        /// What stands in the way.
        reason: &'static str,
    },
}

impl EditError {
    pub(super) fn malformed(text: &str, span: Option<Range<usize>>, message: &str) -> Self {
        let (line, column) = position(text, span.map_or(0, |span| span.start));
        // The parser's further lines are advice for its own users.
        let reason = message.lines().next().unwrap_or_default().to_owned();
        Self::Malformed { line, column, reason }
    }
}

/// Counts the line and the column of a byte, both from 1.
pub(super) fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(byte)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
