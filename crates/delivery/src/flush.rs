//! Sending the queued batches of a target.
//!
//! Each request carries a part of a batch, and what the target said to it is noted before the next one
//! is made. Batches take turns: in each round all small ones that are first in their trace, and one
//! part of a large one. A batch at which the target fails is passed by those of other traces.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime};

use otlp_model::SpanBatch;

use super::backoff_state::BackoffState;
use super::batch_file;
use super::flushed::{Flushed, Stopped};
use super::folder::{self, BatchName};
use super::parts::OpenBatch;
use super::send::PATIENCE;
use super::{Outbox, OutboxError};
use exporters::{Exporter, RetryClass};

/// What a delivery needs to know of the world.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// What decides about the delivery: with other settings there is no back-off.
    pub fingerprint: u64,
    /// The time.
    pub now: SystemTime,
    /// A random number from 0 to 1.
    pub jitter: f64,
    /// No request begins after it.
    pub until: Instant,
    /// Tells what passes.
    pub clock: &'a dyn Fn() -> Instant,
}

/// When to send queued batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// When the last refusal is long enough ago.
    Due,
    /// Now.
    Now,
}

/// Gets the measured part of each batch that a target accepted, once it is off the disk.
pub type OnAccepted<'a> = &'a mut dyn FnMut(SpanBatch);

impl Outbox {
    /// Sends queued batches until none is left or the target refuses.
    pub fn flush<'a>(
        &'a self,
        exporter: &'a dyn Exporter,
        attempt: &'a Attempt<'a>,
        when: When,
        on_accepted: Option<OnAccepted<'a>>,
    ) -> Result<Flushed, OutboxError> {
        self.when_due(attempt, when, |backoff| {
            folder::remove_leftovers(&self.folder, attempt.now);
            let mut flush = Flush {
                outbox: self,
                exporter,
                attempt,
                when,
                on_accepted,
                begun: (attempt.clock)(),
                backoff,
                flushed: Flushed::default(),
                traces: BTreeMap::new(),
                failed: BTreeMap::new(),
                served: BTreeMap::new(),
                open: None,
            };
            let ended = flush.send_all();
            let kept = flush.end();
            ended.and(kept)
        })
    }

    /// Pauses a target that cannot be reached at all, for example because its settings are
    /// wrong; does so again when the time is over.
    pub fn pause(
        &self,
        reason: &str,
        attempt: &Attempt<'_>,
        when: When,
    ) -> Result<Flushed, OutboxError> {
        self.when_due(attempt, when, |mut backoff| {
            backoff.fingerprint = attempt.fingerprint;
            backoff.failed(RetryClass::Blocked, reason.to_owned(), attempt.now, attempt.jitter);
            backoff.save(&self.folder);
            self.stopped(Stopped::Paused(reason.to_owned()))
        })
    }

    /// Does something under the lock with an outbox that is not empty, if it is due.
    pub(super) fn when_due(
        &self,
        attempt: &Attempt<'_>,
        when: When,
        act: impl FnOnce(BackoffState) -> Result<Flushed, OutboxError>,
    ) -> Result<Flushed, OutboxError> {
        if self.is_empty()? {
            return Ok(Flushed::default());
        }
        let Some(_lock) = self.on(&self.folder.join("lock"), folder::lock)? else {
            return self.stopped(Stopped::Busy);
        };
        let backoff = BackoffState::load(&self.folder);
        if let (Some(due), When::Due) = (backoff.due, when)
            && !backoff.is_due(attempt.now, attempt.fingerprint)
        {
            return self.stopped(Stopped::NotDue(due));
        }
        act(backoff)
    }

    /// Nothing was sent, for this reason.
    fn stopped(&self, stopped: Stopped) -> Result<Flushed, OutboxError> {
        let queued = self.on(&self.folder, folder::batches)?.len();
        Ok(Flushed { queued, stopped: Some(stopped), ..Flushed::default() })
    }
}

/// One flush, under the lock.
pub(super) struct Flush<'a> {
    pub(super) outbox: &'a Outbox,
    pub(super) exporter: &'a dyn Exporter,
    pub(super) attempt: &'a Attempt<'a>,
    pub(super) when: When,
    pub(super) on_accepted: Option<OnAccepted<'a>>,
    pub(super) begun: Instant,
    pub(super) backoff: BackoffState,
    pub(super) flushed: Flushed,
    /// The traces of the batches that were met.
    pub(super) traces: BTreeMap<BatchName, String>,
    /// Batches at which the target failed, and what it said.
    pub(super) failed: BTreeMap<BatchName, String>,
    /// How many requests carried parts of a large batch, by batch.
    pub(super) served: BTreeMap<BatchName, usize>,
    /// The large batch of which a part was sent last.
    pub(super) open: Option<OpenBatch>,
}

impl Flush<'_> {
    /// Sends until no batch is left that can be sent. Other processes queue more meanwhile.
    fn send_all(&mut self) -> Result<(), OutboxError> {
        while self.send_round()? && self.flushed.stopped.is_none() {}
        Ok(())
    }

    /// Sends what is first in its trace: what fits into a request, then that at which the target failed
    /// before, and a part of what does not fit. Says whether there was anything.
    fn send_round(&mut self) -> Result<bool, OutboxError> {
        let mut behind = BTreeSet::new();
        let (mut failing, mut large) = (Vec::new(), Vec::new());
        let mut found = false;
        for (name, bytes) in self.outbox.on(&self.outbox.folder, folder::batches)? {
            let Some(trace) = self.trace(&name)? else { continue };
            if behind.contains(&trace) {
                continue;
            }
            let failures = self.failures(&name);
            let is_whole = bytes <= self.outbox.part_bytes;
            let mut is_gone = false;
            if self.is_passed_by(&name) {
                // What is behind it is not held up for good.
                is_gone = failures >= PATIENCE;
            } else if is_whole && failures == 0 {
                found = true;
                is_gone = self.send_whole(&name)?;
            } else {
                if is_whole { &mut failing } else { &mut large }.push((failures, name));
            }
            if !is_gone {
                behind.insert(trace);
            }
            if self.flushed.stopped.is_some() {
                return Ok(found);
            }
        }
        failing.sort_unstable();
        for (_, name) in failing {
            found = true;
            self.send_whole(&name)?;
            if self.flushed.stopped.is_some() {
                return Ok(found);
            }
        }
        let served = |name: &BatchName| self.served.get(name).copied();
        let next = large.into_iter().min_by_key(|(failures, name)| (*failures, served(name)));
        if let Some((_, name)) = next {
            *self.served.entry(name.clone()).or_default() += 1;
            found = true;
            self.send_part_of(&name)?;
        }
        Ok(found)
    }

    /// How often the target failed at the next request of a batch.
    fn failures(&self, name: &BatchName) -> u32 {
        self.backoff.trouble(&name.to_string()).map_or(0, |trouble| trouble.failures)
    }

    /// The trace of a batch; none where it is gone, or damaged and now a dead letter.
    fn trace(&mut self, name: &BatchName) -> Result<Option<String>, OutboxError> {
        if let Some(trace) = self.traces.get(name) {
            return Ok(Some(trace.clone()));
        }
        let path = self.outbox.folder.join(name.to_string());
        let trace = match batch_file::read_header(&path) {
            Some(header) => header.trace_id,
            // Damaged, or gone; opening it tells.
            None => match self.open(name)? {
                Some(open) => open.header.trace_id,
                None => return Ok(None),
            },
        };
        self.traces.insert(name.clone(), trace.clone());
        Ok(Some(trace))
    }

    /// Whether a batch is left alone, because the target failed at it.
    fn is_passed_by(&self, name: &BatchName) -> bool {
        let Attempt { now, fingerprint, .. } = *self.attempt;
        let is_due = || self.backoff.is_batch_due(&name.to_string(), now, fingerprint);
        self.failed.contains_key(name) || (self.when == When::Due && !is_due())
    }

    /// Remembers how it stands, and gives up what is too old for a target that refuses.
    fn end(mut self) -> Result<Flushed, OutboxError> {
        let folder = &self.outbox.folder;
        if let (None, Some(answer)) = (&self.flushed.stopped, self.failed.values().next()) {
            self.flushed.stopped = Some(Stopped::Refused(answer.clone()));
        }
        if matches!(self.flushed.stopped, Some(Stopped::Refused(_))) {
            self.flushed.dropped = self.outbox.expire(folder, self.attempt.now)?;
            self.outbox.count_dropped(self.flushed.dropped);
        }
        let queued = self.outbox.on(folder, folder::batches)?;
        let names: BTreeSet<String> = queued.iter().map(|(name, _)| name.to_string()).collect();
        self.backoff.forget_all_but(|name| names.contains(name));
        self.backoff.fingerprint = self.attempt.fingerprint;
        if !self.backoff.is_held {
            // Where the time was over, there is more to be sent at once.
            let is_over = self.flushed.stopped == Some(Stopped::NoTime);
            self.backoff.due = self.backoff.next_batch_due().filter(|_| !is_over);
        }
        if let (None, Some(due), false) =
            (&self.flushed.stopped, self.backoff.due, queued.is_empty())
        {
            self.flushed.stopped = Some(Stopped::NotDue(due));
        }
        self.backoff.save(folder);
        self.flushed.queued = queued.len();
        let now = self.outbox.on(folder, folder::batches)?;
        if !self.backoff.is_held && now.iter().any(|(name, _)| !names.contains(&name.to_string())) {
            // Batches that were queued meanwhile need not wait for the time of others.
            let _ = folder::remove(&folder.join("due"));
        }
        Ok(self.flushed)
    }
}
