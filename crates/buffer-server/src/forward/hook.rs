//! To a receiver with TLS or gRPC: by the hook, which has both anyway. In the service they would cost
//! memory for good, and most have no use for them.
//!
//! The hook is started with the first body, and ended when none has come for a while. One that ends by
//! itself is started again, each time later.

use std::{
    io::{self, BufReader},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use axum::http::HeaderValue;
use buffer_api::passing_on::{self, Receipt};

use super::{Parcel, Refusal};

/// How long nothing is started after a run that came to nothing; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// The hook, which may run.
pub(super) struct Hook {
    program: PathBuf,
    run: Option<Run>,
    pause: Duration,
    /// Nothing is started before.
    not_before: Option<Instant>,
}

struct Run {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Hook {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, run: None, pause: FIRST_PAUSE, not_before: None }
    }

    pub(super) fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// Ends the run. Nothing is on its way: each body is waited for.
    pub(super) fn end(&mut self) {
        self.run = None;
    }

    /// Has the hook send a body; says why it was not taken.
    pub(super) fn send(&mut self, parcel: &Parcel) -> Result<(), Refusal> {
        if self.not_before.is_some_and(|time| Instant::now() < time) {
            let reason = format!("`{}` is started again later", self.program.display());
            return Err(Refusal::for_good(reason));
        }
        match self.hand_over(parcel) {
            Ok(receipt) => {
                (self.pause, self.not_before) = (FIRST_PAUSE, None);
                let Receipt { given_up, may_pass } = receipt;
                given_up.map_or(Ok(()), |reason| Err(Refusal { reason, may_pass }))
            }
            Err(error) => {
                self.not_before = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                Err(Refusal::for_good(format!("`{}`: {error}", self.program.display())))
            }
        }
    }

    /// Has a run pass a body on. One that fails is over, and may have passed it on.
    fn hand_over(&mut self, parcel: &Parcel) -> io::Result<Receipt> {
        let mut run = self.given(parcel)?;
        let receipt = run.receipt()?;
        self.run = Some(run);
        Ok(receipt)
    }

    /// Gives a body to the run, which is begun where there is none, or where it was killed meanwhile:
    /// what it has not got whole it has not passed on.
    fn given(&mut self, parcel: &Parcel) -> io::Result<Run> {
        if let Some(mut run) = self.run.take()
            && run.give(parcel).is_ok()
        {
            return Ok(run);
        }
        let mut run = Run::start(&self.program)?;
        run.give(parcel)?;
        Ok(run)
    }
}

impl Run {
    fn start(program: &PathBuf) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(passing_on::ARGUMENT).stderr(Stdio::null());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Self { process, input, output: BufReader::new(output) })
    }

    fn give(&mut self, parcel: &Parcel) -> io::Result<()> {
        let text = |value: &Option<HeaderValue>| Some(value.as_ref()?.to_str().ok()?.to_owned());
        let label = passing_on::Parcel {
            content_type: text(&parcel.kind),
            content_encoding: text(&parcel.packing),
            bytes: parcel.body.len() as u64,
        };
        label.write(&parcel.body, &mut self.input)
    }

    fn receipt(&mut self) -> io::Result<Receipt> {
        Receipt::read(&mut self.output)?.ok_or_else(|| io::Error::other("it has ended"))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.process.kill();
        // So that nothing of it stays.
        let _ = self.process.wait();
    }
}
