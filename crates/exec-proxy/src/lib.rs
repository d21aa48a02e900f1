//! Stands in front of Codex, as `codex` on the `PATH`.
//!
//! The proxy finds the real Codex, makes sure that the buffer service runs, and lets Codex take its
//! place. So there is no process of ours beside a running Codex: signals, job control, exit code and
//! every way of dying are Codex's own. The exception is a job whose processes end with Codex (CI, a
//! container): there Codex is a child, and its turns are sent before the proxy ends.
//!
//! Invariants: Codex runs whatever fails here, and nothing but Codex writes to the terminal (except
//! where there is no Codex, and for `--help` under its own name). What fails is a line in the log.
//!
//! Start reading at [`run`]. This crate knows nothing of spans and where they go: it starts the
//! programs that do.

mod help;
mod job;
mod npm;
mod process;
mod run;
mod service;
mod wrappers;

pub use run::run;
