//! What could not be understood.

use std::fmt;

/// Something in Codex's data that was left out of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: the byte offset of the record in the transcript.
    pub offset: u64,
    /// What, without any contents of the record.
    pub what: String,
    /// Whether it was left out because it was too much.
    pub is_limit: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record at byte {}: {}", self.offset, self.what)
    }
}
