//! Tags: what a person calls turns, such as a ticket.

use std::collections::BTreeSet;
use std::fmt;

use rusqlite::{OptionalExtension, Statement, Transaction, TransactionBehavior, params};

use super::record::Recorder;
use crate::{InsertError, QueryError, TraceStore};

/// The longest tag, in characters.
const LONGEST: usize = 64;

/// A set of tags.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Tags(BTreeSet<String>);

/// A text is no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tag has 1 to 64 characters, no comma and no control characters")]
pub struct NoTag;

impl Tags {
    /// The tags in this text, with commas between them.
    pub fn of_text(text: &str) -> Self {
        let mut tags = Self::default();
        text.split(',').for_each(|tag| drop(tags.add(tag)));
        tags
    }

    /// Adds a tag.
    ///
    /// # Errors
    ///
    /// When the text is none.
    pub fn add(&mut self, tag: &str) -> Result<(), NoTag> {
        let tag = tag.trim();
        let is_tag = !tag.is_empty()
            && tag.chars().count() <= LONGEST
            && !tag.contains(|character: char| character == ',' || character.is_control());
        if !is_tag {
            return Err(NoTag);
        }
        self.0.insert(tag.to_owned());
        Ok(())
    }

    /// Adds all of these.
    pub fn extend(&mut self, others: &Self) {
        self.0.extend(others.0.iter().cloned());
    }

    /// Takes these out.
    pub fn remove(&mut self, others: &Self) {
        self.0.retain(|tag| !others.0.contains(tag));
    }

    /// Whether this tag is among them.
    pub fn has(&self, tag: &str) -> bool {
        self.0.contains(tag)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tags in the order of the alphabet.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// As they are stored.
    pub(crate) fn to_text(&self) -> String {
        self.iter().collect::<Vec<_>>().join(",")
    }
}

/// For people.
impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join(", "))
    }
}

/// What is to become of the tags of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagChange {
    /// Those that it gets.
    pub add: Tags,
    /// Those that it loses.
    pub remove: Tags,
}

impl TraceStore {
    /// The sessions whose id, or that of one of whose threads or traces, begins so.
    pub fn sessions_like(&self, start: &str) -> Result<Vec<String>, QueryError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare(
                "SELECT DISTINCT session_id FROM threads
                 WHERE substr(thread_id, 1, length(?1)) = ?1
                    OR id IN (SELECT thread FROM turns
                              WHERE substr(lower(hex(trace_id)), 1, length(?1)) = ?1)
                 ORDER BY session_id LIMIT 20",
            )?;
            statement.query_map([start], |row| row.get(0))?.collect()
        };
        read().map_err(|source| self.query_error(source))
    }

    /// The tags of the turns of a session.
    pub fn tags(&self, session: &str) -> Result<Tags, QueryError> {
        let read = || -> rusqlite::Result<Tags> {
            let mut statement = self.connection.prepare(
                "SELECT DISTINCT tags FROM turns JOIN places ON places.id = turns.place
                 JOIN threads ON threads.id = turns.thread WHERE session_id = ?",
            )?;
            let mut all = Tags::default();
            for tags in statement.query_map([session], |row| row.get::<_, String>(0))? {
                all.extend(&Tags::of_text(&tags?));
            }
            Ok(all)
        };
        read().map_err(|source| self.query_error(source))
    }

    /// Changes the tags of all turns of a session, also of later ones; says how many turns changed.
    pub fn tag(&mut self, session: &str, change: &TagChange) -> Result<u64, InsertError> {
        let error = |source| InsertError { path: self.path.clone(), source };
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate);
        let changed = transaction.and_then(|transaction| {
            let mut tags = of_session(&mut transaction.prepare(OF_SESSION)?, session)?;
            tags.extend(&change.add);
            tags.remove(&change.remove);
            transaction.execute(
                "INSERT OR REPLACE INTO session_tags VALUES (?, ?)",
                params![session, tags.to_text()],
            )?;
            let roots: Vec<[u8; 8]> = transaction
                .prepare(
                    "SELECT span_id FROM turns JOIN threads ON threads.id = turns.thread
                     WHERE session_id = ?",
                )?
                .query_map([session], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let mut recorder = Recorder::new(&transaction)?;
            let mut changed = 0;
            for root in roots {
                changed += u64::from(recorder.tag(root, change)?);
            }
            recorder.finish()?;
            transaction.commit()?;
            Ok(changed)
        });
        changed.map_err(error)
    }
}

/// Finds what a person gave a session.
pub(super) const OF_SESSION: &str = "SELECT tags FROM session_tags WHERE session_id = ?";

/// The tags that a person gave a session, by [`OF_SESSION`].
pub(super) fn of_session(find: &mut Statement<'_>, session: &str) -> rusqlite::Result<Tags> {
    let found: Option<String> = find.query_row([session], |row| row.get(0)).optional()?;
    Ok(found.as_deref().map(Tags::of_text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_a_set_of_short_texts() {
        let mut tags = Tags::of_text("b, a,,b");
        assert_eq!((tags.to_text().as_str(), tags.to_string().as_str()), ("a,b", "a, b"));
        for wrong in ["", "  ", "a,b", "a\nb", &"x".repeat(65)] {
            assert_eq!(tags.add(wrong), Err(NoTag), "{wrong:?}");
        }
        tags.remove(&Tags::of_text("a"));
        assert!(tags.has("b") && !tags.has("a"));
    }
}
