//! Sending numbers about turns, once their spans have arrived.
//!
//! Spans may be sent twice, numbers may not. They are sent after it is remembered on disk that the
//! spans were accepted, once they are claimed, and again only where the target has certainly taken
//! nothing; until then they wait in its outbox. Whatever happens in between, a number may be lost, but
//! is never counted twice.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use otlp_model::{SpanBatch, measured};
use program_log::chain;

use crate::queued_exporter::{DeliveryStatus, QueuedExporter};
use program_log::Log;

/// What is measured of accepted spans, until it is sent.
#[derive(Default)]
pub struct PendingMetrics(Mutex<Vec<(Arc<QueuedExporter>, SpanBatch)>>);

impl PendingMetrics {
    /// Adds that of a batch if a target accepted it and is to get numbers; gives back what became of
    /// it.
    pub(crate) fn note(
        &self,
        queued: &Arc<QueuedExporter>,
        batch: &SpanBatch,
        status: DeliveryStatus,
    ) -> DeliveryStatus {
        if status == DeliveryStatus::Accepted && queued.wants_metrics() {
            let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pending.push((Arc::clone(queued), measured(batch)));
        }
        status
    }

    /// Counts them as lost: their spans will be sent again, and they with them.
    pub fn forget(&self) {
        for (queued, _) in self.take() {
            queued.outbox().note_metrics_lost(1);
        }
    }

    /// Sends them, to all targets at once; nothing is begun after `until`. That the spans were accepted
    /// must have been remembered.
    pub fn send(&self, until: Instant, log: &Log) {
        let mut by_target: BTreeMap<String, (Arc<QueuedExporter>, Vec<SpanBatch>)> =
            BTreeMap::new();
        for (queued, batch) in self.take() {
            let (_, all) =
                by_target.entry(queued.queue().to_owned()).or_insert((queued, Vec::new()));
            all.push(batch);
        }
        thread::scope(|scope| {
            for (queued, all) in by_target.into_values() {
                scope.spawn(move || {
                    let unsent = send_all(&queued, &all, until);
                    unsent.log(log, &queued.target());
                });
            }
        });
    }

    fn take(&self) -> Vec<(Arc<QueuedExporter>, SpanBatch)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What became of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MetricsOutcome {
    /// They arrived, now or before, or the target takes none, which is not worth a word.
    Done,
    /// They wait, for this reason.
    Waiting(String),
    /// They may or may not have arrived, for this reason.
    Failed(String),
}

/// The turns whose numbers did not arrive, or not yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnsentMetrics {
    /// Those whose numbers wait.
    pub queued: usize,
    /// Those whose metrics may not have arrived.
    pub lost: usize,
    /// The first reason.
    pub why: Option<String>,
}

/// Sends numbers to a target until one request fails; the rest waits then. Nothing is begun after
/// `until`.
pub(crate) fn send_all(
    queued: &QueuedExporter,
    all: &[SpanBatch],
    until: Instant,
) -> UnsentMetrics {
    let mut unsent = UnsentMetrics::default();
    for batch in all {
        let status = match (queued.outbox().metrics().claim(batch), &unsent.why) {
            (Ok(false), _) => MetricsOutcome::Done,
            (Ok(true), Some(why)) => queued.enqueue_metrics(batch, why.clone()),
            (Ok(true), None) => queued.send_metrics(batch, until),
            (Err(error), _) => MetricsOutcome::Failed(chain(&error)),
        };
        let (count, why) = match status {
            MetricsOutcome::Done => continue,
            MetricsOutcome::Waiting(why) => (&mut unsent.queued, why),
            MetricsOutcome::Failed(why) => (&mut unsent.lost, why),
        };
        *count += 1;
        unsent.why.get_or_insert(why);
    }
    queued.outbox().note_metrics_lost(unsent.lost);
    unsent
}

impl UnsentMetrics {
    /// Logs why metrics are queued, or that they are lost.
    pub fn log(&self, log: &Log, target: &str) {
        if self.queued + self.lost > 0 {
            log.warn(format_args!("{self} for {target}"));
        }
    }
}

impl fmt::Display for UnsentMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turns = |count: usize| if count == 1 { "turn" } else { "turns" };
        let Self { queued, lost, why } = self;
        f.write_str("the metrics of ")?;
        if *lost > 0 {
            write!(f, "{lost} {} are lost", turns(*lost))?;
        }
        if *lost > 0 && *queued > 0 {
            f.write_str(" and of ")?;
        }
        if *queued > 0 {
            write!(f, "{queued} {} are queued", turns(*queued))?;
        }
        why.iter().try_for_each(|why| write!(f, " ({why})"))
    }
}
