//! The hook program, one run at a time.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};

use crate::log::{Log, Topic};

/// The longest time that a run may take. The hook sees to it itself that it ends before.
const PATIENCE: Duration = Duration::from_secs(200);

/// A program that may run.
#[derive(Debug)]
pub(super) struct Hook {
    program: PathBuf,
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    process: Child,
    until: Instant,
}

impl Hook {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, run: None }
    }

    pub(super) fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// Lets the hook look at these threads; at those that it knows to have changed where there are
    /// none. A run ends with the service: the next start makes up for it.
    pub(super) fn start(&mut self, threads: &[String], log: &Log) {
        let mut command = Command::new(&self.program);
        command.arg("--sweep").args(threads);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.kill_on_drop(true).spawn() {
            Ok(process) => {
                self.run = Some(Run { process, until: Instant::now() + PATIENCE });
            }
            Err(error) => {
                let program = self.program.display();
                log.line_on(Topic::Sweep, format_args!("`{program}` is not started: {error}"));
            }
        }
    }

    /// Ready when the present run has ended; never while there is none.
    pub(super) async fn ended(&mut self, log: &Log) {
        let Some(run) = &mut self.run else { return std::future::pending().await };
        let ended = match timeout_at(run.until, run.process.wait()).await {
            Ok(ended) => ended.map_err(|error| error.to_string()),
            Err(_) => {
                let killed = run.process.kill().await;
                Err(format!("killed after {} s ({killed:?})", PATIENCE.as_secs()))
            }
        };
        self.run = None;
        let failure = match ended {
            Ok(status) if status.success() => return,
            Ok(status) => ExitStatus::to_string(&status),
            Err(error) => error,
        };
        log.line_on(Topic::Sweep, format_args!("`{}`: {failure}", self.program.display()));
    }
}
