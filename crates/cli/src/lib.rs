//! The umbrella command `arize-codex`.
//!
//! It puts together what the other crates do, for a person at a terminal: `demo` runs the whole
//! pipeline on a recorded session, `show` prints what the local store holds. Results go to stdout,
//! everything else to stderr.
//!
//! Start reading at [`run`]; how a span tree looks on a terminal is in [`print`](mod@print).

mod args;
mod demo;
mod error;
pub mod print;
mod show;

pub use error::{CommandError, ExitCode};

use std::ffi::OsString;

use clap::Parser;
use codex_config::Environment;

use args::{Args, Command};

/// Runs the command line and returns what to write to stdout.
pub fn run(
    arguments: impl Iterator<Item = OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<String, CommandError> {
    let args = Args::try_parse_from(arguments)?;
    let environment = Environment::new(variables);
    match args.command {
        Command::Demo(demo) => demo::demo(&demo),
        Command::Show(show) => show::show(&show, &environment),
    }
}
