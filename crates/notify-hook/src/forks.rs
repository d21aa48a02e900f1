//! Turns that a fork repeats, where they have no ids (up to Codex 0.98): the fork's transcript begins
//! with the records of the thread that it was forked off, as if they were new.

use std::path::Path;

use codex_turn::TranscriptTurn;

use crate::transcript_lookup::{self, Reach};
use crate::transcript_reader::{self, ReadUntil, Turns};
use program_log::Log;

/// Marks the turns that the thread repeats. What the other thread's transcript has is a copy. Without
/// that transcript, what was written in one go when the thread was made is one: what was paid for once
/// is not to count twice.
pub(crate) fn mark_copies(
    turns: &mut [TranscriptTurn],
    codex_home: &Path,
    until: ReadUntil,
    log: &Log,
) {
    let candidates: Vec<_> = turns.iter_mut().filter(|turn| turn.may_be_copied()).collect();
    let Some(first) = candidates.first() else { return };
    let Some(origin) = first.meta.forked_from_id.clone() else { return };
    let originals = turns_of(codex_home, &origin, until);
    if originals.is_empty() {
        log.warn(format_args!(
            "thread {} is a fork of thread {origin}, whose transcript is gone: turns that were \
             written when it was forked are left out",
            first.meta.thread_id
        ));
    }
    let mut written_until = first.start;
    for turn in candidates {
        let is_copy = match originals.is_empty() {
            true => turn.was_written_at_once(written_until),
            false => originals.iter().any(|original| turn.repeats(original)),
        };
        if is_copy {
            turn.mark_copied();
            written_until = turn.end;
        }
    }
}

fn turns_of(codex_home: &Path, thread_id: &str, until: ReadUntil) -> Vec<TranscriptTurn> {
    let files = transcript_lookup::files(codex_home, thread_id, &[], Reach::Everywhere).files;
    // A fork repeats its origin from the beginning, however large that is.
    let turns = files
        .iter()
        .filter_map(|file| transcript_reader::turns(&file.path, Turns::All, until).ok());
    turns.flatten().collect()
}
