//! The program `arize-codex-buffer`; what it does is in the library.

use std::process::ExitCode;

use buffer_server::cli::{self, Environment};

fn main() -> ExitCode {
    #[cfg(windows)]
    processes::keep_streams();
    let environment = Environment {
        home: std::env::home_dir(),
        program: std::env::current_exe().ok(),
        variables: codex_config::Environment::new(std::env::vars_os())
            .or_home(std::env::home_dir()),
    };
    ExitCode::from(cli::main(std::env::args_os(), &environment) as u8)
}
