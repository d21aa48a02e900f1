//! `arize-config`: reads and edits `config.yaml`.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use codex_config::Environment;
use codex_config::command::{Arguments, Console, report, run};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let environment = Environment::new(std::env::vars_os());
    let console = Console {
        input: &mut io::stdin().lock(),
        output: &mut io::stdout().lock(),
        notes: &mut io::stderr().lock(),
    };
    match run(arguments, &environment, console) {
        Ok(code) => code.into(),
        Err(error) => report(&error, &mut io::stderr().lock()).into(),
    }
}
