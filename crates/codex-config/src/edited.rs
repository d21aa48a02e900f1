//! What comes of an edit that can be taken back.

use std::fmt;

/// A text that was edited, and how to take that back. `Debug` does not show the text, which may hold
/// credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Edited<Undo> {
    /// The text; the old one where there was nothing to do.
    pub text: String,
    /// What was done.
    pub undo: Undo,
}

impl<Undo: fmt::Debug> fmt::Debug for Edited<Undo> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edited").field("undo", &self.undo).finish_non_exhaustive()
    }
}
