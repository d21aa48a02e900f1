//! From a turn to all targets at once, none of which waits for another.

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

    /// Sends a turn to all targets but those that have it, or are not to get it.
    pub(crate) fn send(&self, turn: &Turn, have_it: &[String]) -> Vec<Told> {
        let others = self.lanes.iter().filter(|lane| !have_it.contains(&lane.name().to_owned()));
        let begun = Instant::now();
        let (wanted, others): (Vec<_>, Vec<_>) = others.partition(|lane| lane.wants(turn));
        let sampled_out = |lane: &Arc<Lane>| {
            lane.outbox().note_sampled_out();
            told(lane, &SpanBatch::default(), begun, Fate::SampledOut)
        };
        let mut all_told: Vec<Told> = others.into_iter().map(sampled_out).collect();
        let wanted: Vec<(&Arc<Lane>, SpanBatch)> =
            wanted.into_iter().map(|lane| (lane, lane.batch(turn))).collect();
        // No thread for the one target that most people have.
        if let [(lane, batch)] = &wanted[..] {
            let fate = self.metrics.note(lane, batch, lane.settle(batch, lane.offer(batch)));
            all_told.push(told(lane, batch, begun, fate));
            return all_told;
        }
        let sent: Vec<_> = wanted
            .into_iter()
            .map(|(lane, batch)| {
                let batch = Arc::new(batch);
                (lane, Arc::clone(&batch), in_background(lane, batch))
            })
            .collect();
        let collect = |(lane, batch, answer): (&Arc<Lane>, Arc<SpanBatch>, Receiver<Offer>)| {
            let left = (begun + PATIENCE).saturating_duration_since(Instant::now());
            match answer.recv_timeout(left) {
                Ok(offer) => {
                    let fate = lane.settle(&batch, offer);
                    told(lane, &batch, begun, self.metrics.note(lane, &batch, fate))
                }
                Err(_) => {
                    let told = told(lane, &batch, begun, lane.put_away(&batch, Why::NoAnswerYet));
                    let lane = Arc::clone(lane);
                    let late = Late { told: told.clone(), lane, batch, answer };
                    self.late.lock().unwrap_or_else(PoisonError::into_inner).push(late);
                    told
                }
            }
        };
        all_told.extend(sent.into_iter().map(collect));
        all_told
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

fn told(lane: &Lane, batch: &SpanBatch, begun: Instant, fate: Fate) -> Told {
    Told {
        name: lane.name().to_owned(),
        target: lane.target(),
        turn: batch.spans.first().map_or("turn", |root| root.name.as_str()).to_owned(),
        spans: batch.spans.len(),
        took: begun.elapsed(),
        fate,
    }
}
