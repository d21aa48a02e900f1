//! From a turn to all targets at once, none of which waits for another.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use codex_config::{Paths, Settings, TargetSettings};
use delivery::{OutboxError, When};
use exporters::Exporter;
use otlp_model::{SpanBatch, Turn};
use program_log::chain;

use crate::assembled::{Assembled, size_of};
use crate::metrics::PendingMetrics;
use crate::others::Others;
use crate::outcome::{TargetFlush, TargetOutbox, TargetOutcome};
use crate::queued_exporter::{DeliveryStatus, QueueReason, QueuedExporter, SendResult};

/// How long a turn waits for the answers of several targets. A turn that was not answered by then is
/// queued, and counts as sent.
const PATIENCE: Duration = Duration::from_secs(1);

/// The targets of the settings, ready to take turns.
pub struct Delivery {
    pub(crate) exporters: Vec<Arc<QueuedExporter>>,
    /// The queues that are not theirs.
    pub(crate) others: Others,
    /// Answers that came too late for their turn, or will.
    late: Mutex<Vec<Late>>,
    metrics: PendingMetrics,
}

/// Why nothing is delivered.
#[derive(Debug, thiserror::Error)]
#[error("{error} (hint: {hint})")]
pub struct DeliveryError {
    error: String,
    hint: &'static str,
}

/// Batches of one turn, by the queue of the target that is to get them.
pub type Batches = BTreeMap<String, SpanBatch>;

/// A turn, ready to be sent to each of its targets.
pub struct TurnBatches {
    begun: Instant,
    /// What is decided already.
    outcomes: Vec<TargetOutcome>,
    wanted: Vec<(Arc<QueuedExporter>, Assembled)>,
}

impl TurnBatches {
    /// The batches that are in memory, and the queues of their targets.
    pub fn batches(&self) -> impl Iterator<Item = (&str, &SpanBatch)> {
        self.wanted.iter().filter_map(|(queued, assembled)| match assembled {
            Assembled::Whole(batch) => Some((queued.queue(), batch)),
            Assembled::Large { .. } => None,
        })
    }
}

/// A target that has not answered.
struct Late {
    outcome: TargetOutcome,
    queued: Arc<QueuedExporter>,
    batch: Arc<SpanBatch>,
    answer: Receiver<SendResult>,
}

impl Delivery {
    /// All targets of the settings; each request to one ends within `timeout`.
    pub fn to_targets(
        settings: &Settings,
        paths: &Paths,
        timeout: Duration,
    ) -> Result<Self, DeliveryError> {
        if let Some(error) = &settings.unreadable {
            return Err(DeliveryError { error: chain(error), hint: error.hint() });
        }
        let queued = |target| Arc::new(QueuedExporter::to_target(settings, target, paths, timeout));
        let exporters: Vec<Arc<QueuedExporter>> = settings.targets.iter().map(queued).collect();
        adopt_unnamed(&exporters);
        let others = Others::find(&exporters, settings, paths, timeout);
        Ok(Self { exporters, others, late: Mutex::default(), metrics: PendingMetrics::default() })
    }

    /// Any exporter in place of a target of the settings.
    pub fn to_exporter(
        exporter: Box<dyn Exporter>,
        settings: &Settings,
        target: &TargetSettings,
        paths: &Paths,
    ) -> Self {
        let queued = QueuedExporter::to_exporter(Ok(exporter), settings, target, paths);
        let (exporters, others) = (vec![Arc::new(queued)], Others::default());
        Self { exporters, others, late: Mutex::default(), metrics: PendingMetrics::default() }
    }

    /// The spans of a turn, as the first target gets them.
    pub fn preview(&self, turn: &Turn) -> SpanBatch {
        self.exporters.first().map(|queued| queued.batch(turn)).unwrap_or_default()
    }

    /// The spans of a turn for all targets but those that have it, or are not to get it. What an
    /// earlier run was about to send is sent as it was then.
    pub fn assemble(&self, turn: &Turn, have_it: &[String], earlier: Batches) -> TurnBatches {
        let mut batches =
            TurnBatches { begun: Instant::now(), outcomes: Vec::new(), wanted: Vec::new() };
        let mut earlier = earlier;
        for queued in
            self.exporters.iter().filter(|queued| !have_it.contains(&queued.name().to_owned()))
        {
            let queued = Arc::clone(queued);
            if queued.is_one_off() {
                // A run that follows this one, if it is killed, may not know the place.
                queued.note_place();
            }
            if let Some(batch) = earlier.remove(queued.queue()) {
                batches.wanted.push((queued, Assembled::Whole(batch)));
            } else if let Some((queue, batch)) = self.elsewhere(&mut earlier, &queued) {
                let status = queued.enqueue_elsewhere(&queue, &batch);
                batches.outcomes.push(outcome(&queued, size_of(&batch), batches.begun, status));
            } else if queued.wants(turn) {
                let assembled = queued.assemble(turn);
                batches.wanted.push((queued, assembled));
            } else {
                queued.outbox().note_sampled_out();
                let nothing = ("turn", 0);
                batches.outcomes.push(outcome(
                    &queued,
                    nothing,
                    batches.begun,
                    DeliveryStatus::SampledOut,
                ));
            }
        }
        batches
    }

    /// What an earlier run was about to send to another place of this target, and the queue of that
    /// place. Its environment may have named another kind of target, which has another name.
    fn elsewhere(
        &self,
        earlier: &mut Batches,
        queued: &QueuedExporter,
    ) -> Option<(String, SpanBatch)> {
        let is_alone = self.exporters.len() == 1;
        let is_of_target = |queue: &&String| match queue.split_once('@') {
            Some((target, _)) => target == queued.name() || is_alone,
            None => *queue == queued.name(),
        };
        let queue = earlier.keys().find(is_of_target)?.clone();
        earlier.remove_entry(&queue)
    }

    /// Sends a turn that was assembled.
    pub fn send(&self, turn: &Turn, batches: TurnBatches) -> Vec<TargetOutcome> {
        let TurnBatches { begun, mut outcomes, wanted } = batches;
        // No thread for the one target that most people have.
        let is_alone = wanted.len() == 1;
        let mut sent = Vec::new();
        for (queued, assembled) in wanted {
            match assembled {
                Assembled::Large { ref root, count } => {
                    let status = queued.enqueue_large(turn, root, count);
                    outcomes.push(outcome(&queued, assembled.size(), begun, status));
                }
                Assembled::Whole(ref batch) if is_alone => {
                    let status = queued.resolve(batch, queued.try_send(batch));
                    let status = self.metrics.note(&queued, batch, status);
                    outcomes.push(outcome(&queued, assembled.size(), begun, status));
                }
                Assembled::Whole(batch) => {
                    let batch = Arc::new(batch);
                    let answer = in_background(&queued, Arc::clone(&batch));
                    sent.push((queued, batch, answer));
                }
            }
        }
        outcomes.extend(sent.into_iter().map(|sent| self.collect(begun, sent)));
        outcomes
    }

    /// Waits for an answer as long as a turn waits.
    fn collect(
        &self,
        begun: Instant,
        (queued, batch, answer): (Arc<QueuedExporter>, Arc<SpanBatch>, Receiver<SendResult>),
    ) -> TargetOutcome {
        let left = (begun + PATIENCE).saturating_duration_since(Instant::now());
        match answer.recv_timeout(left) {
            Ok(result) => {
                let status = queued.resolve(&batch, result);
                let status = self.metrics.note(&queued, &batch, status);
                outcome(&queued, size_of(&batch), begun, status)
            }
            Err(_) => {
                let status = queued.enqueue(&batch, QueueReason::NoAnswerYet);
                let outcome = outcome(&queued, size_of(&batch), begun, status);
                let late = Late { outcome: outcome.clone(), queued, batch, answer };
                self.late.lock().unwrap_or_else(PoisonError::into_inner).push(late);
                outcome
            }
        }
    }

    /// The targets that are not to get a turn.
    pub fn without(&self, turn: &Turn) -> Vec<&str> {
        self.exporters
            .iter()
            .filter(|queued| !queued.wants(turn))
            .map(|queued| queued.name())
            .collect()
    }

    /// Waits for answers that did not come in time, but not longer than `until`; says what became of
    /// the turns.
    pub fn finish(&self, until: Instant) -> Vec<TargetOutcome> {
        let late = std::mem::take(&mut *self.late.lock().unwrap_or_else(PoisonError::into_inner));
        let answered = late.into_iter().filter_map(|Late { outcome, queued, batch, answer }| {
            let left = until.saturating_duration_since(Instant::now());
            let status = queued.resolve_late(&batch, answer.recv_timeout(left).ok()?)?;
            Some(TargetOutcome { status: self.metrics.note(&queued, &batch, status), ..outcome })
        });
        answered.collect()
    }

    /// Flushes the queues of all targets at once, and then those of other places; no request begins after
    /// `until`, and each ends within the targets' timeout. Targets with an empty queue are left out.
    pub fn flush(&self, until: Instant, when: When) -> Vec<TargetFlush> {
        self.others.pause();
        let queued = self.exporters.iter().filter(|queued| queued.has_queued());
        let flushing: Vec<_> = queued
            .map(|queued| {
                let queued = Arc::clone(queued);
                thread::Builder::new().spawn(move || queued.flush(until, when))
            })
            .collect();
        // The panic hook has logged a thread that panicked.
        let mut all: Vec<TargetFlush> =
            flushing.into_iter().filter_map(|flush| flush.ok()?.join().ok()).collect();
        let others = self.others.exporters.iter().filter(|queued| queued.has_queued());
        all.extend(others.map(|queued| queued.flush(until, when)));
        all
    }

    /// The queue of each target, in the order of the settings, and those of other places.
    pub fn outboxes(&self) -> Vec<TargetOutbox> {
        let of = |queued: &Arc<QueuedExporter>| TargetOutbox {
            name: queued.queue().to_owned(),
            target: Some(queued.target()),
            place: Some(queued.note().place.clone()),
            summary: queued.outbox().summary().unwrap_or_default(),
        };
        let others =
            self.others.exporters.iter().filter(|queued| queued.outbox().holds_something());
        let mut all: Vec<TargetOutbox> = self.exporters.iter().chain(others).map(of).collect();
        all.extend(self.others.outboxes());
        all
    }

    /// The numbers about what was accepted, which are to be sent when that is remembered.
    pub fn metrics(&self) -> &PendingMetrics {
        &self.metrics
    }

    /// Queues dead letters again.
    pub fn requeue_dead_letters(&self) -> Result<usize, OutboxError> {
        let exporters = self.exporters.iter().chain(&self.others.exporters);
        exporters.map(|queued| queued.outbox().requeue_dead_letters()).sum()
    }
}

/// Moves the queue of a target that could not be named to the one that stands in its place now.
fn adopt_unnamed(exporters: &[Arc<QueuedExporter>]) {
    for (place, queued) in exporters.iter().enumerate() {
        let unnamed = queued.outbox().beside(&format!("unknown-{place}"));
        let is_other = unnamed.folder() != queued.outbox().folder() && !queued.is_one_off();
        if queued.is_usable() && is_other && matches!(unnamed.is_empty(), Ok(false)) {
            queued.note_place_for(&unnamed);
            // What remains there is held like anything whose target is gone.
            let _ = queued.outbox().adopt(unnamed.folder());
        }
    }
}

/// Sends a batch in a thread of its own.
fn in_background(queued: &Arc<QueuedExporter>, batch: Arc<SpanBatch>) -> Receiver<SendResult> {
    let (sender, answer) = mpsc::channel();
    let queued = Arc::clone(queued);
    // An answer that is too late has no receiver.
    let send = move || drop(sender.send(queued.try_send(&batch)));
    // Without a thread the batch is queued.
    let _ = thread::Builder::new().spawn(send);
    answer
}

/// The outcome of a turn whose root span has this name, and which has so many spans.
fn outcome(
    queued: &QueuedExporter,
    (turn, spans): (&str, usize),
    begun: Instant,
    status: DeliveryStatus,
) -> TargetOutcome {
    TargetOutcome {
        name: queued.name().to_owned(),
        target: queued.target(),
        turn: turn.to_owned(),
        spans,
        took: begun.elapsed(),
        status,
    }
}
