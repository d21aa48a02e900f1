//! Installs the tracing of Codex on a machine, and takes it away again without a trace.
//!
//! An installation goes through four steps, each with a value that can be looked at:
//!
//! 1. [`Facts`]: what is on this machine;
//! 2. [`Answers`]: what the person wants, from flags, prompts and what is there;
//! 3. [`Plan`]: the files that would differ, each with what it would be without us, and the
//!    processes that would be started;
//! 4. the [`Record`](record::Record), into which each change is written, with a backup, before it is
//!    made.
//!
//! Invariants:
//! - What a file is to hold is computed from what it would hold without us. So a second installation
//!   plans nothing, and one over a changed file can be undone as well as one over a fresh one.
//! - Whatever interrupts an installation, [`uninstall`] takes back what was made.
//! - A file that was changed since keeps those changes.
//! - One at a time changes files, and only what it has looked at.
//! - What is not ours is not touched: foreign programs, blocks, keys and processes.
//!
//! The library does not look the environment or the home directory up by itself (see [`Machine`](machine::Machine)), and it
//! prints nothing but the prompts of [`terminal`]. It knows nothing of spans, and of backends only
//! their addresses.
//!
//! Start reading at [`plan()`] and [`apply()`].

pub mod autostart;
pub mod facts;
mod mlflow_plugin;
pub mod python_system;

mod answers;
pub mod ask;
mod header;
mod interview;
pub mod terminal;
pub mod way_back;

pub mod change;
mod diff;
pub mod files;
mod parts;
mod plan;
mod skill;
mod windows_path;

mod apply;
mod leftovers;
mod lock;
mod next;
pub mod record;
pub mod uninstall;

pub use answers::{
    Answers, Backend, Content, Destination, ExistingOtel, Request, Scope, Targets, UnknownWord,
};
pub use apply::{Applied, ApplyError, Problem, apply};
pub use facts::{Facts, FactsError, inspect};
pub use header::{Header, HeaderError};
pub use interview::{InterviewError, interview};
pub use lock::LockError;
pub use machine::programs::{PROGRAMS, ProgramError};
pub use next::next_steps;
pub use plan::{Plan, PlanError, ServiceStep, plan};
