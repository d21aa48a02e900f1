//! The command line.

use std::path::PathBuf;

/// Traces of OpenAI's Codex CLI: try them out and look at them.
#[derive(Debug, clap::Parser)]
#[command(name = "arize-codex", version, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Demo(Demo),
    Doctor(Doctor),
    Logs(Logs),
    Show(Show),
}

/// Run the whole pipeline on a recorded Codex session, in a temporary home, and print the trace.
///
/// Starts the buffer service, sends it the recorded telemetry, runs the notify hook as Codex does,
/// and reads the spans from the local store. Your own settings and data are not touched.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Print the spans as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep the temporary home and say where it is.
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Check every link of the chain from Codex to the backend, and say what to run where one is broken.
///
/// Changes nothing. Exits with 0 if there is no failure, with 1 if there is one.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the logs of the hook and of the buffer service, in order of time.
#[derive(Debug, clap::Args)]
pub(crate) struct Logs {
    /// Go on with what is added, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How many of the last lines to print.
    #[arg(short = 'n', long, default_value_t = 40, value_name = "N")]
    pub(crate) lines: usize,
    /// Leave out the hook: print the log of the buffer service alone.
    #[arg(long)]
    pub(crate) buffer: bool,
}

/// Print turns that the local store holds.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The trace: its id or the beginning of it. Without it, the last turns are listed.
    #[arg(conflicts_with = "last")]
    pub(crate) trace: Option<String>,
    /// Show the last turn.
    #[arg(long)]
    pub(crate) last: bool,
    /// How many turns to list.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The store to read, instead of the one in the harness home.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
}
