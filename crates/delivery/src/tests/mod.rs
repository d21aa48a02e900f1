//! An outbox in a temporary folder, and a target that answers as the test says.

mod files;
mod metrics;
mod parts;
mod refusals;
mod states;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use otlp_model::{Attribute, Span, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos};
use tempfile::TempDir;

use super::*;
use exporters::{AnswerStatus, ExportError, Exporter, Receipt};

const SECOND: Duration = Duration::from_secs(1);

/// What a target does with a batch.
#[derive(Clone, Copy, Debug)]
enum Does {
    Take,
    BeAway,
    BeBusy(u64),
    Refuse(u16),
    /// Finds more spans than this too large.
    Limit(usize),
    RejectPart,
    /// Closes the connection without an answer.
    BreakOff,
}

/// A target that takes everything, unless the test says otherwise.
#[derive(Default)]
struct Target {
    /// What it does with the next batches, whatever they are.
    next: Mutex<VecDeque<Does>>,
    /// What it always does with batches whose first span has this name.
    always: BTreeMap<&'static str, Does>,
    /// What it always does with batches that hold a span of this name.
    poison: Option<(&'static str, Does)>,
    /// With batches of more spans than this it breaks off.
    breaks_off_beyond: Option<usize>,
    received: Mutex<Vec<String>>,
    taken: Mutex<Vec<String>>,
}

impl Target {
    fn that(does: impl IntoIterator<Item = Does>) -> Self {
        Self { next: Mutex::new(does.into_iter().collect()), ..Self::default() }
    }

    fn always(name: &'static str, does: Does) -> Self {
        Self { always: [(name, does)].into(), ..Self::default() }
    }

    fn received(&self) -> String {
        std::mem::take(&mut *self.received.lock().unwrap()).join(" ")
    }

    fn taken(&self) -> String {
        self.taken.lock().unwrap().join(" ")
    }
}

impl Exporter for Target {
    fn target(&self) -> &str {
        "test"
    }

    fn export(&self, batch: &SpanBatch) -> Result<Receipt, ExportError> {
        let names: Vec<&str> = batch.spans.iter().map(|span| span.name.as_str()).collect();
        let (url, answer) = ("http://test".to_owned(), "the answer".to_owned());
        self.received.lock().unwrap().push(names.join("+"));
        let does = self.next.lock().unwrap().pop_front();
        let poison = self.poison.filter(|(name, _)| names.contains(name)).map(|(_, does)| does);
        let is_large = self.breaks_off_beyond.is_some_and(|most| names.len() > most);
        let always = self.always.get(names[0]).copied().or(poison);
        let always = always.or(is_large.then_some(Does::BreakOff));
        match does.or(always).unwrap_or(Does::Take) {
            Does::BreakOff => Err(ExportError::Interrupted { url, source: "it is closed".into() }),
            Does::BeAway => Err(ExportError::Connect { url, source: "refused".into() }),
            Does::BeBusy(seconds) => Err(refusal(429, Some(Duration::from_secs(seconds)))),
            Does::Refuse(status) => Err(refusal(status, None)),
            Does::Limit(spans) if batch.spans.len() > spans => {
                Err(ExportError::TooLarge { url, bytes: 1 })
            }
            Does::RejectPart => Err(ExportError::PartlyRejected { url, spans: 1, answer }),
            Does::Take | Does::Limit(_) => {
                self.taken.lock().unwrap().extend(names.iter().map(|name| (*name).to_owned()));
                Ok(Receipt { spans: batch.spans.len() })
            }
        }
    }
}

struct Scene {
    _dir: TempDir,
    outbox: Outbox,
    now: SystemTime,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("outbox/test");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Self { _dir: dir, outbox: Outbox::new(folder, Limits::default()), now }
    }

    fn push(&self, trace: &str, names: &[&str]) -> usize {
        self.outbox.push(&batch(trace, names), self.now).unwrap()
    }

    /// The same time for as long as a scene takes: half the wait is taken off.
    fn attempt(&self) -> Attempt<'static> {
        let until = Instant::now() + 60 * SECOND;
        Attempt { fingerprint: 1, now: self.now, jitter: 0.0, until, clock: &Instant::now }
    }

    fn flush(&self, target: &Target) -> Flushed {
        self.outbox.flush(target, &self.attempt(), When::Due, None).unwrap()
    }

    fn summary(&self) -> Summary {
        self.outbox.summary().unwrap()
    }

    /// How long the target is left alone, in whole seconds.
    fn wait(&self) -> Option<u64> {
        let due = self.summary().next_attempt?;
        Some(due.duration_since(self.now).unwrap_or_default().as_secs())
    }

    /// Files below the outbox that hold batches.
    fn files(&self) -> Vec<PathBuf> {
        let files = [self.outbox.folder.clone(), self.outbox.rejected_folder()];
        let entries = files.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "batch"));
        paths
    }
}

fn batch(trace: &str, names: &[&str]) -> SpanBatch {
    let span = |name: &&str| Span {
        trace_id: TraceId::derive(&[trace]),
        span_id: SpanId::derive(&[name]),
        parent_id: None,
        name: (*name).to_owned(),
        kind: SpanKind::Chain,
        start: UnixNanos(1),
        end: UnixNanos(2),
        attributes: vec![Attribute::new("input.value", "x".repeat(1000))],
        events: Vec::new(),
        status: SpanStatus::Ok,
    };
    let resource = vec![Attribute::new("service.name", "test")];
    SpanBatch { resource, spans: names.iter().map(span).collect() }
}

fn accepted(accepted: usize) -> Flushed {
    Flushed { accepted, ..Flushed::default() }
}

fn refused(flushed: &Flushed) -> Option<&str> {
    match &flushed.stopped {
        Some(Stopped::Refused(answer)) => Some(answer),
        _ => None,
    }
}

fn refusal(status: u16, wait: Option<Duration>) -> ExportError {
    let status = AnswerStatus::Http(status);
    ExportError::answered("http://test", status, "the answer".to_owned(), wait, 1)
}
