//! One target with its queue (the Collector calls it a queued sender).

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant, SystemTime};

use codex_config::{Paths, Settings, TargetSettings};
use delivery::Outbox;
use delivery::{Attempt, BatchEvent, BatchState, EachSpan, Flushed, OnAccepted, OutboxError, When};
use exporters::{ConfigError, ExportError, Exporter};
use otlp_model::{Sampling, Span, SpanBatch, Turn, metrics_of};
use program_log::chain;

use crate::assembled::Assembled;
use crate::exporter::exporter;
use crate::metrics::{self, MetricsOutcome};
use crate::outcome::TargetFlush;
use crate::queues::{self, Note};
use crate::spans::SpanPolicy;

/// A target with its outbox, ready to take turns.
pub(crate) struct QueuedExporter {
    name: String,
    /// The name of its queue.
    queue: String,
    /// What its queue is for.
    note: Note,
    /// How to reach the target, or why it cannot be reached until the settings are put right.
    exporter: Result<Box<dyn Exporter>, String>,
    spans: SpanPolicy,
    sampling: Sampling,
    metrics: bool,
    outbox: Outbox,
    fingerprint: u64,
}

/// Why a turn is queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueReason {
    /// Turns are queued before it.
    BehindOthers,
    /// It needs several requests.
    InParts,
    /// The target takes longer to answer than a turn waits for it.
    NoAnswerYet,
    /// The target does not take it, or cannot be sent it, for this reason.
    Refused(String),
}

/// The result of one attempt to deliver a batch.
#[derive(Debug)]
pub(crate) enum SendResult {
    /// The answer of the target, or of the connection to it.
    Answered(Result<(), ExportError>),
    /// No attempt was made.
    NotMade(QueueReason),
}

/// The result of delivering a turn to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// The target accepted it.
    Accepted,
    /// It is queued.
    Queued {
        /// The reason.
        why: QueueReason,
        /// How many old batches were given up for it.
        dropped: usize,
    },
    /// The target was not to get it: only a share of all turns is sent.
    SampledOut,
    /// The target refused it for good with these words; it is a dead letter.
    DeadLettered(String),
    /// It is neither delivered nor queued: the queue cannot be used, for this reason.
    Failed(String),
}

impl QueuedExporter {
    /// A target of the settings; each request to it ends within `timeout`.
    pub(crate) fn to_target(
        settings: &Settings,
        target: &TargetSettings,
        paths: &Paths,
        timeout: Duration,
    ) -> Self {
        let exporter = match &target.target {
            Ok(kind) => exporter(kind, target, paths, timeout).map_err(|error| {
                let hint = match error {
                    ConfigError::Proxy { .. } => "`NO_PROXY` in `arize-env.sh` names hosts that need none",
                    _ => {
                        "correct it below `harnesses.codex`; `arize-config dump` shows what is there"
                    }
                };
                format!("{error} (hint: {hint})")
            }),
            Err(error) => Err(format!("{error} (hint: {})", error.hint())),
        };
        Self::to_exporter(exporter, settings, target, paths)
    }

    pub(crate) fn to_exporter(
        exporter: Result<Box<dyn Exporter>, String>,
        settings: &Settings,
        target: &TargetSettings,
        paths: &Paths,
    ) -> Self {
        Self {
            name: target.name.clone(),
            queue: target.queue(),
            note: Note::of(target),
            exporter,
            spans: SpanPolicy::of(settings, target),
            sampling: sampling(target),
            metrics: target.metrics,
            outbox: queues::outbox(paths, settings, &target.queue()),
            fingerprint: target.fingerprint(),
        }
    }

    /// What the target is called among all.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What its queue is called.
    pub(crate) fn queue(&self) -> &str {
        &self.queue
    }

    /// What its queue is for.
    pub(crate) fn note(&self) -> &Note {
        &self.note
    }

    /// The target, for people: what it is and where.
    pub(crate) fn target(&self) -> String {
        match &self.exporter {
            _ if self.is_one_off() => format!("{} ({})", self.queue, self.note.place),
            Ok(exporter) if exporter.target().starts_with(&self.name) => {
                exporter.target().to_owned()
            }
            Ok(exporter) => format!("{} ({})", self.name, exporter.target()),
            Err(_) => self.name.clone(),
        }
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Whether only the environment of one process names the place.
    pub(crate) fn is_one_off(&self) -> bool {
        self.note.one_off.is_some()
    }

    /// Notes in the queue what it is for.
    pub(crate) fn note_place(&self) {
        self.note.write(&self.outbox);
    }

    /// The same before the turns of another queue join it.
    pub(crate) fn note_place_for(&self, other: &Outbox) {
        let contents = self.note.contents.and(Note::read(other.folder()).contents);
        Note { contents, ..self.note.clone() }.write(&self.outbox);
    }

    /// Whether the target can be reached at all, as far as the settings say.
    pub(crate) fn is_usable(&self) -> bool {
        self.exporter.is_ok()
    }

    /// The spans of a turn, as this target gets them.
    pub(crate) fn batch(&self, turn: &Turn) -> SpanBatch {
        self.spans.batch(turn)
    }

    /// The spans of a turn, ready to be sent to this target.
    pub(crate) fn assemble(&self, turn: &Turn) -> Assembled {
        Assembled::of(turn, &self.spans)
    }

    /// Whether the target is to get a turn.
    pub(crate) fn wants(&self, turn: &Turn) -> bool {
        self.sampling.keeps(turn)
    }

    /// Sends a batch, unless others are queued already or it needs several requests.
    pub(crate) fn try_send(&self, batch: &SpanBatch) -> SendResult {
        let exporter = match &self.exporter {
            Ok(exporter) => exporter,
            Err(reason) => return SendResult::NotMade(QueueReason::Refused(reason.clone())),
        };
        // A queue that cannot be read must not keep this batch from its target.
        if !self.outbox.is_empty().unwrap_or(true) {
            return SendResult::NotMade(QueueReason::BehindOthers);
        }
        if !Outbox::holds_one_request(batch) {
            return SendResult::NotMade(QueueReason::InParts);
        }
        SendResult::Answered(exporter.export(batch).map(drop))
    }

    /// Does with a batch what the answer demands.
    pub(crate) fn resolve(&self, batch: &SpanBatch, result: SendResult) -> DeliveryStatus {
        let error = match result {
            SendResult::NotMade(why) => return self.enqueue(batch, why),
            SendResult::Answered(Ok(())) => {
                self.outbox.note_accepted();
                return DeliveryStatus::Accepted;
            }
            SendResult::Answered(Err(error)) => error,
        };
        self.note_place();
        let kept = self.outbox.requeue(batch, &error, &self.attempt(Instant::now()));
        match kept {
            Err(outbox) => {
                DeliveryStatus::Failed(format!("{}; {}", error.display_chain(), chain(&outbox)))
            }
            Ok((BatchState::DeadLetter, _)) => DeliveryStatus::DeadLettered(error.display_chain()),
            Ok((_, dropped)) => {
                DeliveryStatus::Queued { why: QueueReason::Refused(error.display_chain()), dropped }
            }
        }
    }

    /// Does the same with a batch that was queued before the answer came; none where nothing is left
    /// to do. From the outbox another process may have delivered it: then what became of it there is
    /// what counts, and it must not be queued again.
    pub(crate) fn resolve_late(
        &self,
        batch: &SpanBatch,
        result: SendResult,
    ) -> Option<DeliveryStatus> {
        match result {
            SendResult::NotMade(_) => None,
            SendResult::Answered(Err(error))
                if BatchState::Queued.after(BatchEvent::Fail(error.retry_class()))
                    != Some(BatchState::DeadLetter) =>
            {
                self.outbox.note_refusal(batch, &error, &self.attempt(Instant::now()));
                Some(DeliveryStatus::Queued {
                    why: QueueReason::Refused(error.display_chain()),
                    dropped: 0,
                })
            }
            decided => self.outbox.withdraw(batch).then(|| self.resolve(batch, decided)),
        }
    }

    /// Queues a batch.
    pub(crate) fn enqueue(&self, batch: &SpanBatch, why: QueueReason) -> DeliveryStatus {
        self.note_place();
        match self.outbox.push(batch, SystemTime::now()) {
            Ok(dropped) => DeliveryStatus::Queued { why, dropped },
            Err(error) => DeliveryStatus::Failed(chain(&error)),
        }
    }

    /// Puts a batch into the queue of another place of the target.
    pub(crate) fn enqueue_elsewhere(&self, queue: &str, batch: &SpanBatch) -> DeliveryStatus {
        match self.outbox.beside(queue).push(batch, SystemTime::now()) {
            Ok(dropped) => DeliveryStatus::Queued { why: QueueReason::NoAnswerYet, dropped },
            Err(error) => DeliveryStatus::Failed(chain(&error)),
        }
    }

    /// Queues a turn whose spans, so many after the root, need several requests.
    pub(crate) fn enqueue_large(&self, turn: &Turn, root: &Span, count: usize) -> DeliveryStatus {
        self.note_place();
        let resource = self.spans.resource(turn);
        let spans: EachSpan<'_> = &|take| self.spans.each(turn, take);
        match self.outbox.push_each(&resource, root, count, spans, SystemTime::now()) {
            Ok(dropped) => DeliveryStatus::Queued { why: QueueReason::InParts, dropped },
            Err(error) => DeliveryStatus::Failed(chain(&error)),
        }
    }

    /// Whether something is queued for the target, or may be.
    pub(crate) fn has_queued(&self) -> bool {
        let is_empty = |outbox: &Outbox| matches!(outbox.is_empty(), Ok(true));
        !(is_empty(&self.outbox) && is_empty(&self.outbox.metrics()))
    }

    /// Flushes the queue; no request begins after `until`.
    pub(crate) fn flush(&self, until: Instant, when: When) -> TargetFlush {
        let attempt = self.attempt(until);
        let mut accepted = Vec::new();
        let mut on_accepted = |measured| accepted.push(measured);
        let on_accepted: Option<OnAccepted<'_>> = match self.metrics {
            true => Some(&mut on_accepted),
            false => None,
        };
        let result = match &self.exporter {
            Ok(exporter) => self.outbox.flush(&**exporter, &attempt, when, on_accepted),
            Err(reason) => self.outbox.pause(reason, &attempt, when),
        };
        TargetFlush {
            name: self.queue.clone(),
            target: self.target(),
            result,
            metrics: metrics::send_all(self, &accepted, until),
            queued_metrics: self.flush_metrics(&attempt, when),
        }
    }

    /// Sends the queued metrics. A target that is not to get any more needs none.
    fn flush_metrics(&self, attempt: &Attempt<'_>, when: When) -> Result<Flushed, OutboxError> {
        let outbox = self.outbox.metrics();
        match &self.exporter {
            Ok(_) if !self.metrics => {
                Ok(Flushed { dropped: outbox.give_up()?, ..Flushed::default() })
            }
            Ok(exporter) => outbox.flush_metrics(&**exporter, attempt, when),
            Err(reason) => outbox.pause(reason, attempt, when),
        }
    }

    /// Whether the target is to get numbers about turns.
    pub(crate) fn wants_metrics(&self) -> bool {
        self.metrics
    }

    /// Sends the metrics of a batch, or queues them: behind those that are queued, because there is no
    /// time left, or because the target takes nothing now.
    pub(crate) fn send_metrics(&self, batch: &SpanBatch, until: Instant) -> MetricsOutcome {
        let (Ok(exporter), Some(metrics)) = (&self.exporter, metrics_of(batch)) else {
            return MetricsOutcome::Done;
        };
        let outbox = self.outbox.metrics();
        if !outbox.is_empty().unwrap_or(true) {
            return self.enqueue_metrics(batch, "behind others".to_owned());
        }
        if Instant::now() >= until {
            return self.enqueue_metrics(batch, "there was no time left".to_owned());
        }
        let Err(error) = exporter.export_metrics(&metrics) else { return MetricsOutcome::Done };
        if !error.is_safe_to_repeat() {
            return MetricsOutcome::Failed(error.display_chain());
        }
        match outbox.requeue(batch, &error, &self.attempt(until)) {
            Ok(_) => MetricsOutcome::Waiting(error.display_chain()),
            Err(outbox) => {
                MetricsOutcome::Failed(format!("{}; {}", error.display_chain(), chain(&outbox)))
            }
        }
    }

    /// Queues the metrics of a batch.
    pub(crate) fn enqueue_metrics(&self, batch: &SpanBatch, why: String) -> MetricsOutcome {
        match self.outbox.metrics().push(batch, SystemTime::now()) {
            Ok(_) => MetricsOutcome::Waiting(why),
            Err(error) => MetricsOutcome::Failed(chain(&error)),
        }
    }

    fn attempt(&self, until: Instant) -> Attempt<'static> {
        attempt(self.fingerprint, until)
    }
}

fn sampling(target: &TargetSettings) -> Sampling {
    let sampling = &target.sampling;
    Sampling {
        ratio: sampling.ratio,
        keep_errors: sampling.keep_errors,
        keep_over_cost_usd: sampling.keep_over_cost_usd,
        keep_over_seconds: sampling.keep_over_seconds,
    }
}

/// Leaves a queue that cannot be sent alone for a while, for this reason.
pub(crate) fn pause(outbox: &Outbox, reason: &str) {
    let attempt = attempt(0, Instant::now());
    // If that does not work, nothing is lost by it.
    for outbox in [outbox, &outbox.metrics()] {
        let _ = outbox.pause(reason, &attempt, When::Due);
    }
}

fn attempt(fingerprint: u64, until: Instant) -> Attempt<'static> {
    Attempt { fingerprint, now: SystemTime::now(), jitter: jitter(), until, clock: &Instant::now }
}

/// A random number from 0 to 1: the standard library seeds its hash tables with one.
fn jitter() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1_u64 << 53) as f64
}
