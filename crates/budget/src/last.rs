//! What was measured last, for who cannot wait for the next measurement.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::{self, StateError};
use crate::{Millis, Scope, Spending};

/// So long what was measured may be taken for what is.
const FRESH: Millis = 3000;

/// What a session has spent, as a process measures it again and again while a turn goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LastMeasured {
    /// When.
    pub at: Millis,
    /// What was spent.
    pub spending: Spending,
}

impl LastMeasured {
    /// Reads it; none where there is no file, or it is too old.
    pub fn read(file: &Path, now: Millis) -> Result<Option<Self>, StateError> {
        let last: Self = files::read(file)?;
        Ok((last.at <= now && now - last.at < FRESH).then_some(last))
    }

    /// Puts it in the place of an older one.
    pub fn write(&self, file: &Path) -> Result<(), StateError> {
        files::write(file, self)
    }

    /// Whether it is of this turn.
    pub fn is_of_turn(&self, turn: &str) -> bool {
        self.spending.0.get(&Scope::Turn).is_some_and(|(of, _)| of == turn)
    }
}
