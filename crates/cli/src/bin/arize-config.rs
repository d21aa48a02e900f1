//! `arize-config`: reads and edits `config.yaml`.

use clap::Parser;
use cli::config::{Arguments, main_with};
use codex_config::Environment;

fn main() -> std::process::ExitCode {
    main_with(Arguments::parse(), &Environment::new(std::env::vars_os()))
}
