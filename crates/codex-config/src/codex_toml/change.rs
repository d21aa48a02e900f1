//! What an edit did, so that it can be taken back.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Records what an edit did to a text, for [`undo`](super::undo).
///
/// It holds what was replaced as it was written, which may be a credential: `Debug` shows keys
/// only, and a file with it belongs to its owner alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    pub(super) changes: Vec<Change>,
}

impl Undo {
    /// Says whether the edit had nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl fmt::Debug for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.changes.iter().map(Change::name)).finish()
    }
}

/// One step, in the order in which it was done.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// The lines of a key, or of the tables below it, became comments.
    SetAside {
        key: Vec<String>,
        /// As they were written, with the line endings.
        lines: String,
        /// The value in one line, for when the comments are gone.
        value: String,
    },
    /// A key got a value.
    Set {
        key: Vec<String>,
        value: String,
        /// What it had in an inline table.
        replaced: Option<String>,
        /// A blank line was added below.
        blank_below: bool,
    },
    /// A table's header was added.
    Header { table: Vec<String>, blank_above: bool },
    /// A command was added to a lifecycle event.
    Hook { event: String, command: String, blank_above: bool },
}

impl Change {
    fn name(&self) -> String {
        match self {
            Self::SetAside { key, .. } => format!("set aside {}", key.join(".")),
            Self::Set { key, .. } => format!("set {}", key.join(".")),
            Self::Header { table, .. } => format!("add [{}]", table.join(".")),
            Self::Hook { event, .. } => format!("add hooks.{event}"),
        }
    }
}
