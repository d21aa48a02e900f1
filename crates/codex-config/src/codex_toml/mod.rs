//! Edits of Codex's `config.toml`: text in, text out.
//!
//! The file belongs to the user, and a mistake in it keeps Codex from starting. So nothing is
//! written anew: lines are added, and what they replace becomes a comment that begins with
//! [`REPLACED`], in its place. Everything else stays to the byte: comments, order, quoting, line
//! endings. Every result is parsed again and must equal the old configuration but for what was
//! asked for.
//!
//! [`inspect`] says what is there, [`edit`] adds what we need and gives an [`Undo`], and [`undo`]
//! takes out what is still ours of it, whatever else was changed in between.

mod aside;
mod change;
mod difference;
mod edit;
mod error;
mod hooks;
mod inspect;
mod outline;
mod place;
mod remove;
mod undo;
mod verify;

pub use aside::REPLACED;
pub use change::Undo;
pub use difference::differences;
pub use edit::{LifecycleHooks, Otel, Wanted, edit};
pub use error::EditError;
pub use inspect::{Exporter, Found, FoundNotify, FoundOtel, NotifyOwner, inspect, is_hook};
pub use remove::{remove, remove_hook, restore};
pub use undo::undo;
pub(crate) use verify::prune;
