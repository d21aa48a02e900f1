//! What the arguments ask for.

use std::ffi::{OsStr, OsString};

use buffer_api::passing_on;

use crate::lifecycle::{LIFECYCLE, RECONCILE};
use crate::{alerts, budgets};

/// The first argument of a run for threads of which Codex said nothing.
const SWEEP: &str = "--sweep";

/// After it: until no turn of a Codex that has ended is left.
const SETTLE: &str = "--settle";

/// The first argument of a run that only sends queued turns.
const FLUSH: &str = "--flush";

/// After it: also those that the targets rejected.
const REJECTED: &str = "--rejected";

/// What a run is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// Reconcile the thread of Codex's notify payload, which is the last argument.
    Notify(Option<&'a OsStr>),
    /// Let another run reconcile the thread of the lifecycle payload on stdin, and end at once.
    HandOver,
    /// Reconcile the thread of the lifecycle payload on stdin.
    Lifecycle,
    /// Reconcile these threads, or where none is named those that changed.
    Sweep(&'a [OsString]),
    /// Reconcile threads that changed until no turn of a Codex that has ended is left.
    Settle,
    /// Send queued turns.
    Flush {
        /// Also those that the targets rejected.
        rejected: bool,
    },
    /// Watch the budgets of the session of the lifecycle payload on stdin, which this Codex runs.
    WatchBudgets(&'a [OsString]),
    /// Send the notices on stdin to their channels.
    Notices,
    /// Pass on what the buffer service writes to stdin.
    PassOn,
}

impl<'a> Command<'a> {
    /// Reads the arguments. Anything that is not one of ours is Codex's.
    pub(crate) fn parse(arguments: &'a [OsString]) -> Self {
        let Some((first, rest)) = arguments.split_first() else { return Self::Notify(None) };
        match first.to_str() {
            Some(SWEEP) if rest == [SETTLE] => Self::Settle,
            Some(SWEEP) => Self::Sweep(rest),
            Some(FLUSH) => Self::Flush { rejected: rest.iter().any(|word| word == REJECTED) },
            Some(LIFECYCLE) => Self::HandOver,
            Some(budgets::WATCH) => Self::WatchBudgets(rest),
            Some(alerts::GIVE) => Self::Notices,
            Some(passing_on::ARGUMENT) => Self::PassOn,
            Some(RECONCILE) => Self::Lifecycle,
            _ => Self::Notify(arguments.last().map(OsString::as_os_str)),
        }
    }
}
