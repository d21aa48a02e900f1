//! What the tokens of a model's response cost, in USD, from a price table that has a version.
//!
//! [`PriceTable::builtin`] holds the public prices of OpenAI's API; [`PriceTable::parse`] reads a
//! user's own file, and [`PriceTable::overlay`] puts it on top. [`PriceTable::cost`] prices one
//! response at the prices of its day. A wrong amount is worse than none: a model or a tier that is not in the table has no
//! cost, and nothing is guessed from a similar name.
//!
//! A cost is what the API's price list asks for the tokens. It does not include fees of tools (web
//! search), surcharges for regional processing, discounts, taxes or the credits of a subscription.
//!
//! # The file
//!
//! ```
//! let table = pricing::PriceTable::parse(
//!     r#"{
//!         "version": "acme 2026-11",
//!         "models": {
//!             "gpt-5.4": {
//!                 "standard": {
//!                     "input": 2.5, "cached_input": 0.25, "output": 15,
//!                     "long_context": {
//!                         "above_tokens": 272000,
//!                         "input": 5, "cached_input": 0.5, "output": 22.5
//!                     }
//!                 },
//!                 "priority": {"input": 5, "cached_input": 0.5, "output": 30}
//!             }
//!         },
//!         "aliases": {"openai/gpt-5.4": "gpt-5.4"}
//!     }"#,
//! )?;
//! assert_eq!(table.version(), "acme 2026-11");
//! # Ok::<(), pricing::PriceTableError>(())
//! ```
//!
//! Prices are in USD per million tokens. Of a tier, `input` and `output` are required;
//! `cached_input` (read from the provider's cache), `cache_write` (written to it) and
//! `long_context` (the prices of a request with more than `above_tokens` input tokens) are not. A
//! model needs a `standard` tier, its other tiers may have any name. `aliases` gives models further
//! names, such as those with a provider's prefix; nothing else does. `sources` may say where the
//! prices are from and is not read. An unknown field is an error, so that a typo cannot change an
//! amount.
//!
//! `periods` has prices that hold on some days only, such as those before a change or those of a
//! contract: `{"from": "2026-07-01", "until": "2026-12-31", "models": {...}}`, both days included,
//! either may be missing, and days are UTC's. On its days a period goes before `models` and before the
//! periods above it. `credits_per_usd` says how many credits of a plan a US dollar is.
//!
//! The built-in file, `data/prices.json`, is written by `data/derive.py`.
//!
//! Invariant: this crate knows neither spans nor any agent harness, and reads no disk.
//!
//! Start reading at [`PriceTable`].

mod cost;
mod file;
mod table;
mod validity;

pub use cost::{Cost, TokenUsage, UnitPrices};
pub use table::{PriceTable, PriceTableError};
pub use validity::UnixSeconds;
