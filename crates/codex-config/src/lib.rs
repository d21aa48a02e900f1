//! Settings of the Codex tracing programs, and careful edits of the file that holds them.
//!
//! Two questions are answered here. *What did the user configure?* [`Settings::load`] layers the
//! process environment over `arize-env.sh` over `config.yaml` over defaults. *How is that file
//! changed without harm?* [`edit`] takes text and a dotted key and returns text in which only that
//! key differs; comments, order, quoting and line endings of everything else stay as they were.
//! [`codex_toml`] does the same for Codex's own `config.toml` and takes it back, [`hooks_json`] for
//! its `hooks.json`; [`profile`] puts a block into the profiles of shells.
//! [`file_edit`] writes the result, unless the file changed in the meantime.
//!
//! Invariants:
//! - The library never reads the process environment or the home directory by itself: callers pass
//!   an [`Environment`] and [`Paths`].
//! - A wrong setting never takes the others with it. It becomes a [`Warning`], or a
//!   [`TargetError`] in [`TargetSettings::target`] when nothing may be delivered to that target until
//!   it is put right. Only a file that cannot be read stops all delivery ([`Settings::unreadable`]).
//! - Secrets print as `***` ([`Secret`]).
//! - An edit is parsed again before it is returned; what cannot be edited safely is refused.
//!
//! Start reading at [`Settings`] or [`edit::set`]. This crate knows nothing of HTTP or spans.

mod address;
mod alerts;
mod budgets;
pub mod env_file;
mod environment;
mod forward;
mod paths;
mod secret;
mod value_check;
pub mod variables;

mod content;
mod document;
mod file_system;
mod folders;
mod managed;
mod notices;
mod outbox;
mod pairs;
mod prices;
mod proxies;
mod queued;
mod reader;
mod sampling;
mod settings;
mod store;
mod target;
mod unknown_keys;
mod warning;

mod chained_notify;
mod lifecycle;
mod tracing_start;

pub mod codex_toml;
pub mod edit;
mod edited;
pub mod hooks_json;
mod key_path;
mod line_change;
mod lines;
pub mod profile;
mod scalar;
mod shell_word;

mod config_file;
mod dump;

pub mod file_edit;

pub use address::mask_addresses;
pub use alerts::{AlertAmounts, Alerts};
pub use budgets::{Budgets, REPOSITORY_FILE, repository_budgets};
pub use chained_notify::{ChainedNotifyError, chained_notify};
pub use config_file::{ConfigFile, Origin};
pub use content::{ContentPolicy, Hidden, Scrubbing};
pub use document::ParseError;
pub use dump::is_secret;
pub use edited::Edited;
pub use environment::Environment;
pub use file_system::{file_system_of, shared_file_system};
pub use folders::Folders;
pub use forward::{Forward, ForwardProtocol};
pub use key_path::{KeyPath, KeyPathError};
pub use lifecycle::{FoundHook, HookStates, HookTrust, our_hook_states, our_hooks};
pub use notices::Channels;
pub use outbox::OutboxLimits;
pub use pairs::is_name as is_header_name;
pub use paths::Paths;
pub use prices::{PricesError, prices};
pub use proxies::Proxies;
pub use sampling::Sampling;
pub use scalar::Scalar;
pub use secret::Secret;
pub use settings::{
    AttributeValue, Collector, ConfigTexts, ManagedSettings, Settings, SpanLayout, ToolErrors,
};
pub use shell_word::{command_program, command_word, shell_word};
pub use store::{StoreLimits, parse_age};
pub use target::{
    ArizeProtocol, ArizeTarget, ConfigError, FileTarget, MlflowAuth, MlflowExperiment,
    MlflowTarget, OneOff, OtlpCompression, OtlpEndpoint, OtlpMetrics, OtlpProtocol, OtlpTarget,
    PhoenixApi, PhoenixTarget, Target, TargetError, TargetSettings, TlsFiles,
};
pub use tracing_start::TracingStart;
pub use value_check::problems as meaningless;
pub use warning::Warning;
