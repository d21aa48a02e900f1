//! `arize-config`: reads and edits `config.yaml`.

use clap::Parser;
use cli::config::{Arguments, main_with};
use codex_config::Environment;

fn main() -> std::process::ExitCode {
    let environment = Environment::new(std::env::vars_os()).or_home(std::env::home_dir());
    main_with(Arguments::parse(), &environment)
}
