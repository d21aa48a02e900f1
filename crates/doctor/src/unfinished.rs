//! A turn that a target has in part, or at which it fails.

use std::time::{Duration, SystemTime};

use delivery::UnfinishedBatch;
use serde::Serialize;

use crate::words::{bytes, line, millis, span};

/// How far a turn is. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnfinishedTurn {
    /// Its trace, in hexadecimal digits.
    pub trace_id: String,
    /// Since when it waits.
    pub queued_since_ms: u64,
    /// Its spans.
    pub spans: usize,
    /// Those that the target has accepted, or refused for good.
    pub spans_done: usize,
    /// Its size in bytes.
    pub bytes: u64,
    /// The size of the spans that are done.
    pub bytes_done: u64,
    /// How often the target failed at the next request.
    pub failures: u32,
    /// When that is made again; none where the time has come.
    pub next_attempt_ms: Option<u64>,
    /// What the target said when it failed.
    pub last_error: Option<String>,
}

impl From<&UnfinishedBatch> for UnfinishedTurn {
    fn from(batch: &UnfinishedBatch) -> Self {
        Self {
            trace_id: batch.trace_id.clone(),
            queued_since_ms: millis(batch.created),
            spans: batch.spans,
            spans_done: batch.spans_done,
            bytes: batch.bytes,
            bytes_done: batch.bytes_done,
            failures: batch.failures,
            next_attempt_ms: batch.next_attempt.map(millis),
            last_error: batch.last_error.clone(),
        }
    }
}

impl UnfinishedTurn {
    /// The same on one line of at most so many columns.
    pub fn describe(&self, now: SystemTime, width: usize) -> String {
        let now = millis(now);
        let time = |millis| span(Duration::from_millis(millis));
        let mut text = format!(
            "{} of {} spans ({} of {}) of trace {} sent since {}",
            self.spans_done,
            self.spans,
            bytes(self.bytes_done),
            bytes(self.bytes),
            self.trace_id.get(..8).unwrap_or(&self.trace_id),
            time(now.saturating_sub(self.queued_since_ms)),
        );
        if let Some(next) = self.next_attempt_ms.filter(|next| *next > now) {
            text.push_str(&format!(", tried again in {}", time(next - now)));
        }
        if let Some(error) = &self.last_error {
            let times = if self.failures == 1 { "time" } else { "times" };
            text.push_str(&format!(", failed {} {times}: {error}", self.failures));
        }
        line(&text, width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_what_comes_next() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let batch = UnfinishedBatch {
            trace_id: "8f997398c0a639f4f157e73cb3e837aa".to_owned(),
            created: now - Duration::from_secs(300),
            spans: 1501,
            spans_done: 600,
            bytes: 29 << 20,
            bytes_done: 12_000_000,
            failures: 0,
            next_attempt: None,
            last_error: None,
        };
        let describe = |batch: &UnfinishedBatch| UnfinishedTurn::from(batch).describe(now, 200);
        assert_eq!(
            describe(&batch),
            "600 of 1501 spans (11 MiB of 29 MiB) of trace 8f997398 sent since 5 min"
        );
        let failing = UnfinishedBatch {
            failures: 2,
            next_attempt: Some(now + Duration::from_secs(3)),
            last_error: Some("no answer\nin time".to_owned()),
            ..batch
        };
        assert_eq!(
            describe(&failing),
            "600 of 1501 spans (11 MiB of 29 MiB) of trace 8f997398 sent since 5 min, tried again in \
             3 s, failed 2 times: no answer in time"
        );
    }
}
