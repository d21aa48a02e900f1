//! The lines that an edit replaced, to put them back exactly where they can be found again.

use serde::{Deserialize, Serialize};

use crate::file_edit::digest;

/// The one region in which a text differs from what it was, in whole lines.
///
/// The new lines are known by their number and hash, so that what was written is not kept; the old
/// ones may hold credentials all the same, and it is not `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineChange {
    /// Counted from 0.
    line: usize,
    before: String,
    after_lines: usize,
    after_digest: String,
}

impl LineChange {
    pub(crate) fn between(before: &str, after: &str) -> Self {
        let before: Vec<&str> = before.split_inclusive('\n').collect();
        let after: Vec<&str> = after.split_inclusive('\n').collect();
        let mut start = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
        let (old, new) = (&before[start..], &after[start..]);
        let mut end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
        if new.len() == end {
            // Where there is no new line, those around tell the place.
            start = start.saturating_sub(1);
            end = end.saturating_sub(1);
        }
        let after = &after[start..after.len() - end];
        Self {
            line: start,
            before: before[start..before.len() - end].concat(),
            after_lines: after.len(),
            after_digest: digest(&after.concat()),
        }
    }

    /// Gives each text that results from putting the old lines where the new ones are, beginning
    /// with the place where they were written.
    pub(crate) fn taken_back(&self, text: &str) -> impl Iterator<Item = String> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let is_ours = |start: &usize| {
            let window = lines.get(*start..start + self.after_lines);
            window.is_some_and(|window| digest(&window.concat()) == self.after_digest)
        };
        let mut starts: Vec<usize> = (0..=lines.len()).filter(is_ours).collect();
        starts.sort_by_key(|start| start.abs_diff(self.line));
        starts.into_iter().map(move |start| {
            let (above, below) = (&lines[..start], &lines[start + self.after_lines..]);
            format!("{}{}{}", above.concat(), self.before, below.concat())
        })
    }
}
