//! The program `arize-codex-buffer`; what it does is in the library.

use std::process::ExitCode;

use buffer_server::cli::{self, Environment};

fn main() -> ExitCode {
    let path = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(Into::into);
    let environment = Environment {
        home: std::env::home_dir(),
        harness_home: path("ARIZE_HARNESS_HOME"),
        port: std::env::var_os("ARIZE_CODEX_BUFFER_PORT"),
        program: std::env::current_exe().ok(),
        codex_home: path("CODEX_HOME"),
        sweep: std::env::var_os("ARIZE_CODEX_SWEEP"),
        variables: codex_config::Environment::new(std::env::vars_os()),
    };
    ExitCode::from(cli::main(std::env::args_os(), &environment) as u8)
}
