//! The hook program, one run at a time.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use program_log::HOOK_FAILED;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};

use super::plan::Due;
use crate::log::{Log, Topic};

/// The longest time that a run may take. The hook sees to it itself that it ends before.
const PATIENCE: Duration = Duration::from_secs(200);

/// A program that may run.
#[derive(Debug)]
pub(super) struct Hook {
    program: PathBuf,
    run: Option<Run>,
}

/// What a run is to do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order<'a> {
    /// Look at these threads; at those that it knows to have changed where there are none.
    Sweep(&'a [Due]),
    /// Send from the queues.
    Flush,
}

#[derive(Debug)]
struct Run {
    is_flush: bool,
    process: Child,
    until: Instant,
}

/// A thread, and when its file was last seen to be written to or closed.
fn argument(due: &Due) -> String {
    let since = due.closed.and_then(|closed| closed.duration_since(SystemTime::UNIX_EPOCH).ok());
    match since {
        Some(since) => format!("{}@{}", due.thread, since.as_millis()),
        None => due.thread.clone(),
    }
}

impl Hook {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, run: None }
    }

    pub(super) fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// Starts a run. It ends with the service: the next start makes up for it.
    pub(super) fn start(&mut self, order: Order<'_>, log: &Log) {
        let mut command = Command::new(&self.program);
        match order {
            Order::Sweep(threads) => command.arg("--sweep").args(threads.iter().map(argument)),
            Order::Flush => command.arg("--flush"),
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.kill_on_drop(true).spawn() {
            Ok(process) => {
                let is_flush = matches!(order, Order::Flush);
                self.run = Some(Run { is_flush, process, until: Instant::now() + PATIENCE });
            }
            Err(error) => {
                let program = self.program.display();
                let line = format_args!("{HOOK_FAILED}`{program}` cannot be started: {error}");
                log.line_on(Topic::Sweep, line);
            }
        }
    }

    /// Ready when the present run has ended; never while there is none. Says whether it was a flush.
    pub(super) async fn ended(&mut self, log: &Log) -> bool {
        let Some(run) = &mut self.run else { return std::future::pending().await };
        let ended = match timeout_at(run.until, run.process.wait()).await {
            Ok(ended) => ended.map_err(|error| error.to_string()),
            Err(_) => {
                let killed = run.process.kill().await;
                Err(format!("killed after {} s ({killed:?})", PATIENCE.as_secs()))
            }
        };
        let is_flush = run.is_flush;
        self.run = None;
        let failure = match ended {
            Ok(status) if status.success() => return is_flush,
            Ok(status) => ExitStatus::to_string(&status),
            Err(error) => error,
        };
        let program = self.program.display();
        log.line_on(Topic::Sweep, format_args!("{HOOK_FAILED}`{program}`: {failure}"));
        is_flush
    }
}
