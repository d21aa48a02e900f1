//! `arize-codex`.

use std::io::Write;

fn main() -> std::process::ExitCode {
    let (text, code) = match cli::run(std::env::args_os(), std::env::vars_os()) {
        Ok(text) => (text, cli::ExitCode::Success),
        Err(error) if error.code() == cli::ExitCode::Success => (error.to_string(), error.code()),
        Err(error) => {
            // Nobody to tell if stderr is closed.
            let _ = writeln!(std::io::stderr(), "{}", error.report());
            return error.code().into();
        }
    };
    // A reader such as `head` may have seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    code.into()
}
