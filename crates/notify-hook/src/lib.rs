//! Traces the finished turns of a Codex thread.
//!
//! Codex runs `arize-hook-codex-notify` at the end of each turn. That is only a trigger: it names a
//! thread. [`reconcile_thread`] then reads what is new in the thread's transcript, waits until the turn
//! and its telemetry are complete (bounded, never a fixed time), makes spans of every finished turn that
//! was not sent yet, delivers them and remembers that it did. Run it twice or late, and the result is the
//! same.
//!
//! Invariants: Codex never notices it ([`run`] returns whatever happens, within [`CAP`], and prints
//! nothing but what `ARIZE_DRY_RUN` or `--help` asks for); a turn counts as sent only when each target accepted it
//! or has it in its outbox, on disk;
//! no async runtime, no database of its own.
//!
//! Turns that Codex does not announce are found by a sweep (`--sweep`), which the buffer service starts.
//! Codex's lifecycle hooks (`--lifecycle`) are a second trigger. They hold up the turn, so that run
//! only starts another one in the background. Before a prompt or a tool call Codex asks, and the
//! budgets of the user may say no (`budgets`).
//!
//! Start reading at [`run`], then `commands.rs` and [`reconcile_thread`].

mod alerts;
mod budgets;
mod caller;
mod chain;
mod command;
mod commands;
mod forks;
mod git;
mod help;
mod lifecycle;
mod parents;
mod pass_on;
mod payload;
mod reconcile;
mod reverts;
mod run;
mod sending;
mod service;
mod session;
mod state;
mod sweep;
mod telemetry;
mod thread_reading;
mod transcript_lookup;
mod transcript_reader;
mod trigger;
mod watchdog;
mod writers;

pub use reconcile::{Context, Report, reconcile_thread};
pub use run::run;
pub use session::CAP;
pub use state::{StateError, ThreadState};
pub use transcript_reader::{ReadLimit, SILENCE};
pub use trigger::Trigger;
