//! Pages over a local store of traces, for one person on one machine.
//!
//! [`Dashboard::bind`] takes a port of the loopback interface, [`Dashboard::address`] is the address to
//! open, and [`Dashboard::serve`] answers until it is idle or dropped. [`export`] makes a file of a turn. Pages are rendered on the server
//! and work without JavaScript; each one is also JSON under the same path with `.json`.
//!
//! Invariants: this crate reads the store and writes nothing; it knows neither exporters nor the files
//! of any agent. What a model or a repository wrote is text, never markup (`text.rs`). Nothing is served
//! to a browser that did not come with the ticket (`access.rs`), and no page loads anything from elsewhere.

mod access;
pub mod arguments;
mod assets;
mod changes;
mod chart;
mod choice;
pub mod export;
mod facts;
mod format;
pub mod health;
mod live;
mod markdown;
mod pages;
mod running;
mod scrape;
mod serve;
mod text;
mod transcript;
mod turn;
mod waterfall;

pub use facts::{BudgetUse, Elsewhere, Facts, NoFacts};
pub use live::{StoreVersion, store_version};
pub use running::Running;
pub use scrape::{Metrics, serve_metrics};
pub use serve::{BindError, Dashboard, Options, ServeError};
