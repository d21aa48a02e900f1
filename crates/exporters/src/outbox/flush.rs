//! Offering a target what waits for it.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::time::{Instant, SystemTime};

use otlp_model::{Span, SpanBatch};

use super::batch_file::{self, Header};
use super::flushed::{Flushed, SetAside, Stopped};
use super::folder::{self, BatchName};
use super::standing::Standing;
use super::{Outbox, OutboxError};
use crate::{ExportError, Exporter, Verdict};

/// After failing at one batch this often, a target is offered the next one: if it takes that, the
/// first is to blame and set aside.
const PATIENCE: u32 = 5;

/// What a delivery needs to know of the world.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// What decides about the delivery: with other settings there is nothing to wait for.
    pub fingerprint: u64,
    /// The time.
    pub now: SystemTime,
    /// A random number from 0 to 1.
    pub jitter: f64,
    /// No offer begins after it.
    pub until: Instant,
}

/// When to offer what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// When the last refusal is long enough ago.
    Due,
    /// Now.
    Now,
}

impl Outbox {
    /// Offers the target what waits for it, the oldest first, until nothing does or it refuses. Calls
    /// `accepted` with the spans that it took, when they wait no longer.
    pub fn flush(
        &self,
        exporter: &dyn Exporter,
        attempt: &Attempt,
        when: When,
        accepted: &mut dyn FnMut(&SpanBatch),
    ) -> Result<Flushed, OutboxError> {
        self.when_due(attempt, when, |standing| {
            folder::remove_leftovers(&self.folder, attempt.now);
            let begun = Instant::now();
            let flushed = Flushed::default();
            let mut flush = Flush {
                outbox: self,
                exporter,
                attempt,
                accepted,
                begun,
                standing,
                flushed,
                suspect: None,
            };
            let ended = flush.offer_all();
            let kept = flush.end();
            ended.and(kept)
        })
    }

    /// Leaves a target alone that cannot be offered anything, for example because its settings are
    /// wrong; does so again when the time is over.
    pub fn hold(
        &self,
        reason: &str,
        attempt: &Attempt,
        when: When,
    ) -> Result<Flushed, OutboxError> {
        self.when_due(attempt, when, |mut standing| {
            standing.fingerprint = attempt.fingerprint;
            standing.failed(Verdict::Hold, reason.to_owned(), attempt.now, attempt.jitter);
            standing.save(&self.folder);
            self.stopped(Stopped::Held(reason.to_owned()))
        })
    }

    /// Does something under the lock with an outbox that is not empty, if it is due.
    pub(super) fn when_due(
        &self,
        attempt: &Attempt,
        when: When,
        act: impl FnOnce(Standing) -> Result<Flushed, OutboxError>,
    ) -> Result<Flushed, OutboxError> {
        if self.is_empty()? {
            return Ok(Flushed::default());
        }
        let Some(_lock) = self.on(&self.folder.join("lock"), folder::lock)? else {
            return self.stopped(Stopped::Busy);
        };
        let standing = Standing::load(&self.folder);
        if let (Some(due), When::Due) = (standing.due, when)
            && !standing.is_due(attempt.now, attempt.fingerprint)
        {
            return self.stopped(Stopped::NotDue(due));
        }
        act(standing)
    }

    /// Nothing was offered, for this reason.
    fn stopped(&self, stopped: Stopped) -> Result<Flushed, OutboxError> {
        let waiting = self.on(&self.folder, folder::batches)?.len();
        Ok(Flushed { waiting, stopped: Some(stopped), ..Flushed::default() })
    }

    /// Remembers that the target has just refused a batch that waits already.
    pub fn note_refusal(&self, error: &ExportError, attempt: &Attempt) {
        self.hold_back(error.verdict(), error.told(), attempt);
    }

    /// Puts a batch away, or aside, that the target has just refused; says how many old ones had to be
    /// given up for it.
    pub fn take_back(
        &self,
        batch: &SpanBatch,
        error: &ExportError,
        attempt: &Attempt,
    ) -> Result<usize, OutboxError> {
        let verdict = error.verdict();
        let Some(header) = Header::of(batch, attempt.now).filter(|_| verdict == Verdict::Never)
        else {
            let dropped = self.push(batch, attempt.now)?;
            if verdict != Verdict::Split {
                self.hold_back(verdict, error.told(), attempt);
            }
            return Ok(dropped);
        };
        self.reject(header.created, header, batch, error.told(), attempt.now)?;
        Ok(0)
    }

    /// Remembers a refusal, if it can: without it, the target is tried again too early.
    fn hold_back(&self, verdict: Verdict, reason: String, attempt: &Attempt) {
        // Whoever has the lock is about to find out, too.
        if let Ok(Some(_lock)) = folder::lock(&self.folder.join("lock")) {
            let mut standing = Standing::load(&self.folder);
            standing.fingerprint = attempt.fingerprint;
            standing.failed(verdict, reason, attempt.now, attempt.jitter);
            standing.save(&self.folder);
        }
    }

    /// Writes a batch, or a part of one, to those that are set aside.
    fn reject(
        &self,
        key: u64,
        header: Header,
        part: &SpanBatch,
        answer: String,
        now: SystemTime,
    ) -> Result<(), OutboxError> {
        let header = Header {
            spans: part.spans.len(),
            span_id: part.spans.first().map_or(header.span_id, |span| span.span_id.to_string()),
            attempts: header.attempts + 1,
            answer: Some(answer),
            ..header
        };
        let folder = self.rejected_folder();
        let bytes = batch_file::encode(&header, part);
        let dropped = self.expire(&folder, now)? + self.make_room(&folder, bytes.len() as u64)?;
        let path = folder.join(BatchName { key, id: header.span_id }.to_string());
        self.on(&path, |path| folder::write_durably(path, &bytes))?;
        self.count_dropped(dropped);
        Ok(())
    }
}

/// One flush, under the lock.
struct Flush<'a> {
    outbox: &'a Outbox,
    exporter: &'a dyn Exporter,
    attempt: &'a Attempt,
    accepted: &'a mut dyn FnMut(&SpanBatch),
    begun: Instant,
    standing: Standing,
    flushed: Flushed,
    /// A batch at which the target failed again and again, and what it said.
    suspect: Option<(Waiting, String)>,
}

/// A batch that was read from its file.
struct Waiting {
    name: BatchName,
    header: Header,
    batch: SpanBatch,
}

/// Why a batch was not taken, or not all of it.
enum Refusal {
    /// The target refused.
    Refused(Verdict, String),
    /// The time was over in the middle.
    NoTime,
}

/// The spans of a batch that a target refused for good, with its words to the first of them.
type Rejected = Option<(SpanBatch, String)>;

impl Flush<'_> {
    /// Until nothing waits that was not offered. While this goes on, others put more away.
    fn offer_all(&mut self) -> Result<(), OutboxError> {
        let mut offered = BTreeSet::new();
        loop {
            let waiting = self.outbox.on(&self.outbox.folder, folder::batches)?;
            let fresh: Vec<BatchName> = waiting
                .into_iter()
                .map(|(name, _)| name)
                .filter(|name| !offered.contains(name))
                .collect();
            if fresh.is_empty() {
                return Ok(());
            }
            for name in fresh {
                offered.insert(name.clone());
                self.offer_next(name)?;
                if self.flushed.stopped.is_some() {
                    return Ok(());
                }
            }
        }
    }

    fn offer_next(&mut self, name: BatchName) -> Result<(), OutboxError> {
        if Instant::now() >= self.attempt.until {
            self.flushed.stopped = Some(Stopped::NoTime);
            return Ok(());
        }
        let Some(waiting) = self.read(name)? else { return Ok(()) };
        let is_behind = |suspect: &Waiting| suspect.header.trace_id == waiting.header.trace_id;
        if self.suspect.as_ref().is_some_and(|(suspect, _)| is_behind(suspect)) {
            return Ok(());
        }
        let mut rejected = None;
        match self.offer(&waiting.batch, &mut rejected) {
            Ok(()) => self.taken(waiting, rejected)?,
            Err(Refusal::Refused(verdict, told)) => self.refused(waiting, verdict, told),
            Err(Refusal::NoTime) => self.flushed.stopped = Some(Stopped::NoTime),
        }
        Ok(())
    }

    /// Reads a batch; none where it is gone, or damaged and now set aside.
    fn read(&mut self, name: BatchName) -> Result<Option<Waiting>, OutboxError> {
        let path = self.outbox.folder.join(name.to_string());
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => self.outbox.on(&path, |_| read)?,
        };
        match batch_file::decode(&bytes) {
            Ok((header, batch)) => Ok(Some(Waiting { name, header, batch })),
            Err(error) => {
                let aside = self.outbox.rejected_folder().join(name.to_string());
                self.outbox.on(&path, |path| folder::rename(path, &aside))?;
                let set_aside =
                    SetAside { trace_id: String::new(), spans: 0, answer: error.to_string() };
                self.flushed.set_aside.push(set_aside);
                Ok(None)
            }
        }
    }

    /// Offers a batch, in halves and halves of halves where the target finds it too large.
    fn offer(&self, batch: &SpanBatch, rejected: &mut Rejected) -> Result<(), Refusal> {
        if Instant::now() >= self.attempt.until {
            return Err(Refusal::NoTime);
        }
        let Err(error) = self.exporter.export(batch) else { return Ok(()) };
        match error.verdict() {
            Verdict::Split if batch.spans.len() > 1 => {
                let (first, second) = batch.spans.split_at(batch.spans.len() / 2);
                for half in [first, second] {
                    let (resource, spans) = (batch.resource.clone(), half.to_vec());
                    self.offer(&SpanBatch { resource, spans }, rejected)?;
                }
            }
            Verdict::Split | Verdict::Never => match rejected {
                Some((all, _)) => all.spans.extend_from_slice(&batch.spans),
                None => *rejected = Some((batch.clone(), error.told())),
            },
            verdict => return Err(Refusal::Refused(verdict, error.told())),
        }
        Ok(())
    }

    fn taken(&mut self, waiting: Waiting, rejected: Rejected) -> Result<(), OutboxError> {
        let Waiting { name, header, mut batch } = waiting;
        if let Some((part, answer)) = rejected {
            let is_rejected = |span: &Span| part.spans.iter().any(|s| s.span_id == span.span_id);
            batch.spans.retain(|span| !is_rejected(span));
            self.set_aside(&name, header, &part, answer)?;
        }
        let waited = self.outbox.remove(&self.outbox.folder, &name)?;
        // Else whoever took it out meanwhile has said that it was accepted.
        if batch.spans.is_empty() || !waited {
            return Ok(());
        }
        (self.accepted)(&batch);
        self.outbox.note_accepted();
        self.flushed.accepted += 1;
        self.standing.accepted();
        // It takes others.
        if let Some((suspect, answer)) = self.suspect.take() {
            let Waiting { name, header, batch } = suspect;
            self.set_aside(&name, header, &batch, answer)?;
            self.outbox.remove(&self.outbox.folder, &name)?;
        }
        Ok(())
    }

    fn set_aside(
        &mut self,
        name: &BatchName,
        mut header: Header,
        part: &SpanBatch,
        answer: String,
    ) -> Result<(), OutboxError> {
        header.attempts = self.standing.failed_at.remove(&name.to_string()).unwrap_or(0);
        let trace_id = header.trace_id.clone();
        let spans = part.spans.len();
        self.flushed.set_aside.push(SetAside { trace_id, spans, answer: answer.clone() });
        self.outbox.reject(name.key, header, part, answer, self.attempt.now)
    }

    fn refused(&mut self, waiting: Waiting, verdict: Verdict, told: String) {
        if verdict == Verdict::Fails {
            let failed = self.standing.failed_at.entry(waiting.name.to_string()).or_default();
            *failed += 1;
            if *failed >= PATIENCE && self.suspect.is_none() {
                self.suspect = Some((waiting, told));
                return;
            }
        }
        self.stop(verdict, told);
    }

    fn stop(&mut self, verdict: Verdict, told: String) {
        self.flushed.stopped = Some(Stopped::Refused(told.clone()));
        let now = self.attempt.now + self.begun.elapsed();
        self.standing.failed(verdict, told, now, self.attempt.jitter);
    }

    /// Remembers how it stands, and gives up what is too old for a target that refuses.
    fn end(mut self) -> Result<Flushed, OutboxError> {
        if let (Some((_, told)), None) = (self.suspect.take(), &self.flushed.stopped) {
            self.stop(Verdict::Fails, told);
        }
        let Outbox { folder, .. } = self.outbox;
        if matches!(self.flushed.stopped, Some(Stopped::Refused(_))) {
            self.flushed.dropped = self.outbox.expire(folder, self.attempt.now)?;
            self.outbox.count_dropped(self.flushed.dropped);
        }
        let waiting = self.outbox.on(folder, folder::batches)?;
        let waits = |name: &String| waiting.iter().any(|(other, _)| other.to_string() == *name);
        self.standing.failed_at.retain(|name, _| waits(name));
        self.standing.fingerprint = self.attempt.fingerprint;
        self.standing.save(folder);
        self.flushed.waiting = waiting.len();
        Ok(self.flushed)
    }
}
