//! The back-off of a target and of its batches: failures in a row, answers, and times of the next attempt.
//!
//! A failure is the target's, or that of a batch at which it fails. Which of both, shows when the target
//! takes another batch, or fails at one of another trace, too. Until then only the batch backs off.
//!
//! All of it may be lost: then the next attempt is made at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use otlp_model::UnixNanos;
use serde::{Deserialize, Serialize};

use super::backoff::{is_due, wait};
use super::{BatchState, folder};
use exporters::RetryClass;

/// The file's form. Unknown fields of later versions are dropped; missing ones are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct BackoffState {
    /// Failures since the target last accepted something.
    pub(super) failures: u32,
    /// Its last answer, or why there is no connection.
    pub(super) error: Option<String>,
    /// The settings of the last attempt.
    pub(super) fingerprint: u64,
    /// Whether the target as a whole backs off until `due`, and not only batches.
    pub(super) is_held: bool,
    /// The batches at which it failed, by the names of their files.
    batches: BTreeMap<String, BatchFailures>,
    /// The trace at which it failed last, if it accepted nothing since.
    failed_at_trace: Option<String>,
    #[serde(skip)]
    pub(super) due: Option<SystemTime>,
}

/// The failures of the target at one batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct BatchFailures {
    /// Failures in a row at the same place.
    pub(super) failures: u32,
    /// That place: the first span of the request.
    at: usize,
    /// How large the next request may be, in bytes. It is halved with each failure.
    pub(super) bytes: u64,
    /// When the batch is sent again, in milliseconds since the Unix epoch.
    due: u64,
    /// The target's last answer.
    pub(super) error: String,
    /// Whether the target accepted something else since the first of the failures.
    pub(super) takes_others: bool,
}

/// A request that failed.
pub(super) struct Failure<'a> {
    pub(super) batch: String,
    pub(super) trace: &'a str,
    /// The place of its first span.
    pub(super) at: usize,
    pub(super) bytes: u64,
    pub(super) class: RetryClass,
    pub(super) answer: String,
}

impl BackoffState {
    pub(super) fn load(folder: &Path) -> Self {
        let text = fs::read(folder.join("standing.json")).unwrap_or_default();
        let backoff: Self = serde_json::from_slice(&text).unwrap_or_default();
        Self { due: read_due(folder), ..backoff }
    }

    /// Writes it down, as well as the disk allows: it says nothing that is needed.
    pub(super) fn save(&self, folder: &Path) {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let _ = folder::write(&folder.join("standing.json"), &text);
        let file = folder.join("due");
        let _ = match self.due {
            Some(due) => folder::write(&file, millis(due).to_string().as_bytes()),
            None => folder::remove(&file).map(drop),
        };
    }

    /// Whether to send the target something, with these settings.
    pub(super) fn is_due(&self, now: SystemTime, fingerprint: u64) -> bool {
        self.fingerprint != fingerprint
            || !self.is_held
            || self.due.is_none_or(|due| is_due(due, now))
    }

    /// Whether to send a batch at which the target may have failed, with these settings.
    pub(super) fn is_batch_due(&self, batch: &str, now: SystemTime, fingerprint: u64) -> bool {
        let trouble = self.batches.get(batch).filter(|_| self.fingerprint == fingerprint);
        trouble.is_none_or(|trouble| is_due(trouble.due(), now))
    }

    /// When the first of the batches at which the target failed is sent again.
    pub(super) fn next_batch_due(&self) -> Option<SystemTime> {
        let failing = self.batches.values().filter(|trouble| trouble.failures > 0);
        failing.map(BatchFailures::due).min()
    }

    /// What is known of a batch at which the target failed.
    pub(super) fn trouble(&self, batch: &str) -> Option<&BatchFailures> {
        self.batches.get(batch)
    }

    /// The target took something.
    pub(super) fn accepted(&mut self) {
        for trouble in self.batches.values_mut() {
            trouble.takes_others = true;
            if self.is_held {
                // It was the target that failed, and it is well again.
                trouble.due = 0;
            }
        }
        self.failures = 0;
        self.error = None;
        self.due = None;
        self.is_held = false;
        self.failed_at_trace = None;
    }

    /// The target took a part of this batch, in so much time.
    pub(super) fn accepted_part(&mut self, batch: &str, took: Duration) {
        self.accepted();
        let Some(trouble) = self.batches.get_mut(batch) else { return };
        trouble.failures = 0;
        trouble.due = 0;
        if took < QUICK {
            trouble.bytes = trouble.bytes.saturating_mul(2);
        }
    }

    /// The target refused us, or was away.
    pub(super) fn failed(
        &mut self,
        class: RetryClass,
        error: String,
        now: SystemTime,
        jitter: f64,
    ) {
        self.failures = self.failures.saturating_add(1);
        self.error = Some(error);
        self.is_held = true;
        self.due = Some(now + wait(class, self.failures, jitter));
    }

    /// The target failed at a request.
    pub(super) fn failed_at(&mut self, failure: Failure<'_>, now: SystemTime, jitter: f64) {
        let Failure { batch, trace, at, bytes, class, answer } = failure;
        if BatchState::after_failure(class) != BatchState::BackingOff {
            return self.failed(class, answer, now, jitter);
        }
        let trouble = self.batches.entry(batch).or_default();
        if trouble.at != at {
            *trouble = BatchFailures { at, ..BatchFailures::default() };
        }
        trouble.failures = trouble.failures.saturating_add(1);
        trouble.bytes = (bytes / 2).max(1);
        trouble.error.clone_from(&answer);
        let due = now + wait(class, trouble.failures, jitter);
        trouble.due = millis(due);
        let is_second = self.failed_at_trace.as_ref().is_some_and(|failed| failed != trace);
        self.failed_at_trace = Some(trace.to_owned());
        if is_second {
            // It is not the batches.
            self.batches.values_mut().for_each(|trouble| trouble.takes_others = false);
            self.failed(class, answer, now, jitter);
        } else {
            self.failures = self.failures.saturating_add(1);
            self.error = Some(answer);
            self.due.get_or_insert(due);
        }
    }

    /// Forgets a batch.
    pub(super) fn forget(&mut self, batch: &str) {
        self.batches.remove(batch);
    }

    /// Forgets all batches but those that wait.
    pub(super) fn forget_all_but(&mut self, waits: impl Fn(&str) -> bool) {
        self.batches.retain(|batch, _| waits(batch));
    }
}

/// A request that takes longer than this is as large as the next one shall be.
const QUICK: Duration = Duration::from_secs(1);

impl BatchFailures {
    /// When the batch is sent again.
    pub(super) fn due(&self) -> SystemTime {
        let since = Duration::from_millis(self.due);
        SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// A time that cannot be read has come.
fn read_due(folder: &Path) -> Option<SystemTime> {
    let text = fs::read_to_string(folder.join("due")).ok()?;
    let millis = text.trim().parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

fn millis(time: SystemTime) -> u64 {
    UnixNanos::from(time).millis()
}
