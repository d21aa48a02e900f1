//! What may be spent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a limit holds for: each of these has its own sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One turn, with the work of sub-agents meanwhile.
    Turn,
    /// A thread with all its sub-agents.
    Session,
    /// A day in the user's time zone.
    Day,
    /// A calendar month in the user's time zone.
    Month,
    /// All turns in a project within a month.
    Project,
    /// All turns in a repository within a month.
    Repository,
}

impl Scope {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Turn, Self::Session, Self::Day, Self::Month, Self::Project, Self::Repository];

    /// Its word in settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Session => "session",
            Self::Day => "day",
            Self::Month => "month",
            Self::Project => "project",
            Self::Repository => "repository",
        }
    }

    /// The scope of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }
}

/// In what a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// US dollars; amounts are whole trillionths.
    Usd,
    /// Credits of a plan; amounts are whole trillionths.
    Credits,
    /// Tokens, input and output together.
    Tokens,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Usd, Self::Credits, Self::Tokens];

    /// Its word in settings.
    pub fn word(self) -> &'static str {
        match self {
            Self::Usd => "usd",
            Self::Credits => "credits",
            Self::Tokens => "tokens",
        }
    }

    /// Reads an amount, such as `2.50` or `1000000`; none where it is no amount above zero.
    pub fn parse(self, text: &str) -> Option<u64> {
        match self {
            Self::Tokens => text.replace('_', "").parse().ok().filter(|tokens| *tokens > 0),
            Self::Usd | Self::Credits => {
                let amount: f64 = text.parse().ok()?;
                let pico = amount * PICO;
                (amount.is_finite() && (1.0..9e18).contains(&pico)).then_some(pico as u64)
            }
        }
    }

    /// An amount for a person.
    pub fn show(self, amount: u64) -> String {
        match self {
            Self::Tokens => format!("{amount} tokens"),
            Self::Usd => format!("${:.2}", amount as f64 / PICO),
            Self::Credits => format!("{:.2} credits", amount as f64 / PICO),
        }
    }
}

const PICO: f64 = 1e12;

/// Where a limit was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// In the user's settings.
    User,
    /// In a file of the repository.
    Repository,
}

/// So much may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// In each of these.
    pub scope: Scope,
    /// Counted so.
    pub unit: Unit,
    /// So much, in the unit's smallest part.
    pub amount: u64,
    /// By whose word.
    pub origin: Origin,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {}", self.unit.show(self.amount), self.scope.word())
    }
}
