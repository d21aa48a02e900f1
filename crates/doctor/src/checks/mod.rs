//! The links of the chain, one module each: the facts, how they are found, and what they mean.

pub mod alerts;
pub mod budgets;
pub mod chained;
pub mod codex;
pub mod codex_toml;
pub mod daemon;
pub mod disk;
#[cfg(test)]
mod expect;
pub mod hooks;
pub mod log;
pub mod outbox;
pub mod permissions;
pub mod programs;
pub mod project;
pub mod service;
pub mod settings;
pub mod target;
pub mod turns;
