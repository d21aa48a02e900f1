//! `arize-codex`.

use std::io::{IsTerminal, Write};

fn main() -> std::process::ExitCode {
    #[cfg(windows)]
    processes::keep_streams();
    let mut stream = std::io::stdout();
    let is_terminal = stream.is_terminal();
    let output = cli::Output { stream: &mut stream, is_terminal };
    match cli::run(std::env::args_os(), std::env::vars_os(), output) {
        Ok(code) => code,
        Err(error) if error.code() == cli::ExitCode::Success => {
            // A reader such as `head` may have seen enough.
            let _ = write!(std::io::stdout(), "{error}");
            error.code().into()
        }
        Err(error) => {
            // Without stderr there is no place for an error.
            let _ = writeln!(std::io::stderr(), "{}", terminal_text::lines(&error.report()));
            error.code().into()
        }
    }
}
