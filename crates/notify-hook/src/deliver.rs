//! From a turn to all targets at once, none of which waits for another.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use buffer_api::log::chain;
use codex_config::{Paths, Settings, TargetSettings};
use exporters::Exporter;
use exporters::outbox::{OutboxError, When};
use otlp_model::{SpanBatch, Turn};

use crate::assembled::{Assembled, size_of};
use crate::lane::{Fate, Lane, Offer, Why};
use crate::metrics::PendingMetrics;
use crate::others::Others;
use crate::queues;
use crate::told::{TargetFlush, TargetOutbox, Told};

/// How long a turn waits for the answers of several targets. What was not answered by then is put
/// away, and counts as sent.
const PATIENCE: Duration = Duration::from_secs(1);

/// The targets of the settings, ready to take turns.
pub struct Delivery {
    pub(crate) lanes: Vec<Arc<Lane>>,
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
pub(crate) type Batches = BTreeMap<String, SpanBatch>;

/// A turn, ready to be sent to each of its targets.
pub(crate) struct Parcels {
    begun: Instant,
    /// What is decided already.
    told: Vec<Told>,
    wanted: Vec<(Arc<Lane>, Assembled)>,
}

impl Parcels {
    /// The batches that are in memory, and the queues of their targets.
    pub(crate) fn batches(&self) -> impl Iterator<Item = (&str, &SpanBatch)> {
        self.wanted.iter().filter_map(|(lane, assembled)| match assembled {
            Assembled::Whole(batch) => Some((lane.queue(), batch)),
            Assembled::Large { .. } => None,
        })
    }
}

/// A target that has not answered.
struct Late {
    told: Told,
    lane: Arc<Lane>,
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
        let lane = |target| Arc::new(Lane::to_target(settings, target, paths, timeout));
        let lanes: Vec<Arc<Lane>> = settings.targets.iter().map(lane).collect();
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
        let lane = Lane::to_exporter(Ok(exporter), settings, target, paths);
        let (lanes, others) = (vec![Arc::new(lane)], Others::default());
        Self { lanes, others, late: Mutex::default(), metrics: PendingMetrics::default() }
    }

    /// The spans of a turn, as the first target gets them.
    pub(crate) fn preview(&self, turn: &Turn) -> SpanBatch {
        self.lanes.first().map(|lane| lane.batch(turn)).unwrap_or_default()
    }

    /// The spans of a turn for all targets but those that have it, or are not to get it. What an
    /// earlier run was about to send is sent as it was then.
    pub(crate) fn assemble(&self, turn: &Turn, have_it: &[String], earlier: Batches) -> Parcels {
        let mut parcels = Parcels { begun: Instant::now(), told: Vec::new(), wanted: Vec::new() };
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
                let fate = lane.put_into(&queue, &batch);
                parcels.told.push(told(&lane, size_of(&batch), parcels.begun, fate));
            } else if lane.wants(turn) {
                let assembled = lane.assemble(turn);
                parcels.wanted.push((lane, assembled));
            } else {
                lane.outbox().note_sampled_out();
                let nothing = ("turn", 0);
                parcels.told.push(told(&lane, nothing, parcels.begun, Fate::SampledOut));
            }
        }
        parcels
    }

    /// What an earlier run was about to send to another place of this target, and the queue of that
    /// place. Its environment may have named another kind of target, which has another name.
    fn elsewhere(&self, earlier: &mut Batches, lane: &Lane) -> Option<(String, SpanBatch)> {
        let is_alone = self.lanes.len() == 1;
        let is_of_target = |queue: &&String| match queue.split_once('@') {
            Some((target, _)) => target == lane.name() || is_alone,
            None => *queue == lane.name(),
        };
        let queue = earlier.keys().find(is_of_target)?.clone();
        earlier.remove_entry(&queue)
    }

    /// Sends a turn that was assembled.
    pub(crate) fn send(&self, turn: &Turn, parcels: Parcels) -> Vec<Told> {
        let Parcels { begun, told: mut all_told, wanted } = parcels;
        // No thread for the one target that most people have.
        let is_alone = wanted.len() == 1;
        let mut sent = Vec::new();
        for (lane, assembled) in wanted {
            match assembled {
                Assembled::Large { ref root, count } => {
                    let fate = lane.put_away_large(turn, root, count);
                    all_told.push(told(&lane, assembled.size(), begun, fate));
                }
                Assembled::Whole(ref batch) if is_alone => {
                    let fate = lane.settle(batch, lane.offer(batch));
                    let fate = self.metrics.note(&lane, batch, fate);
                    all_told.push(told(&lane, assembled.size(), begun, fate));
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
        (lane, batch, answer): (Arc<Lane>, Arc<SpanBatch>, Receiver<Offer>),
    ) -> Told {
        let left = (begun + PATIENCE).saturating_duration_since(Instant::now());
        match answer.recv_timeout(left) {
            Ok(offer) => {
                let fate = lane.settle(&batch, offer);
                let fate = self.metrics.note(&lane, &batch, fate);
                told(&lane, size_of(&batch), begun, fate)
            }
            Err(_) => {
                let fate = lane.put_away(&batch, Why::NoAnswerYet);
                let told = told(&lane, size_of(&batch), begun, fate);
                let late = Late { told: told.clone(), lane, batch, answer };
                self.late.lock().unwrap_or_else(PoisonError::into_inner).push(late);
                told
            }
        }
    }

    /// The targets that are not to get a turn.
    pub(crate) fn without(&self, turn: &Turn) -> Vec<&str> {
        self.lanes.iter().filter(|lane| !lane.wants(turn)).map(|lane| lane.name()).collect()
    }

    /// Waits for answers that did not come in time, but not longer than `until`; says what became of
    /// the turns.
    pub(crate) fn finish(&self, until: Instant) -> Vec<Told> {
        let late = std::mem::take(&mut *self.late.lock().unwrap_or_else(PoisonError::into_inner));
        let answered = late.into_iter().filter_map(|Late { told, lane, batch, answer }| {
            let left = until.saturating_duration_since(Instant::now());
            let fate = lane.settle_late(&batch, answer.recv_timeout(left).ok()?)?;
            Some(Told { fate: self.metrics.note(&lane, &batch, fate), ..told })
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
        let of = |lane: &Arc<Lane>| TargetOutbox {
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
    pub(crate) fn metrics(&self) -> &PendingMetrics {
        &self.metrics
    }

    /// Lets what the targets refused for good wait again.
    pub fn offer_rejected_again(&self) -> Result<usize, OutboxError> {
        let lanes = self.lanes.iter().chain(&self.others.lanes);
        lanes.map(|lane| lane.outbox().offer_rejected_again()).sum()
    }
}

/// What waits for a target that could not be named waits for the one that stands in its place now.
fn adopt_unnamed(lanes: &[Arc<Lane>], paths: &Paths) {
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
fn in_background(lane: &Arc<Lane>, batch: Arc<SpanBatch>) -> Receiver<Offer> {
    let (sender, answer) = mpsc::channel();
    let lane = Arc::clone(lane);
    // Nobody waits for an answer that is too late.
    let offer = move || drop(sender.send(lane.offer(&batch)));
    // Where there is no thread to be had, the batch is put away.
    let _ = thread::Builder::new().spawn(offer);
    answer
}

/// What became of a turn whose root span has this name, and which has so many spans.
fn told(lane: &Lane, (turn, spans): (&str, usize), begun: Instant, fate: Fate) -> Told {
    Told {
        name: lane.name().to_owned(),
        target: lane.target(),
        turn: turn.to_owned(),
        spans,
        took: begun.elapsed(),
        fate,
    }
}
