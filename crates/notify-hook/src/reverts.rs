//! Which turns of a thread were taken back, and what came in their place.
//!
//! Editing a message in Codex's terminal UI takes back its turn and all later ones (since
//! Codex 0.169). The thread then goes on in another file, which names the file and the record up to
//! which the history holds. So the files of a thread are a tree; its newest one and what that builds
//! on are the conversation as it stands.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

use codex_home::sessions;
use codex_turn::{HistoryBase, TranscriptTurn, turn_start};
use otlp_model::{Attribute, Turn};

use crate::thread_reading::FileReading;

/// A record that begins a turn is shorter, in bytes. Of others it does not matter where they end.
const LONGEST_LINE: u64 = 64 * 1024;

/// The files of a thread as a tree.
pub(crate) struct Branches<'a> {
    thread_id: &'a str,
    files: &'a [FileReading],
}

/// A file that a conversation holds, and the ordinal of the first record in it that it does not.
struct Part {
    file: usize,
    end: u64,
}

impl<'a> Branches<'a> {
    pub(crate) fn new(thread_id: &'a str, files: &'a [FileReading]) -> Self {
        Self { thread_id, files }
    }

    /// Notes on a turn of one of the files whether it was taken back, and which one it came in place of.
    /// A turn that is sent before it is taken back is not sent again: the later one names it.
    pub(crate) fn note(&self, turn: &mut Turn, file: usize, index: usize, read: &TranscriptTurn) {
        if self.is_reverted(file, read) {
            turn.attributes.push(Attribute::new("codex.turn.reverted", true));
        }
        let reading = &self.files[file];
        let is_first = reading.is_whole && reading.turns.start == index;
        if let Some(replaced) = is_first.then(|| self.replaced_by_first_of(file)).flatten() {
            turn.attributes.push(Attribute::new("codex.turn.replaces", replaced));
        }
    }

    /// Whether a turn of one of the files was taken back, as far as the files say.
    fn is_reverted(&self, file: usize, turn: &TranscriptTurn) -> bool {
        let (Some(parts), Some(ordinal)) = (self.parts(self.files.len() - 1), turn.ordinal) else {
            return false;
        };
        let part = parts.iter().find(|part| part.file == file);
        part.is_none_or(|part| ordinal >= part.end)
    }

    /// The id of the turn in whose place the first turn of a file came.
    fn replaced_by_first_of(&self, file: usize) -> Option<String> {
        let before = self.parts(file.checked_sub(1)?)?;
        let after = self.parts(file)?;
        before.iter().rev().find_map(|part| {
            let kept = after.iter().find(|kept| kept.file == part.file);
            let from = kept.map_or(0, |kept| kept.end);
            let reading = &self.files[part.file];
            let hint = self.base(file).filter(|base| base.file == reading.file.id);
            first_turn(reading, from..part.end, hint.and_then(|base| base.end_offset)).ok()?
        })
    }

    fn base(&self, file: usize) -> Option<&HistoryBase> {
        self.files[file].meta.history_base.as_ref()
    }

    /// What the conversation consists of that a file goes on with, the file first; none where a part
    /// is missing.
    fn parts(&self, file: usize) -> Option<Vec<Part>> {
        let mut parts = vec![Part { file, end: u64::MAX }];
        let mut file = file;
        // The first file of a fork is based on another thread.
        while let Some(base) =
            self.base(file).filter(|_| self.files[file].file.id != self.thread_id)
        {
            let earlier = &self.files[..file];
            file = earlier.iter().position(|earlier| earlier.file.id == base.file)?;
            parts.push(Part { file, end: base.end_ordinal });
        }
        Some(parts)
    }
}

/// The id of the first turn in a file that begins with one of these records. The offset is where the
/// first record stands, if the file was not changed since.
fn first_turn(
    file: &FileReading,
    ordinals: Range<u64>,
    offset: Option<u64>,
) -> io::Result<Option<String>> {
    if ordinals.is_empty() {
        return Ok(None);
    }
    let mut lines = BufReader::with_capacity(64 * 1024, sessions::open_text(&file.file.path)?);
    let next = |lines: &mut BufReader<File>| {
        let mut line = Vec::new();
        lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        io::Result::Ok((!line.is_empty()).then_some(line))
    };
    if let Some(offset) = offset {
        lines.seek(SeekFrom::Start(offset))?;
        let start = next(&mut lines)?.and_then(|line| turn_start(&line));
        if let Some(start) = start.filter(|start| start.ordinal == Some(ordinals.start)) {
            return Ok(start.turn_id);
        }
        lines.seek(SeekFrom::Start(0))?;
    }
    while let Some(line) = next(&mut lines)? {
        let start = turn_start(&line);
        let is_in = |ordinal: Option<u64>| ordinal.is_some_and(|at| ordinals.contains(&at));
        if let Some(start) = start.filter(|start| is_in(start.ordinal)) {
            return Ok(start.turn_id);
        }
    }
    Ok(None)
}
