//! Whether the test turn has arrived, target by target.

use std::thread;
use std::time::{Duration, Instant};

use codex_config::{Environment, Settings, TargetSettings};
use dispatch::ledger::Entry;
use exporters::{ExportError, Exporter};
use otlp_model::TraceId;
use program_log::chain;

use super::stage::Stage;
use crate::Finding;
use crate::words::{count, line};

const ARRIVED: &str = "send.arrived";

const DOCTOR: &str = "arize-codex doctor";

/// How long a target may take to show what it accepted.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often it is asked.
const POLL: Duration = Duration::from_millis(20);

/// The most that one answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// A turn, a call of the model and a call of a tool.
const SPANS: usize = 3;

/// Asks all targets at once for the trace.
pub(super) fn read_back(
    environment: &Environment,
    stage: &Stage,
    sent: &Entry,
    trace: TraceId,
    begun: Instant,
) -> Vec<Finding> {
    let settings = Settings::load(&stage.paths, &Stage::environment(environment));
    thread::scope(|scope| {
        let asking: Vec<_> = settings
            .targets
            .iter()
            .map(|target| {
                let is_sent = sent.targets.contains(&target.name);
                scope.spawn(move || match is_sent {
                    true => arrival(target, stage, trace, begun),
                    false => left_out(target),
                })
            })
            .collect();
        asking.into_iter().filter_map(|asked| asked.join().ok()).collect()
    })
}

/// Only a share of all turns is for this target.
fn left_out(target: &TargetSettings) -> Finding {
    let message = format!("`{}` does not get the test turn, because of `sampling`", target.name);
    Finding::ok(ARRIVED, message)
}

fn arrival(target: &TargetSettings, stage: &Stage, trace: TraceId, begun: Instant) -> Finding {
    let name = &target.name;
    let refused = stage.outbox(name).and_then(|outbox| {
        let rejected = outbox.rejected.into_iter().next().map(|batch| batch.answer);
        let queued = (outbox.queued > 0).then(|| outbox.last_error.unwrap_or_default());
        rejected.or(queued)
    });
    if let Some(answer) = refused {
        let message = format!("`{name}` did not accept the test turn: {}", line(&answer, 300));
        return Finding::failure(ARRIVED, message, DOCTOR);
    }
    let exporter = match exporter_of(target, stage) {
        Ok(exporter) => exporter,
        Err(error) => return Finding::failure(ARRIVED, format!("`{name}`: {error}"), DOCTOR),
    };
    let accepted = begun.elapsed().as_millis();
    match wait_for(&*exporter, trace) {
        Ok(Some(SPANS)) => {
            let spans = count(SPANS, "span", "spans");
            let took = begun.elapsed().as_millis();
            let project = &target.project_name;
            let message = format!(
                "`{name}` shows the test turn {took} ms after its end: trace {trace} in `{project}`, {spans}"
            );
            Finding::ok(ARRIVED, message)
        }
        Ok(None) => {
            let message = format!(
                "`{name}` accepted the test turn within {accepted} ms; it cannot be asked whether it shows trace {trace}"
            );
            Finding::ok(ARRIVED, message)
        }
        Ok(Some(spans)) => {
            let message = format!(
                "`{name}` accepted the test turn and shows {spans} of {SPANS} spans after {} s: trace {trace}",
                PATIENCE.as_secs()
            );
            Finding::failure(ARRIVED, message, DOCTOR)
        }
        Err(error) => {
            let message = format!(
                "`{name}` accepted the test turn within {accepted} ms, and cannot be asked for it: {}",
                chain(&error)
            );
            Finding::warning(ARRIVED, message, DOCTOR)
        }
    }
}

fn exporter_of(target: &TargetSettings, stage: &Stage) -> Result<Box<dyn Exporter>, String> {
    let kind = target.target.as_ref().map_err(ToString::to_string)?;
    dispatch::exporter(kind, target, &stage.paths, ANSWER).map_err(|error| error.to_string())
}

/// The spans of the trace as soon as they are complete, or as they are in the end.
fn wait_for(exporter: &dyn Exporter, trace: TraceId) -> Result<Option<usize>, ExportError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match exporter.count_spans(trace)? {
            Some(spans) if spans < SPANS && Instant::now() < until => thread::sleep(POLL),
            spans => return Ok(spans),
        }
    }
}
