//! What is not in the store: the program that serves the pages knows it.

use std::fmt::Debug;

use alerts::Given;

use crate::health::Health;

/// Tells what the store does not say. Each is asked for every page that shows it, on a thread that may
/// block for some seconds.
pub trait Facts: Debug + Send + Sync {
    /// Whether traces arrive.
    fn health(&self) -> Health {
        Health::default()
    }

    /// The alerts that were given last, the newest first.
    fn alerts(&self) -> Vec<Given> {
        Vec::new()
    }

    /// How far budgets are used.
    fn budgets(&self) -> Vec<BudgetUse> {
        Vec::new()
    }

    /// The pages of a trace in backends that got it, by its id in hexadecimal digits.
    fn elsewhere(&self, trace_id: &str) -> Vec<Elsewhere> {
        let _ = trace_id;
        Vec::new()
    }
}

/// How far a budget is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetUse {
    /// What it is for, such as `day`.
    pub scope: String,
    /// The part that is used.
    pub percent: u64,
    /// What is used of how much.
    pub text: String,
    /// Whether more is used than there is.
    pub is_over: bool,
}

/// A page of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// What the backend is called.
    pub name: String,
    /// The address.
    pub address: String,
}

impl Elsewhere {
    /// Whether a browser may be led there.
    pub(crate) fn is_page(&self) -> bool {
        ["http://", "https://"].iter().any(|scheme| self.address.starts_with(scheme))
    }
}

/// Nothing but the store is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFacts;

impl Facts for NoFacts {}
