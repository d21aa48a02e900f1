//! What Codex keeps on a machine: the program, its transcripts, and what each of its versions tells.
//!
//! - [`find_codex`]: the real `codex` on the `PATH`; [`shim`] knows the one that stands before it;
//! - [`sessions`]: how Codex files its transcripts;
//! - [`CodexVersion`], [`triggers`]: by what a version tells that a turn may have ended.
//!
//! Invariants: paths come from the caller, and what is in a file of Codex is not known here.

mod find;
pub mod sessions;
pub mod shim;
mod triggers;
mod version;

pub use find::{codex_on_path, find_codex};
pub use shim::is_shim;
pub use triggers::{HOOK_PROGRAM, LIFECYCLE_TIMEOUT_SECONDS, Triggers, triggers};
pub use version::CodexVersion;
