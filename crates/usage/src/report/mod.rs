//! Reports: what was used, by time, model, place or session.

mod explain;
mod parquet;
mod period;
mod rows;
mod sheet;
pub mod team;
mod write;

pub use explain::{Derivation, Part, unpriced_reason};
pub use parquet::parquet;
pub use period::{Days, PeriodError, RangeRequest, Unit};
pub use rows::{Filter, Group, Prices, Report, Row};
pub use write::{csv, json};

use std::fmt;
use std::str::FromStr;

/// What a report has a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    /// A day, week or month.
    Period(Unit),
    /// The model.
    Model,
    /// The service tier.
    Tier,
    /// The project.
    Project,
    /// The repository.
    Repository,
    /// The branch, with its repository.
    Branch,
    /// The folder; all work trees of a repository are one.
    Folder,
    /// The user.
    User,
    /// The machine.
    Machine,
    /// The tags, all that a turn has: so each turn is in one row.
    Tags,
    /// The session: a thread with its sub-agents.
    Session,
}

impl By {
    /// All of them, in the order of the help.
    pub const ALL: &[Self] = &[
        Self::Period(Unit::Day),
        Self::Period(Unit::Week),
        Self::Period(Unit::Month),
        Self::Model,
        Self::Tier,
        Self::Project,
        Self::Repository,
        Self::Branch,
        Self::Folder,
        Self::User,
        Self::Machine,
        Self::Tags,
        Self::Session,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Period(Unit::Day) => "day",
            Self::Period(Unit::Week) => "week",
            Self::Period(Unit::Month) => "month",
            Self::Model => "model",
            Self::Tier => "tier",
            Self::Project => "project",
            Self::Repository => "repository",
            Self::Branch => "branch",
            Self::Folder => "folder",
            Self::User => "user",
            Self::Machine => "machine",
            Self::Tags => "tag",
            Self::Session => "session",
        }
    }
}

/// A word that names nothing that a report can have rows for.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is nothing that a report has rows for")]
pub struct UnknownBy(String);

impl FromStr for By {
    type Err = UnknownBy;

    fn from_str(name: &str) -> Result<Self, UnknownBy> {
        let found = Self::ALL.iter().copied().find(|by| by.name() == name);
        found.ok_or_else(|| UnknownBy(name.to_owned()))
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
