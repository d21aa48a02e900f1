//! The command line of `arize-codex-buffer`, which `arize-codex service` has, too.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  start                     Start the service, unless it runs
  status --json             Print how it is, with its counters
  --port 4400 run --foreground
                            Run it here, at another port, until Ctrl-C";

/// Keeps Codex's log events until a trace is built from them.
#[derive(Debug, Parser)]
#[command(name = "arize-codex-buffer", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// Where the service is.
    #[command(flatten)]
    pub place: Place,
    /// What is to become of it.
    #[command(subcommand)]
    pub command: Command,
}

/// Where the service is.
#[derive(Debug, Args)]
pub struct Place {
    /// Address of the loopback interface to listen on [default: 127.0.0.1].
    #[arg(long, global = true)]
    pub host: Option<String>,
    /// Port to listen on; 0 lets the system choose [env: ARIZE_CODEX_BUFFER_PORT, default: 4318].
    #[arg(long, global = true)]
    pub port: Option<u16>,
    /// Directory with the service's files [env: ARIZE_HARNESS_HOME, default: ~/.arize/harness].
    #[arg(long, global = true)]
    pub home: Option<PathBuf>,
}

/// What is to become of it.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the service in the background.
    Start,
    /// Stop the service.
    Stop {
        /// Also end a service that does not answer; never another program
        #[arg(long)]
        force: bool,
    },
    /// Print whether the service runs; exit code 0 if it does, else 1.
    Status {
        /// Print JSON, with the service's counters
        #[arg(long)]
        json: bool,
    },
    /// Start the service if it does not run; errors go to its log, and the exit code is always 0.
    Ensure {
        /// Do not wait until it answers
        #[arg(long)]
        no_wait: bool,
    },
    /// Run the service in this process.
    Run {
        /// Log to the standard error stream and end with the terminal
        #[arg(long)]
        foreground: bool,
        /// Accept events only with the write token or from processes of the user; also `harnesses.codex.collector.require_write_token` in `config.yaml`
        #[arg(long)]
        require_write_token: bool,
        /// Do not start the hook for threads that became silent [env: ARIZE_CODEX_SWEEP=false]
        #[arg(long)]
        no_sweep: bool,
    },
}
