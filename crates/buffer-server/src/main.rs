//! The program `arize-codex-buffer`; what it does is in the library.

use std::process::ExitCode;

use buffer_server::cli::{self, Environment};

fn main() -> ExitCode {
    let environment = Environment {
        home: std::env::home_dir(),
        port: std::env::var_os("ARIZE_CODEX_BUFFER_PORT"),
        program: std::env::current_exe().ok(),
        codex_home: std::env::var_os("CODEX_HOME").filter(|path| !path.is_empty()).map(Into::into),
        sweep: std::env::var_os("ARIZE_CODEX_SWEEP"),
    };
    ExitCode::from(cli::main(std::env::args_os(), &environment) as u8)
}
