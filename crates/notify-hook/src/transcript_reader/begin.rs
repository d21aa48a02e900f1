//! Where reading of a new transcript begins: within reach of its end, with a turn.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Instant;

use codex_turn::{Checkpoint, TurnMark, turn_mark};
use memchr::{memchr, memmem, memrchr};

/// How far back the first run for a thread reaches, in bytes: what ended before is history. A turn that
/// goes on there is read from its beginning.
const FIRST_READ: u64 = 16 * 1024 * 1024;

/// How much of a file is searched at once, in bytes.
const PIECE: u64 = 1024 * 1024;

/// No record that begins or ends a turn is longer, but by an answer that stands behind its name.
const MARK_BYTES: usize = 64 * 1024;

/// The place at which the first run for a transcript of a length begins, and whether there are turns
/// before it; `start`, its beginning, where the search finds no other until a time.
pub(super) fn first_read(
    file: &mut File,
    length: u64,
    start: Checkpoint,
    until: Instant,
) -> io::Result<(Checkpoint, bool)> {
    let Some(window) = length.checked_sub(FIRST_READ).filter(|window| *window > 0) else {
        return Ok((start, false));
    };
    let (offset, is_behind_others) = match last_mark(file, window, until)? {
        Some((TurnMark::Begin, offset)) => {
            (Some(offset), last_mark(file, offset, until)?.is_some())
        }
        before => (first_begin(file, window, length, until)?, before.is_some()),
    };
    let at = |offset| Checkpoint { offset, turns: None, total_tokens: None };
    Ok(offset.map_or((start, false), |offset| (at(offset), is_behind_others)))
}

/// The last record before an offset that begins or ends a turn.
fn last_mark(file: &mut File, before: u64, until: Instant) -> io::Result<Option<(TurnMark, u64)>> {
    let mut end = before;
    while end > 0 && Instant::now() < until {
        let from = end.saturating_sub(PIECE);
        // A record may begin in this piece and end in the one behind.
        let piece = read(file, from, end + MARK_BYTES as u64)?;
        let marks = marks(&piece).filter(|(_, at)| from + (*at as u64) < end);
        if let Some((mark, at)) = marks.last() {
            return Ok(Some((mark, from + at as u64)));
        }
        // Its line may begin before this piece.
        end = if from == 0 { 0 } else { from + MARK_BYTES as u64 };
    }
    Ok(None)
}

/// The first record behind an offset that begins a turn.
fn first_begin(
    file: &mut File,
    offset: u64,
    length: u64,
    until: Instant,
) -> io::Result<Option<u64>> {
    let mut from = offset;
    while from < length && Instant::now() < until {
        let piece = read(file, from, from + PIECE + MARK_BYTES as u64)?;
        let mut begins = marks(&piece).filter(|(mark, _)| *mark == TurnMark::Begin);
        if let Some((_, at)) = begins.next() {
            return Ok(Some(from + at as u64));
        }
        from += PIECE;
    }
    Ok(None)
}

/// The records of a piece that begin or end a turn, and where their lines begin.
fn marks(piece: &[u8]) -> impl Iterator<Item = (TurnMark, usize)> {
    // `task_started`, `turn_complete` and the like.
    let names = ["\"task_", "\"turn_"].into_iter();
    let mut found: Vec<usize> =
        names.flat_map(|name| memmem::find_iter(piece, name).collect::<Vec<_>>()).collect();
    found.sort_unstable();
    found.into_iter().filter_map(|at| {
        let line = memrchr(b'\n', &piece[..at])? + 1;
        if at - line > MARK_BYTES {
            return None;
        }
        let end = memchr(b'\n', &piece[at..])? + at;
        Some((turn_mark(&piece[line..end])?, line))
    })
}

fn read(file: &mut File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut piece = Vec::new();
    file.take(to - from).read_to_end(&mut piece)?;
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Where the first run begins in a transcript of such records, of which `.` is a MiB of others.
    fn check(records: &str, expected: Option<(usize, bool)>) {
        let mut file = tempfile::tempfile().unwrap();
        let mut begins = Vec::new();
        let other =
            format!("{{\"type\":\"world_state\",\"payload\":\"{}\"}}\n", "x".repeat(1 << 20));
        for record in records.chars() {
            begins.push(file.stream_position().unwrap());
            let event = |kind: &str| {
                format!("{{\"type\":\"event_msg\",\"payload\":{{\"type\":\"{kind}\"}}}}\n")
            };
            let line = match record {
                '.' => other.clone(),
                '<' => event("task_started"),
                '>' => event("task_complete"),
                // A user's text about records.
                '"' => {
                    event("a").replace("\"a\"", r#""agent_message","message":"\"task_started\"""#)
                }
                '!' => event("turn_aborted"),
                _ => event("agent_message"),
            };
            file.write_all(line.as_bytes()).unwrap();
        }
        let length = file.stream_position().unwrap();
        let until = Instant::now() + std::time::Duration::from_secs(60);
        let (begin, is_behind_others) =
            first_read(&mut file, length, Checkpoint::START, until).unwrap();
        let expected = expected.map_or((0, false), |(place, others)| (begins[place], others));
        assert_eq!((begin.offset, is_behind_others), expected, "{records}");
    }

    #[test]
    fn the_first_read_begins_with_a_turn_within_reach_or_the_one_that_goes_on_there() {
        let long = ".".repeat(20);
        check("_<.>", None);
        check(&format!("_<{long}>"), Some((1, false)));
        check(&format!("_<>\"<{long}>"), Some((4, true)));
        check(&format!("_<..!{long}<.>"), Some((25, true)));
        check(&format!("_<>{long}<.><.>"), Some((23, true)));
        check(&format!("_{long}<.>"), Some((21, false)));
        check(&format!("_{long}"), None);
    }
}
