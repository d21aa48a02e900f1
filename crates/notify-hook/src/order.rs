//! What the arguments ask for.

use std::ffi::{OsStr, OsString};

use buffer_api::passing_on;

use crate::lifecycle::{LIFECYCLE, LOOK};

/// The first argument of a run that nobody's payload caused.
const SWEEP: &str = "--sweep";

/// After it: until no turn of a Codex that has ended is left.
const SETTLE: &str = "--settle";

/// The first argument of a run that only offers what waits in the outboxes.
const FLUSH: &str = "--flush";

/// After it: what the targets refused for good, too.
const REJECTED: &str = "--rejected";

/// What a run is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order<'a> {
    /// Look at the thread of Codex's notify payload, which is the last argument.
    Notify(Option<&'a OsStr>),
    /// Let another run look at the thread of the lifecycle payload on stdin, and end at once.
    Lifecycle,
    /// Look at the thread of the lifecycle payload on stdin.
    LifecycleLook,
    /// Look at these threads, or where none is named at those that changed.
    Sweep(&'a [OsString]),
    /// Trace threads that changed until no turn of a Codex that has ended is left.
    Settle,
    /// Offer the targets what waits for them.
    Flush {
        /// What they refused for good, too.
        rejected: bool,
    },
    /// Pass on what the buffer service writes to stdin.
    PassOn,
}

impl<'a> Order<'a> {
    /// Reads the arguments. Anything that is not one of ours is Codex's.
    pub(crate) fn of(arguments: &'a [OsString]) -> Self {
        let Some((first, rest)) = arguments.split_first() else { return Self::Notify(None) };
        match first.to_str() {
            Some(SWEEP) if rest == [SETTLE] => Self::Settle,
            Some(SWEEP) => Self::Sweep(rest),
            Some(FLUSH) => Self::Flush { rejected: rest.iter().any(|word| word == REJECTED) },
            Some(LIFECYCLE) => Self::Lifecycle,
            Some(passing_on::ARGUMENT) => Self::PassOn,
            Some(LOOK) => Self::LifecycleLook,
            _ => Self::Notify(arguments.last().map(OsString::as_os_str)),
        }
    }
}
