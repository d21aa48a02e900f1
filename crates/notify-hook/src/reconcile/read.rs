//! The first step: what is new in the files of a thread.

use std::time::{Duration, Instant};

use super::thread::Thread;
use crate::state::ThreadState;
use crate::thread_reading::{self, Reading, Request};
use crate::transcript_reader::{ReadUntil, SILENCE, Stopped};

/// How long a transcript may take to show a turn's end after its notify. Codex writes it 0.1–5 ms
/// later; a busy disk takes longer.
const TRANSCRIPT_PATIENCE: Duration = Duration::from_secs(2);

/// Reads the files of the thread from their checkpoints on; none where it has no file.
pub(super) fn read(
    thread: &Thread<'_>,
    state: &ThreadState,
    read_until: ReadUntil,
) -> Option<Reading> {
    let context = thread.context;
    let mut wait_until = context.deadline;
    if !thread.trigger.is_early() {
        wait_until = wait_until.min(Instant::now() + TRANSCRIPT_PATIENCE);
    }
    let limits = context.settings.targets.iter();
    let text_limit = limits.map(|target| target.content.max_attribute_bytes).max();
    let reading = thread_reading::read(&Request {
        codex_home: &context.paths.codex_home,
        thread_id: thread.id,
        named: thread.trigger.transcript(),
        state,
        awaited: thread.payload().filter(|payload| !state.is_sent(&payload.key())),
        is_expected: thread.trigger.expects_transcript(),
        silence: SILENCE,
        closed: thread.trigger.closed(),
        text_limit: text_limit.unwrap_or_default(),
        read_until,
        wait_until,
    })?;
    for (path, error) in &reading.unreadable {
        let path = path.display();
        context.log.error(format_args!("transcript `{path}` cannot be read: {error}"));
    }
    log_limits(thread, &reading);
    Some(reading)
}

/// Logs what was left out because it was too much.
fn log_limits(thread: &Thread<'_>, reading: &Reading) {
    let log = thread.context.log;
    for file in &reading.files {
        let path = file.file.path.display();
        if let Some(offset) = file.left_out {
            log.limit(format_args!(
                "reading of `{path}` begins at byte {offset}; turns before it are left out"
            ));
        }
        if file.stopped == Some(Stopped::OutOfTime) {
            log.limit(format_args!(
                "`{path}` was read for {} s, up to byte {}; a turn that goes on there is cut",
                thread.context.reading.time.as_secs(),
                file.end.offset
            ));
        }
    }
}
