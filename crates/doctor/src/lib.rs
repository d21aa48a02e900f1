//! Why nothing arrives: every link of the chain from Codex to the backend, checked one by one.
//!
//! [`examine`] inspects this machine and gives a [`Finding`] for each fact: fine, a warning or a failure,
//! with the reason and one command to run. What a fact means is decided by pure functions in [`checks`],
//! one module per link; inspecting the machine is the smaller half of each. Facts that setup needs as well
//! come from the crate `machine`.
//!
//! [`examine_and_send`] sends a test turn through the chain as well, [`bundle`] makes a bug report,
//! [`status`] shows what is going on, [`logs`] puts the logs of our programs together.
//!
//! Invariants: nothing is changed, nothing is printed, no credential is in a finding. The environment
//! and the time come from the caller.
//!
//! Start reading at [`examine`].

mod bundle;
pub mod checks;
mod examine;
mod finding;
pub mod logs;
mod remedy;
mod render;
mod send;
pub mod status;
mod try_targets;
mod unfinished;
mod words;

pub use bundle::bundle;
pub use examine::{Context, examine, examine_and_send};
pub use finding::{Finding, Level, Report};
pub use render::{Style, columns, findings};
pub use try_targets::{Tried, try_targets};
pub use unfinished::UnfinishedTurn;
pub use words::{cut, dollars, rounded_usd};
