//! Turns that a fork repeats, where they have no ids (up to Codex 0.98): the fork's transcript begins
//! with the records of the thread that it was forked off, as if they were new.

use crate::transcript::TranscriptTurn;

/// Marks the turns that a thread repeats. What is among the turns of the thread that it was forked off is
/// a copy. Where those are not known, what was written in one go when the thread was made is one: what was
/// paid for once is not to count twice.
pub fn mark_copies(turns: &mut [TranscriptTurn], originals: &[TranscriptTurn]) {
    let mut candidates = turns.iter_mut().filter(|turn| turn.may_be_copied()).peekable();
    let Some(first) = candidates.peek() else { return };
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
