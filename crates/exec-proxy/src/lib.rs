//! Stands in front of Codex, as `codex` on the `PATH`.
//!
//! The proxy finds the real Codex, makes sure that the buffer service runs, and gets out of the way.
//! An interactive Codex replaces it. Of a Codex that runs unattended (`codex exec`) it stays the
//! parent, passes signals on, and ends as Codex ended. The run has an id, which Codex sends with its
//! telemetry: afterwards the proxy leaves behind a process that has the notify hook look at the threads
//! of this run, because Codex tells nobody of a turn that failed or was stopped.
//!
//! Invariants: Codex runs whatever fails here, and nothing but Codex writes to the terminal (except
//! where there is no Codex); Codex's exit waits for nothing. What fails is a line in the log.
//!
//! Start reading at [`run`], then `supervise`. [`find_codex`], [`is_shim`] and [`shim`] are also for
//! whoever installs the shim or checks it. This crate knows nothing of spans and where they go: it
//! starts the programs that do.

mod command_line;
mod ended;
mod find;
mod npm;
mod process;
mod run;
mod run_id;
pub mod running;
mod service;
pub mod shim;
mod transcripts;

pub use find::{codex_on_path, file_names, find_codex, find_program};
pub use run::run;
pub use shim::is_shim;
