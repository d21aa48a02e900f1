//! Tests of the crate from outside.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alerts;
mod arize;
mod budgets;
mod codex_toml;
mod corpus;
mod edit;
mod file;
mod file_edit;
mod forward;
mod managed;
mod mlflow;
mod one_off;
mod otlp;
mod privacy;
mod profile;
mod recipes;
mod sampling;
mod settings;
mod taken_back;
mod targets;

use codex_config::{ConfigTexts, Environment, Paths, Settings, TargetSettings};

/// A text whose paths are written with slashes, as the expectations are.
fn with_slashes(text: &str) -> String {
    text.replace(std::path::MAIN_SEPARATOR, "/")
}

/// The settings of a process with these variables and this `config.yaml`.
fn resolve(process: &[(&str, &str)], yaml: &str) -> Settings {
    let texts = ConfigTexts { config_yaml: Some(yaml.to_owned()), ..ConfigTexts::default() };
    let environment = Environment::new(process.iter().copied());
    Settings::resolve(&Paths::new("/home/ada", None), &environment, &texts)
}

/// The same of what stands below `harnesses.codex`, in flow style.
fn resolve_codex(process: &[(&str, &str)], codex: &str) -> Settings {
    resolve(process, &format!("harnesses: {{codex: {{{codex}}}}}\n"))
}

/// The target of settings that name one.
#[track_caller]
fn only(settings: Settings) -> TargetSettings {
    let mut targets = settings.targets;
    assert_eq!(targets.len(), 1, "{targets:?}");
    targets.remove(0)
}
