//! What is known of a thread before anything of it is read, and which of its turns that makes due.

use std::path::Path;

use codex_config::TracingStart;
use codex_turn::{NotifyPayload, TranscriptTurn};
use otlp_model::{Turn, UnixNanos};

use super::{Context, now};
use crate::state::ThreadState;
use crate::trigger::Trigger;

/// A thread that is being reconciled.
pub(super) struct Thread<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) id: &'a str,
    pub(super) trigger: &'a Trigger,
    /// Whether no earlier run left a memory of it.
    pub(super) is_new: bool,
    /// When tracing began in this home, where that is noted.
    tracing_since: Option<UnixNanos>,
    /// When the run began. The turn of a payload had ended by then.
    begun: UnixNanos,
}

impl<'a> Thread<'a> {
    pub(super) fn new(
        context: &'a Context<'a>,
        id: &'a str,
        trigger: &'a Trigger,
        is_new: bool,
    ) -> Self {
        let noted = || TracingStart::of(context.paths).noted().map(UnixNanos::from);
        let tracing_since = trigger.since().or_else(noted);
        Self { context, id, trigger, is_new, tracing_since, begun: now() }
    }

    /// Codex's payload, if there is one.
    pub(super) fn payload(&self) -> Option<&NotifyPayload> {
        self.trigger.payload()
    }

    /// When the turn of Codex's payload had ended at the latest.
    pub(super) fn payload_end(&self) -> UnixNanos {
        match self.trigger {
            Trigger::Lifecycle { at, .. } => *at,
            _ => self.begun,
        }
    }

    /// Whether a turn is to be exported: it has ended, as far as the transcript or Codex says.
    pub(super) fn is_due(&self, state: &ThreadState, turn: &TranscriptTurn) -> bool {
        (turn.has_ended() || self.trigger.says_ended(turn))
            && !state.is_sent(&turn.key())
            && !self.is_left_out(turn)
    }

    /// Whether a turn belongs to another thread, or is history: it ended before this home was traced, in
    /// a thread without a memory. The turn at whose end Codex runs the hook is none, whatever clocks say.
    pub(super) fn is_left_out(&self, turn: &TranscriptTurn) -> bool {
        let is_before = self.tracing_since.is_some_and(|since| turn.end < since);
        let is_named = || self.payload().is_some_and(|payload| turn.is_subject_of(payload));
        turn.is_copied() || (is_before && self.is_new && !is_named())
    }

    /// Whether the settings trace the folder in which a turn ran.
    pub(super) fn covers_folder_of(&self, turn: &Turn) -> bool {
        let cwd = turn.metadata.get("cwd").and_then(|cwd| cwd.as_str());
        let is_covered = self.context.settings.folders.cover(cwd.map(Path::new));
        if !is_covered {
            let (log, thread) = (self.context.log, &turn.thread_id);
            log.verbose(format_args!("a turn of {thread} ran elsewhere: left out"));
        }
        is_covered
    }

    /// Whether Codex runs the thread for itself, to find a title: it has a payload and no transcript.
    pub(super) fn is_hidden(&self) -> bool {
        let is_title = self.payload().is_some_and(NotifyPayload::is_title_generation);
        let is_hidden = is_title && !self.context.settings.helper_threads;
        if is_hidden {
            let (log, thread) = (self.context.log, self.id);
            log.verbose(format_args!(
                "thread {thread} is one that codex runs for itself: left out"
            ));
        }
        is_hidden
    }
}
