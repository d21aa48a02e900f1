//! What a user lives through, from the prompt to the span tree in Phoenix.
//!
//! Each story runs the real Codex with a scripted model and compares what a real Phoenix got with
//! the script. `cargo xtask e2e` installs both programs, builds ours and runs this.

mod agents;
mod alerts;
mod app_server;
mod approvals;
mod backends;
mod budgets;
mod chained;
mod code_mode;
mod collector;
mod compaction;
mod complete;
mod config_files;
mod demo;
mod doctor;
mod failures;
mod fan_out;
mod faults;
mod file;
mod forward;
mod grpc;
mod guarded;
mod history;
mod input;
mod installer;
mod interrupts;
mod jobs;
mod mcp;
mod metrics;
mod mlflow;
mod monitoring;
mod packages;
mod phoenix_rest;
mod proxies;
mod proxy;
mod remedies;
mod repeated;
mod reverts;
mod secrets;
mod setup;
mod sizes;
mod sources;
mod threads;
mod tools;
mod triggers;
mod tui;
mod unannounced;
mod view;
mod websocket;

mod check;
mod session;
mod stage;
mod turns;
