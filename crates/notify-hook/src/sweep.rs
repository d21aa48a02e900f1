//! The threads of a sweep: `--sweep [THREAD[@MILLIS]...]`.
//!
//! Behind a thread's name stands when its transcript was last written to or closed, in milliseconds since
//! the Unix epoch, where the buffer service saw that.
//!
//! Codex's notify says nothing of turns that failed or were stopped, and nothing at all when its
//! payload would be too long. So the buffer service names the threads that changed and fell silent,
//! and a sweep reconciles them. Without names it reconciles all threads that changed since the last
//! run: those with turns that ended while no service ran.

use std::time::{Duration, SystemTime};

use codex_config::{Paths, TracingStart};
use otlp_model::UnixNanos;
use program_log::chain;

use crate::writers::{Writers, writers};
use crate::{state, transcript_lookup};
use program_log::Log;

/// The most threads of which a sweep exports turns. Threads without a turn that is due do not count.
pub(crate) const MAX_THREADS: usize = 20;

/// The time after which a sweep begins no further thread.
pub(crate) const MAX_TIME: Duration = Duration::from_secs(60);

/// How long before the first sweep of a home tracing is said to have begun, where no setup noted it:
/// the first turn of an installation by hand may just have failed.
const JUST_BEFORE: Duration = Duration::from_secs(60);

/// When tracing began in this home: as setup noted, or else the first sweep.
pub(crate) fn tracing_began(paths: &Paths, log: &Log) -> SystemTime {
    let start = TracingStart::of(paths);
    start.noted().unwrap_or_else(|| {
        let began = SystemTime::now() - JUST_BEFORE;
        if let Err(error) = start.note(began) {
            log.error(format_args!("{}", chain(&error)));
        }
        began
    })
}

/// A thread that a sweep is to reconcile, and when its transcript was last seen to be closed.
pub(crate) fn named(argument: &str) -> (String, Option<UnixNanos>) {
    let (thread, closed) = argument.split_once('@').unwrap_or((argument, ""));
    let now = SystemTime::now();
    let closed = closed.parse().ok().map(UnixNanos::from_millis);
    (thread.to_owned(), closed.filter(|closed| *closed <= UnixNanos::from(now)))
}

/// The threads whose transcripts tell something that was not sent or goes on, the one that was
/// written last first.
pub(crate) fn changed_threads(paths: &Paths, since: SystemTime) -> Vec<String> {
    transcript_lookup::written_since(&paths.codex_home, since)
        .into_iter()
        .filter(|thread| !state::is_settled(paths, &thread.thread_id, &thread.files))
        .map(|thread| thread.thread_id)
        .collect()
}

/// Whether there are turns to send of a Codex that has ended: a thread changed, and no process writes to
/// it any more.
pub(crate) fn has_untraced_turns(paths: &Paths) -> bool {
    let since = TracingStart::of(paths).noted().unwrap_or_else(|| SystemTime::now() - JUST_BEFORE);
    changed_threads(paths, since).iter().any(|thread| {
        let found = transcript_lookup::files(
            &paths.codex_home,
            thread,
            &[],
            transcript_lookup::Reach::Since(since),
        );
        found.files.last().is_some_and(|file| writers(&file.path) == Writers::None)
    })
}
