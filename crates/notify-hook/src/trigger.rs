//! Why a thread is reconciled, and what that says of its turns.

use std::path::Path;

use codex_turn::{LifecycleEvent, LifecyclePayload, NotifyPayload, TranscriptTurn};
use otlp_model::{Turn, UnixNanos};

/// A reason to reconcile a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// Codex said that a turn has ended.
    Notify(NotifyPayload),
    /// Codex said that a turn is about to end, or is being stopped.
    Lifecycle {
        /// Codex's words.
        payload: LifecyclePayload,
        /// When they came.
        at: UnixNanos,
    },
    /// An earlier run could not deliver a turn.
    Retry,
    /// A file or telemetry of the thread changed; Codex named no turn.
    Sweep {
        /// When tracing began: in a thread without a memory, turns that ended before are history and
        /// not exported.
        since: UnixNanos,
        /// When the transcript was closed, where the service saw that and nothing came after it.
        closed: Option<UnixNanos>,
    },
}

impl Trigger {
    /// What Codex said of a turn.
    pub(crate) fn payload(&self) -> Option<&NotifyPayload> {
        match self {
            Self::Notify(payload) => Some(payload),
            Self::Lifecycle { payload, .. } => Some(&payload.turn),
            Self::Retry | Self::Sweep { .. } => None,
        }
    }

    /// When tracing began, as a sweep has to know; none where Codex named the thread.
    pub(crate) fn since(&self) -> Option<UnixNanos> {
        match self {
            Self::Sweep { since, .. } => Some(*since),
            Self::Notify(_) | Self::Lifecycle { .. } | Self::Retry => None,
        }
    }

    /// When the transcript was last seen to be written to or closed.
    pub(crate) fn closed(&self) -> Option<UnixNanos> {
        match self {
            Self::Sweep { closed, .. } => *closed,
            Self::Notify(_) | Self::Lifecycle { .. } | Self::Retry => None,
        }
    }

    /// Whether the environment of this process is the one that the Codex of this turn had. In a sweep,
    /// and for earlier turns, that is not known.
    pub(crate) fn has_environment_of(&self, turn: &Turn) -> bool {
        self.payload().is_some_and(|payload| payload.names(&turn.turn_id))
    }

    /// Where Codex said that the transcript is.
    pub(crate) fn transcript(&self) -> Option<&Path> {
        match self {
            Self::Lifecycle { payload, .. } => payload.transcript.as_deref().map(Path::new),
            _ => None,
        }
    }

    /// Whether Codex writes a transcript of the turn that it named; it may come late. The payload of a
    /// lifecycle hook says so. Where there is none, notify does not say: a session may be ephemeral.
    pub(crate) fn expects_transcript(&self) -> bool {
        match self {
            Self::Notify(payload) => !payload.is_title_generation(),
            Self::Lifecycle { payload, .. } => payload.transcript.is_some(),
            Self::Retry | Self::Sweep { .. } => false,
        }
    }

    /// Whether Codex said that this turn has ended. A lifecycle hook does not: another one may yet
    /// make Codex go on with the turn.
    pub(crate) fn says_ended(&self, turn: &TranscriptTurn) -> bool {
        matches!(self, Self::Notify(payload) if turn.is_subject_of(payload))
    }

    /// Whether the turn's end may be long in coming: Codex ends it only when all hooks have ended, those
    /// of the user, too.
    pub(crate) fn is_early(&self) -> bool {
        matches!(self, Self::Lifecycle { .. })
    }

    /// Whether Codex's payload may become a turn that no transcript has. That of a lifecycle hook may only
    /// where no transcript is to come.
    pub(crate) fn can_stand_alone(&self, has_transcript: bool) -> bool {
        match self {
            Self::Lifecycle { payload, .. } => {
                !has_transcript
                    && payload.transcript.is_none()
                    && payload.turn.unique_turn_id().is_some()
            }
            Self::Notify(_) | Self::Retry | Self::Sweep { .. } => true,
        }
    }

    /// Whether this turn is the one that a user is stopping.
    pub(crate) fn is_interrupt_of(&self, turn: &NotifyPayload) -> bool {
        matches!(self, Self::Lifecycle { payload, .. }
            if payload.event == LifecycleEvent::Interrupt && payload.turn == *turn)
    }
}
