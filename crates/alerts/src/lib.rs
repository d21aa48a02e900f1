//! Turns of an agent that a person should look at.
//!
//! [`examine`] compares a turn, its session and the quota with [`Thresholds`] and returns an [`Alert`]
//! for each rule that holds, with its evidence: the turn, and the calls by id and tool.
//! [`Memory`] lets each alert through once, no more than one of a kind within a cool-down, and a few of a
//! kind within a day. [`loops`] finds calls that repeat one another.
//!
//! Invariants: no clock, no disk, no network: the same facts give the same alerts. A text of an alert holds
//! names of tools, counts and amounts; what calls were made with is in [`Alert::arguments`] alone.
//!
//! Start reading at [`examine`].

mod alert;
mod changes;
mod facts;
pub mod loops;
mod memory;
mod rules;
mod thresholds;

pub use alert::{Alert, CallName, Kind};
pub use facts::{Facts, Used, Window};
pub use memory::{Given, Memory, Millis, Quiet};
pub use rules::examine;
pub use thresholds::{Amounts, Failures, Thresholds};
