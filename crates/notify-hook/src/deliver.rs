//! From a turn to all targets at once, none of which waits for another.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use buffer_api::log::chain;
use codex_config::{Paths, Settings, TargetSettings};
use exporters::outbox::{Limits, OutboxError, When};
use exporters::{Exporter, Outbox};
use otlp_model::{SpanBatch, Turn};

use crate::assembled::Assembled;
use crate::lane::{self, Fate, Lane, Offer, Why};
use crate::metrics::PendingMetrics;
use crate::told::{TargetFlush, TargetOutbox, Told};

/// How long a turn waits for the answers of several targets. What was not answered by then is put
/// away, and counts as sent.
const PATIENCE: Duration = Duration::from_secs(1);

/// The targets of the settings, ready to take turns.
pub struct Delivery {
    lanes: Vec<Arc<Lane>>,
    /// Answers that came too late for their turn, or will.
    late: Mutex<Vec<Late>>,
    metrics: PendingMetrics,
    /// Where the outboxes are.
    folder: PathBuf,
}

/// Why nothing is delivered.
#[derive(Debug, thiserror::Error)]
#[error("{error} (hint: {hint})")]
pub struct DeliveryError {
    error: String,
    hint: &'static str,
}

/// Batches of one turn, by the name of the target that is to get them.
pub(crate) type Batches = BTreeMap<String, SpanBatch>;

/// A turn, ready to be sent to each of its targets.
pub(crate) struct Parcels {
    begun: Instant,
    /// What is decided already.
    told: Vec<Told>,
    wanted: Vec<(Arc<Lane>, Assembled)>,
}

impl Parcels {
    /// The batches that are in memory, and the names of their targets.
    pub(crate) fn batches(&self) -> impl Iterator<Item = (&str, &SpanBatch)> {
        self.wanted.iter().filter_map(|(lane, assembled)| match assembled {
            Assembled::Whole(batch) => Some((lane.name(), batch)),
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
        let (late, metrics) = (Mutex::default(), PendingMetrics::default());
        let delivery = Self { lanes, late, metrics, folder: lane::folder(paths) };
        delivery.adopt();
        Ok(delivery)
    }

    /// Any exporter in place of a target of the settings.
    pub fn to_exporter(
        exporter: Box<dyn Exporter>,
        settings: &Settings,
        target: &TargetSettings,
        paths: &Paths,
    ) -> Self {
        let lane = Lane::to_exporter(Ok(exporter), settings, target, paths);
        let lanes = vec![Arc::new(lane)];
        let (late, metrics) = (Mutex::default(), PendingMetrics::default());
        Self { lanes, late, metrics, folder: lane::folder(paths) }
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
            if let Some(batch) = earlier.remove(lane.name()) {
                parcels.wanted.push((lane, Assembled::Whole(batch)));
            } else if lane.wants(turn) {
                let assembled = lane.assemble(turn);
                parcels.wanted.push((lane, assembled));
            } else {
                lane.outbox().note_sampled_out();
                let nothing = Assembled::Whole(SpanBatch::default());
                parcels.told.push(told(&lane, &nothing, parcels.begun, Fate::SampledOut));
            }
        }
        parcels
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
                    all_told.push(told(&lane, &assembled, begun, fate));
                }
                Assembled::Whole(ref batch) if is_alone => {
                    let fate = lane.settle(batch, lane.offer(batch));
                    let fate = self.metrics.note(&lane, batch, fate);
                    all_told.push(told(&lane, &assembled, begun, fate));
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
                told_of(&lane, &batch, begun, self.metrics.note(&lane, &batch, fate))
            }
            Err(_) => {
                let fate = lane.put_away(&batch, Why::NoAnswerYet);
                let told = told_of(&lane, &batch, begun, fate);
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

    /// Offers each target what waits for it, all at once; no offer begins after `until`, and each ends
    /// within the targets' timeout. Targets for which nothing waits are left out.
    pub fn flush(&self, until: Instant, when: When) -> Vec<TargetFlush> {
        self.hold_abandoned();
        let waiting = self.lanes.iter().filter(|lane| lane.has_waiting());
        let flushing: Vec<_> = waiting
            .map(|lane| {
                let lane = Arc::clone(lane);
                thread::Builder::new().spawn(move || lane.flush(until, when))
            })
            .collect();
        // A thread that panicked has said so in the log.
        flushing.into_iter().filter_map(|flush| flush.ok()?.join().ok()).collect()
    }

    /// What waits for each target, in the order of the settings, and for those that they no longer
    /// name.
    pub fn outboxes(&self) -> Vec<TargetOutbox> {
        let named = self.lanes.iter().map(|lane| TargetOutbox {
            name: lane.name().to_owned(),
            target: Some(lane.target()),
            summary: lane.outbox().summary().unwrap_or_default(),
        });
        let abandoned = self.abandoned().into_iter().filter_map(|(name, outbox)| {
            let summary = outbox.summary().unwrap_or_default();
            let is_empty = summary.waiting == 0 && summary.rejected.is_empty();
            (!is_empty).then_some(TargetOutbox { name, target: None, summary })
        });
        named.chain(abandoned).collect()
    }

    /// The numbers about what was accepted, which are to be sent when that is remembered.
    pub(crate) fn metrics(&self) -> &PendingMetrics {
        &self.metrics
    }

    /// Lets what the targets refused for good wait again.
    pub fn offer_rejected_again(&self) -> Result<usize, OutboxError> {
        self.lanes.iter().map(|lane| lane.outbox().offer_rejected_again()).sum()
    }

    /// What waits for a target that could not be named waits for the one that stands in its place now.
    fn adopt(&self) {
        for (place, lane) in self.lanes.iter().enumerate() {
            let unnamed = self.folder.join(format!("unknown-{place}"));
            if lane.is_usable() && unnamed != lane.outbox().folder() && unnamed.is_dir() {
                // What remains there is held like anything whose target is gone.
                let _ = lane.outbox().adopt(&unnamed);
            }
        }
    }

    /// What waits for a target that the settings no longer name is not thrown away, and not tried.
    fn hold_abandoned(&self) {
        for (_, outbox) in self.abandoned() {
            lane::hold_abandoned(&outbox);
        }
    }

    /// The outboxes of targets that the settings do not name.
    fn abandoned(&self) -> Vec<(String, Outbox)> {
        let is_named = |name: &String| self.lanes.iter().any(|lane| lane.name() == name);
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| !is_named(name)).collect();
        names.sort_unstable();
        let outbox = |name: String| {
            let outbox = Outbox::new(self.folder.join(&name), Limits::default());
            (name, outbox)
        };
        names.into_iter().map(outbox).collect()
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

fn told(lane: &Lane, assembled: &Assembled, begun: Instant, fate: Fate) -> Told {
    Told {
        name: lane.name().to_owned(),
        target: lane.target(),
        turn: assembled.name().to_owned(),
        spans: assembled.count(),
        took: begun.elapsed(),
        fate,
    }
}

fn told_of(lane: &Lane, batch: &SpanBatch, begun: Instant, fate: Fate) -> Told {
    let root = batch.spans.first();
    Told {
        turn: root.map_or("turn", |root| root.name.as_str()).to_owned(),
        spans: batch.spans.len(),
        ..told(lane, &Assembled::Whole(SpanBatch::default()), begun, fate)
    }
}
