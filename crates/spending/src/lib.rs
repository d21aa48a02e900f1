//! What a running session of Codex spent so far, for budgets.
//!
//! [`measure`] adds what the local store has to what the session's transcripts say beyond that, of the
//! thread and of all its sub-agents. [`Home`] names the files in which budgets keep their state,
//! and reads the budgets that are in force in a folder.
//!
//! Invariants: nothing is written, nothing is sent, and the store is opened read-only: the hook asks
//! while Codex waits. What cannot be read is an error, never a zero.

mod home;
mod measure;

pub use home::{Home, InForce, RepositoryFile};
pub use measure::{MeasureError, Measured, OpenTurn, Session, measure};
