#![doc = include_str!("batch_state.md")]

use std::time::SystemTime;

use exporters::RetryClass;

use super::backoff_state::BackoffState;
use super::{Outbox, OutboxError, batch_file, folder};

/// The state of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BatchState {
    /// It was made and is neither sent nor on disk.
    New,
    /// It is on disk, and its next request may be made. Spans that the target took already are noted
    /// beside it.
    Queued,
    /// A request with it, or a part of it, is under way.
    InProgress,
    /// It is on disk. The target failed at it, and perhaps fails at it alone: others pass it until its
    /// time has come.
    BackingOff,
    /// It is on disk. The target takes nothing for the moment, whatever is sent, and is left alone until
    /// its time has come.
    Blocked,
    /// The target has it, but for spans that became a dead letter of their own.
    Accepted,
    /// The target refused it for its own sake. It is on disk with the answer until a person decides, or
    /// it is too old.
    DeadLetter,
    /// It was given up: it was too old, there was no room, or a person said so.
    Dropped,
}

/// What happens to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchEvent {
    /// It is put on disk: others are queued before it, it needs several requests, or no answer came.
    Enqueue,
    /// A request begins.
    Send,
    /// The target decided about a part of it, and more is left.
    TakePart,
    /// The target decided about the last of it, and took some of it.
    Accept,
    /// The request failed.
    Fail(RetryClass),
    /// The target failed at one span time and again, and took others meanwhile.
    Poison,
    /// The time of the run is over.
    RunOut,
    /// The target fails at other batches, too.
    TargetFail,
    /// The time of the next attempt has come, or the target took something.
    Due,
    /// Its file cannot be read.
    Damage,
    /// A person wants dead letters sent again.
    Requeue,
    /// It is too old, there is no room, or a person gives it up.
    Drop,
}

impl BatchState {
    /// The state after an event; none where the event cannot happen.
    pub fn after(self, event: BatchEvent) -> Option<Self> {
        use BatchEvent::*;
        Some(match (self, event) {
            (Self::New, Enqueue) => Self::Queued,
            (Self::New | Self::Queued, Send) => Self::InProgress,
            // A late answer finds its batch queued.
            (Self::InProgress | Self::Queued, Accept) => Self::Accepted,
            (Self::InProgress | Self::Queued, Fail(class)) => Self::after_failure(class),
            (Self::InProgress, TakePart | RunOut) => Self::Queued,
            (Self::InProgress, Poison) => Self::DeadLetter,
            (Self::Queued | Self::BackingOff, TargetFail) => Self::Blocked,
            (Self::BackingOff | Self::Blocked, Due) => Self::Queued,
            (Self::Queued | Self::InProgress, Damage) => Self::DeadLetter,
            (Self::DeadLetter, Requeue) => Self::Queued,
            (Self::Queued | Self::BackingOff | Self::Blocked | Self::DeadLetter, Drop) => {
                Self::Dropped
            }
            _ => return None,
        })
    }

    /// The state after a failed request.
    pub(super) fn after_failure(class: RetryClass) -> Self {
        match class {
            RetryClass::Retry(_) | RetryClass::Blocked => Self::Blocked,
            RetryClass::RetrySuspect => Self::BackingOff,
            // The next request is smaller.
            RetryClass::Split => Self::Queued,
            RetryClass::DeadLetter => Self::DeadLetter,
        }
    }
}

impl Outbox {
    /// The batches on disk, the dead letters last: the id of the first span of each in hexadecimal
    /// digits, and its state for a target with these settings.
    pub fn states(
        &self,
        now: SystemTime,
        fingerprint: u64,
    ) -> Result<Vec<(String, BatchState)>, OutboxError> {
        let backoff = BackoffState::load(&self.folder);
        let queued = self.on(&self.folder, folder::batches)?.into_iter().map(|(name, _)| {
            let state = match backoff.is_batch_due(&name.to_string(), now, fingerprint) {
                _ if !backoff.is_due(now, fingerprint) => BatchState::Blocked,
                false => BatchState::BackingOff,
                true => BatchState::Queued,
            };
            (name.id, state)
        });
        let rejected = self.rejected_folder();
        let dead = self.on(&rejected, folder::batches)?.into_iter().map(|(name, _)| {
            let header = batch_file::read_header(&rejected.join(name.to_string()));
            (header.map_or(name.id, |header| header.span_id), BatchState::DeadLetter)
        });
        Ok(queued.chain(dead).collect())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    const STATES: [BatchState; 8] = [
        BatchState::New,
        BatchState::Queued,
        BatchState::InProgress,
        BatchState::BackingOff,
        BatchState::Blocked,
        BatchState::Accepted,
        BatchState::DeadLetter,
        BatchState::Dropped,
    ];

    const EVENTS: [BatchEvent; 16] = [
        BatchEvent::Enqueue,
        BatchEvent::Send,
        BatchEvent::TakePart,
        BatchEvent::Accept,
        BatchEvent::Fail(RetryClass::Retry(None)),
        BatchEvent::Fail(RetryClass::RetrySuspect),
        BatchEvent::Fail(RetryClass::Blocked),
        BatchEvent::Fail(RetryClass::Split),
        BatchEvent::Fail(RetryClass::DeadLetter),
        BatchEvent::Poison,
        BatchEvent::RunOut,
        BatchEvent::TargetFail,
        BatchEvent::Due,
        BatchEvent::Damage,
        BatchEvent::Requeue,
        BatchEvent::Drop,
    ];

    /// The page that rustdoc shows holds every state with every event.
    #[test]
    fn the_documented_table_is_the_code() {
        let mut page = "The states of a batch, and every event that changes them.\n\n".to_owned();
        page.push_str("| Event |");
        STATES.iter().for_each(|state| page.push_str(&format!(" {state:?} |")));
        page.push_str("\n|");
        page.push_str(&" --- |".repeat(STATES.len() + 1));
        page.push('\n');
        for event in EVENTS {
            let name = format!("{event:?}").replace("(None)", "");
            page.push_str(&format!("| {name} |"));
            for state in STATES {
                let after = state.after(event).map(|after| format!(" {after:?}"));
                page.push_str(&format!("{} |", after.unwrap_or_default()));
            }
            page.push('\n');
        }
        page.push_str("\nA batch begins as `New`, and ends as `Accepted` or `Dropped`.\n");
        expect_file!["batch_state.md"].assert_eq(&page);
    }

    #[test]
    fn each_state_can_be_reached_and_two_are_the_end() {
        for state in STATES {
            let next: Vec<_> = EVENTS.iter().filter_map(|event| state.after(*event)).collect();
            let is_end = matches!(state, BatchState::Accepted | BatchState::Dropped);
            assert_eq!(next.is_empty(), is_end, "{state:?}");
            let is_reached = STATES
                .iter()
                .any(|from| EVENTS.iter().any(|event| from.after(*event) == Some(state)));
            assert_eq!(is_reached, state != BatchState::New, "{state:?}");
        }
    }
}
