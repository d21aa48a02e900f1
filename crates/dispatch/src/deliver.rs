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
use crate::queued_exporter::{DeliveryStatus, Offer, QueueReason, QueuedExporter};
use crate::queues;

/// How long a turn waits for the answers of several targets. What was not answered by then is put
/// away, and counts as sent.
const PATIENCE: Duration = Duration::from_secs(1);

/// The targets of the settings, ready to take turns.
pub struct Delivery {
    pub(crate) lanes: Vec<Arc<QueuedExporter>>,
    /// The queues that are not theirs.
    pub(crate) others: Others,
    /// Answers that came too late for their turn, or will.
    late: Mutex<Vec<Late>>,
    metrics: PendingMetrics,
}

/// QueueReason nothing is delivered.
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
    told: Vec<TargetOutcome>,
    wanted: Vec<(Arc<QueuedExporter>, Assembled)>,
}

impl TurnBatches {
    /// The batches that are in memory, and the queues of their targets.
    pub fn batches(&self) -> impl Iterator<Item = (&str, &SpanBatch)> {
        self.wanted.iter().filter_map(|(lane, assembled)| match assembled {
            Assembled::Whole(batch) => Some((lane.queue(), batch)),
            Assembled::Large { .. } => None,
        })
    }
}

/// A target that has not answered.
struct Late {
    told: TargetOutcome,
    lane: Arc<QueuedExporter>,
    batch: Arc<SpanBatch>,
    answer: Receiver<Offer>,
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
        let lane = |target| Arc::new(QueuedExporter::to_target(settings, target, paths, timeout));
        let lanes: Vec<Arc<QueuedExporter>> = settings.targets.iter().map(lane).collect();
        adopt_unnamed(&lanes, paths);
        let others = Others::find(&lanes, settings, paths, timeout);
        Ok(Self { lanes, others, late: Mutex::default(), metrics: PendingMetrics::default() })
    }

    /// Any exporter in place of a target of the settings.
    pub fn to_exporter(
        exporter: Box<dyn Exporter>,
        settings: &Settings,
        target: &TargetSettings,
        paths: &Paths,
    ) -> Self {
        let lane = QueuedExporter::to_exporter(Ok(exporter), settings, target, paths);
        let (lanes, others) = (vec![Arc::new(lane)], Others::default());
        Self { lanes, others, late: Mutex::default(), metrics: PendingMetrics::default() }
    }

    /// The spans of a turn, as the first target gets them.
    pub fn preview(&self, turn: &Turn) -> SpanBatch {
        self.lanes.first().map(|lane| lane.batch(turn)).unwrap_or_default()
    }

    /// The spans of a turn for all targets but those that have it, or are not to get it. What an
    /// earlier run was about to send is sent as it was then.
    pub fn assemble(&self, turn: &Turn, have_it: &[String], earlier: Batches) -> TurnBatches {
        let mut parcels =
            TurnBatches { begun: Instant::now(), told: Vec::new(), wanted: Vec::new() };
        let mut earlier = earlier;
        for lane in self.lanes.iter().filter(|lane| !have_it.contains(&lane.name().to_owned())) {
            let lane = Arc::clone(lane);
            if lane.is_one_off() {
                // A run that follows this one, if it is killed, may not know the place.
                lane.note_place();
            }
            if let Some(batch) = earlier.remove(lane.queue()) {
                parcels.wanted.push((lane, Assembled::Whole(batch)));
            } else if let Some((queue, batch)) = self.elsewhere(&mut earlier, &lane) {
                let status = lane.put_into(&queue, &batch);
                parcels.told.push(told(&lane, size_of(&batch), parcels.begun, status));
            } else if lane.wants(turn) {
                let assembled = lane.assemble(turn);
                parcels.wanted.push((lane, assembled));
            } else {
                lane.outbox().note_sampled_out();
                let nothing = ("turn", 0);
                parcels.told.push(told(&lane, nothing, parcels.begun, DeliveryStatus::SampledOut));
            }
        }
        parcels
    }

    /// What an earlier run was about to send to another place of this target, and the queue of that
    /// place. Its environment may have named another kind of target, which has another name.
    fn elsewhere(
        &self,
        earlier: &mut Batches,
        lane: &QueuedExporter,
    ) -> Option<(String, SpanBatch)> {
        let is_alone = self.lanes.len() == 1;
        let is_of_target = |queue: &&String| match queue.split_once('@') {
            Some((target, _)) => target == lane.name() || is_alone,
            None => *queue == lane.name(),
        };
        let queue = earlier.keys().find(is_of_target)?.clone();
        earlier.remove_entry(&queue)
    }

    /// Sends a turn that was assembled.
    pub fn send(&self, turn: &Turn, parcels: TurnBatches) -> Vec<TargetOutcome> {
        let TurnBatches { begun, told: mut all_told, wanted } = parcels;
        // No thread for the one target that most people have.
        let is_alone = wanted.len() == 1;
        let mut sent = Vec::new();
        for (lane, assembled) in wanted {
            match assembled {
                Assembled::Large { ref root, count } => {
                    let status = lane.put_away_large(turn, root, count);
                    all_told.push(told(&lane, assembled.size(), begun, status));
                }
                Assembled::Whole(ref batch) if is_alone => {
                    let status = lane.settle(batch, lane.offer(batch));
                    let status = self.metrics.note(&lane, batch, status);
                    all_told.push(told(&lane, assembled.size(), begun, status));
                }
                Assembled::Whole(batch) => {
                    let batch = Arc::new(batch);
                    let answer = in_background(&lane, Arc::clone(&batch));
                    sent.push((lane, batch, answer));
                }
            }
        }
        all_told.extend(sent.into_iter().map(|sent| self.collect(begun, sent)));
        all_told
    }

    /// Waits for an answer as long as a turn waits.
    fn collect(
        &self,
        begun: Instant,
        (lane, batch, answer): (Arc<QueuedExporter>, Arc<SpanBatch>, Receiver<Offer>),
    ) -> TargetOutcome {
        let left = (begun + PATIENCE).saturating_duration_since(Instant::now());
        match answer.recv_timeout(left) {
            Ok(offer) => {
                let status = lane.settle(&batch, offer);
                let status = self.metrics.note(&lane, &batch, status);
                told(&lane, size_of(&batch), begun, status)
            }
            Err(_) => {
                let status = lane.put_away(&batch, QueueReason::NoAnswerYet);
                let told = told(&lane, size_of(&batch), begun, status);
                let late = Late { told: told.clone(), lane, batch, answer };
                self.late.lock().unwrap_or_else(PoisonError::into_inner).push(late);
                told
            }
        }
    }

    /// The targets that are not to get a turn.
    pub fn without(&self, turn: &Turn) -> Vec<&str> {
        self.lanes.iter().filter(|lane| !lane.wants(turn)).map(|lane| lane.name()).collect()
    }

    /// Waits for answers that did not come in time, but not longer than `until`; says what became of
    /// the turns.
    pub fn finish(&self, until: Instant) -> Vec<TargetOutcome> {
        let late = std::mem::take(&mut *self.late.lock().unwrap_or_else(PoisonError::into_inner));
        let answered = late.into_iter().filter_map(|Late { told, lane, batch, answer }| {
            let left = until.saturating_duration_since(Instant::now());
            let status = lane.settle_late(&batch, answer.recv_timeout(left).ok()?)?;
            Some(TargetOutcome { status: self.metrics.note(&lane, &batch, status), ..told })
        });
        answered.collect()
    }

    /// Offers each target what waits for it, all at once, and then what waits for other places; no offer
    /// begins after `until`, and each ends within the targets' timeout. Targets for which nothing waits
    /// are left out.
    pub fn flush(&self, until: Instant, when: When) -> Vec<TargetFlush> {
        self.others.hold();
        let waiting = self.lanes.iter().filter(|lane| lane.has_waiting());
        let flushing: Vec<_> = waiting
            .map(|lane| {
                let lane = Arc::clone(lane);
                thread::Builder::new().spawn(move || lane.flush(until, when))
            })
            .collect();
        // A thread that panicked has said so in the log.
        let mut all: Vec<TargetFlush> =
            flushing.into_iter().filter_map(|flush| flush.ok()?.join().ok()).collect();
        let others = self.others.lanes.iter().filter(|lane| lane.has_waiting());
        all.extend(others.map(|lane| lane.flush(until, when)));
        all
    }

    /// What waits for each target, in the order of the settings, and for other places.
    pub fn outboxes(&self) -> Vec<TargetOutbox> {
        let of = |lane: &Arc<QueuedExporter>| TargetOutbox {
            name: lane.queue().to_owned(),
            target: Some(lane.target()),
            place: Some(lane.note().place.clone()),
            summary: lane.outbox().summary().unwrap_or_default(),
        };
        let others = self.others.lanes.iter().filter(|lane| lane.outbox().holds_something());
        let mut all: Vec<TargetOutbox> = self.lanes.iter().chain(others).map(of).collect();
        all.extend(self.others.outboxes());
        all
    }

    /// The numbers about what was accepted, which are to be sent when that is remembered.
    pub fn metrics(&self) -> &PendingMetrics {
        &self.metrics
    }

    /// Lets what the targets refused for good wait again.
    pub fn offer_rejected_again(&self) -> Result<usize, OutboxError> {
        let lanes = self.lanes.iter().chain(&self.others.lanes);
        lanes.map(|lane| lane.outbox().offer_rejected_again()).sum()
    }
}

/// What waits for a target that could not be named waits for the one that stands in its place now.
fn adopt_unnamed(lanes: &[Arc<QueuedExporter>], paths: &Paths) {
    for (place, lane) in lanes.iter().enumerate() {
        let unnamed = queues::folder(paths).join(format!("unknown-{place}"));
        let is_other = unnamed != lane.outbox().folder() && !lane.is_one_off();
        if lane.is_usable() && is_other && unnamed.is_dir() {
            // What remains there is held like anything whose target is gone.
            let _ = lane.outbox().adopt(&unnamed);
        }
    }
}

/// Sends a batch in a thread of its own.
fn in_background(lane: &Arc<QueuedExporter>, batch: Arc<SpanBatch>) -> Receiver<Offer> {
    let (sender, answer) = mpsc::channel();
    let lane = Arc::clone(lane);
    // Nobody waits for an answer that is too late.
    let offer = move || drop(sender.send(lane.offer(&batch)));
    // Where there is no thread to be had, the batch is put away.
    let _ = thread::Builder::new().spawn(offer);
    answer
}

/// What became of a turn whose root span has this name, and which has so many spans.
fn told(
    lane: &QueuedExporter,
    (turn, spans): (&str, usize),
    begun: Instant,
    status: DeliveryStatus,
) -> TargetOutcome {
    TargetOutcome {
        name: lane.name().to_owned(),
        target: lane.target(),
        turn: turn.to_owned(),
        spans,
        took: begun.elapsed(),
        status,
    }
}
