//! Turns that a fork repeats, where they have no ids (up to Codex 0.98): the fork's transcript begins
//! with the records of the thread that it was forked off, as if they were new.

use std::path::Path;

use codex_turn::TranscriptTurn;

use crate::transcript_lookup::{self, Reach};
use crate::transcript_reader::{self, ReadUntil, Turns};
use program_log::Log;

/// Marks the turns that the thread repeats; [`codex_turn::mark_copies`] says which they are.
pub(crate) fn mark_copies(
    turns: &mut [TranscriptTurn],
    codex_home: &Path,
    until: ReadUntil,
    log: &Log,
) {
    let Some(first) = turns.iter().find(|turn| turn.may_be_copied()) else { return };
    let Some(origin) = first.meta.forked_from_id.clone() else { return };
    let originals = turns_of(codex_home, &origin, until);
    if originals.is_empty() {
        log.warn(format_args!(
            "thread {} is a fork of thread {origin}, whose transcript is gone: turns that were \
             written when it was forked are left out",
            first.meta.thread_id
        ));
    }
    codex_turn::mark_copies(turns, &originals);
}

fn turns_of(codex_home: &Path, thread_id: &str, until: ReadUntil) -> Vec<TranscriptTurn> {
    let files = transcript_lookup::files(codex_home, thread_id, &[], Reach::Everywhere).files;
    // A fork repeats its origin from the beginning, however large that is.
    let turns = files
        .iter()
        .filter_map(|file| transcript_reader::turns(&file.path, Turns::All, until).ok());
    turns.flatten().collect()
}
