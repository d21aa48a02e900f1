//! Limits on what is used: how far they are reached, and what follows from that.
//!
//! A [`Limit`] holds for each turn, session, project, repository, day or month. [`limit_uses`] compares
//! limits with what was spent; [`decide`] says whether a prompt or a tool call may go on;
//! [`Notices`], [`Allowances`], [`Memory`], [`LastMeasured`] and [`Trusted`] are what has to survive a restart.
//!
//! Invariants: nothing is guessed. What has no price is not counted in dollars, and said; what is
//! counted is a lower bound, so that a limit that is called exceeded is exceeded. Time comes from the
//! caller. Nothing here knows who spends, or how notices are given.

mod decide;
mod files;
mod last;
mod limit;
mod limit_use;
mod memory;

pub use decide::{Asked, Decision, Policy, decide};
pub use files::StateError;
pub use last::LastMeasured;
pub use limit::{Limit, Origin, Scope, Unit};
pub use limit_use::{LimitUse, Spending, Spent, limit_uses};
pub use memory::{Allowance, Allowances, Memory, Notice, Notices, Trusted};

/// Milliseconds since the Unix epoch.
pub type Millis = u64;
