//! The lines that an edit replaced, to put them back exactly where they can be found again.

use serde::{Deserialize, Serialize};

/// The one region in which a text differs from what it was, in whole lines.
///
/// It is not `Debug`, because lines may hold credentials.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineChange {
    before: String,
    after: String,
}

impl LineChange {
    pub(crate) fn between(before: &str, after: &str) -> Self {
        let before: Vec<&str> = before.split_inclusive('\n').collect();
        let after: Vec<&str> = after.split_inclusive('\n').collect();
        let start = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
        let (before, after) = (&before[start..], &after[start..]);
        let end = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
        Self {
            before: before[..before.len() - end].concat(),
            after: after[..after.len() - end].concat(),
        }
    }

    /// Gives each text that results from putting the old lines where the new ones are.
    pub(crate) fn taken_back(&self, text: &str) -> impl Iterator<Item = String> {
        let starts_line = |at: usize| at == 0 || text[..at].ends_with('\n');
        let ends_line = |at: usize| at == text.len() || text[..at].ends_with('\n');
        text.match_indices(&self.after)
            .filter(move |(at, found)| starts_line(*at) && ends_line(at + found.len()))
            .map(|(at, found)| {
                format!("{}{}{}", &text[..at], self.before, &text[at + found.len()..])
            })
    }
}
