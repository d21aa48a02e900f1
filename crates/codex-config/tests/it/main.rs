//! Tests of the crate from outside.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arize;
mod codex_toml;
mod command;
mod corpus;
mod edit;
mod file;
mod file_edit;
mod forward;
mod mlflow;
mod otlp;
mod privacy;
mod profile;
mod recipes;
mod sampling;
mod settings;
mod targets;

/// The target of settings that name one.
#[track_caller]
fn only(settings: codex_config::Settings) -> codex_config::TargetSettings {
    let mut targets = settings.targets;
    assert_eq!(targets.len(), 1, "{targets:?}");
    targets.remove(0)
}
