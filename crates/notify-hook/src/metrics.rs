//! Sending numbers about turns, once their spans have arrived.
//!
//! Spans may be sent twice, numbers may not. They are sent after it is remembered on disk that the
//! spans were accepted, and again only where nobody was there to take them: whatever happens in between,
//! a number may be lost, and is counted then, but never told twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use exporters::{ExportError, Exporter, Probe, Receipt};
use otlp_model::{MetricBatch, SpanBatch, TraceId, metrics_of};

use crate::lane::{Fate, Lane};
use crate::log::Log;

/// The numbers of accepted spans, until they are sent.
#[derive(Default)]
pub(crate) struct PendingMetrics(Mutex<Vec<(Arc<Lane>, MetricBatch)>>);

impl PendingMetrics {
    /// Adds those of a batch if a target accepted it and is to get them; gives back what became of it.
    pub(crate) fn note(&self, lane: &Arc<Lane>, batch: &SpanBatch, fate: Fate) -> Fate {
        if fate == Fate::Accepted
            && lane.wants_metrics()
            && let Some(metrics) = metrics_of(batch)
        {
            let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pending.push((Arc::clone(lane), metrics));
        }
        fate
    }

    /// Counts them as lost: their spans will be sent again, and they with them.
    pub(crate) fn forget(&self) {
        for (lane, _) in self.take() {
            lane.outbox().note_metrics_lost(1);
        }
    }

    /// Sends them, to all targets at once; nothing is begun after `until`. That the spans were accepted
    /// must have been remembered.
    pub(crate) fn send(&self, until: Instant, log: &Log) {
        let mut by_target: BTreeMap<String, (Arc<Lane>, Vec<MetricBatch>)> = BTreeMap::new();
        for (lane, metrics) in self.take() {
            let (_, all) = by_target.entry(lane.name().to_owned()).or_insert((lane, Vec::new()));
            all.push(metrics);
        }
        thread::scope(|scope| {
            for (lane, all) in by_target.into_values() {
                scope.spawn(move || {
                    if let Err(lost) = send_all(&lane, all, until) {
                        log.warn(format_args!("{lost} for {}", lane.target()));
                    }
                });
            }
        });
    }

    fn take(&self) -> Vec<(Arc<Lane>, MetricBatch)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Numbers that did not arrive, as far as anybody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the metrics of {batches} {} are lost ({why})", if *.batches == 1 { "turn" } else { "turns" })]
pub struct LostMetrics {
    batches: usize,
    why: String,
}

/// Sends numbers to a target until one request fails; the rest is lost then. Nothing is begun after
/// `until`. That a target takes none is not worth a word.
pub(crate) fn send_all(
    lane: &Lane,
    all: Vec<MetricBatch>,
    until: Instant,
) -> Result<(), LostMetrics> {
    let mut all = all.into_iter();
    while let Some(metrics) = all.next() {
        let sent = match Instant::now() < until {
            true => lane.send_metrics(&metrics).map_err(|error| error.told()),
            false => Err("there was no time left".to_owned()),
        };
        match sent {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(why) => {
                let batches = 1 + all.len();
                lane.outbox().note_metrics_lost(batches);
                return Err(LostMetrics { batches, why });
            }
        }
    }
    Ok(())
}

/// Sends a batch, a second time where nobody was there to take the first.
pub(crate) fn send(exporter: &dyn Exporter, metrics: &MetricBatch) -> Result<bool, ExportError> {
    match exporter.export_metrics(metrics) {
        Err(ExportError::Connect { .. }) => exporter.export_metrics(metrics),
        answer => answer,
    }
}

/// An exporter that notes the numbers of what its target accepts.
pub(crate) struct Noting<'a> {
    exporter: &'a dyn Exporter,
    accepted: Mutex<Vec<MetricBatch>>,
}

impl<'a> Noting<'a> {
    pub(crate) fn new(exporter: &'a dyn Exporter) -> Self {
        Self { exporter, accepted: Mutex::default() }
    }

    pub(crate) fn accepted(self) -> Vec<MetricBatch> {
        self.accepted.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exporter for Noting<'_> {
    fn target(&self) -> &str {
        self.exporter.target()
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        let receipt = self.exporter.export(batch)?;
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.extend(metrics_of(batch));
        Ok(receipt)
    }

    fn probe(&self) -> Result<Probe, ExportError> {
        self.exporter.probe()
    }

    fn count_spans(&self, trace: TraceId) -> Result<Option<usize>, ExportError> {
        self.exporter.count_spans(trace)
    }
}
