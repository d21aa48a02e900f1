//! Everything a story needs: a scripted model, the real Codex, our binaries and a real Phoenix.
//!
//! A [`Script`] says what the model answers and how Codex is known to react. The [`ModelServer`]
//! plays it to a real `codex exec` ([`Codex`]) in a temporary [`Home`]; our binaries do their work
//! as processes; the spans are read back from a real [`Phoenix`] and compared with the tree that
//! [`expected_tree`] derives from the same script.
//!
//! Invariant: the product is only known as binaries, files and HTTP. No crate of the workspace is a
//! dependency, so a story cannot agree with the code by sharing its mistakes.
//!
//! Start reading at [`script`], then [`tree`].

pub mod script;
pub mod shell;
pub mod tree;
pub mod version;

pub mod app_server;
pub mod backend;
pub mod browser;
pub mod codex;
pub mod guard;
pub mod home;
pub mod mlflow;
pub mod model;
pub mod npm_registry;
pub mod otlp_target;
pub mod phoenix;
pub mod rotel;
pub mod terminal;
pub mod tui;
pub mod tunnel;

pub mod recording;
pub mod replay;

pub mod http;
pub mod port;
pub mod process;
pub mod server_process;
pub mod strace;
pub mod wait;
pub mod websocket;

pub use app_server::AppServer;
pub use codex::{Codex, Protocol};
pub use guard::Guard;
pub use home::Home;
pub use mlflow::Mlflow;
pub use model::ModelServer;
pub use npm_registry::NpmRegistry;
pub use phoenix::Phoenix;
pub use rotel::Rotel;
pub use script::{Call, Script, Step, USAGE, Usage};
pub use tree::{expected_tree, observed_forest};
pub use tui::Tui;
pub use tunnel::Tunnel;
