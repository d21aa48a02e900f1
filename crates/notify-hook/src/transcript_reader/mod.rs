//! Reading a transcript: only what is new, only whole lines, and not more of a line than fits.

mod begin;
mod mark;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use codex_home::sessions;
use codex_turn::{Checkpoint, Line, ThreadMeta, Transcript, TranscriptTurn, TurnEnd};
use otlp_model::UnixNanos;

pub(crate) use mark::Mark;

use crate::writers::{Writers, stays_without_writers, writers};

/// How much of a file is read at once, in bytes.
const PIECE: usize = 64 * 1024;

/// The longest first line that is taken in, in bytes, where its texts do not make it longer.
const FIRST_LINE_TEXTS: usize = 64 * 1024;

/// How much one run reads in a transcript.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimit {
    /// How long it reads.
    pub time: Duration,
    /// So many bytes are read however long that takes.
    pub at_least: u64,
}

impl Default for ReadLimit {
    /// So much is left of a run's time that the turns that were read can be sent. A busy machine is no reason to
    /// cut a turn.
    fn default() -> Self {
        Self { time: Duration::from_secs(4), at_least: 16 * 1024 * 1024 }
    }
}

impl ReadLimit {
    /// The limit of what is read from now on.
    pub(crate) fn starting_now(self) -> ReadUntil {
        ReadUntil { time: Instant::now() + self.time, at_least: self.at_least }
    }
}

/// When to stop reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadUntil {
    pub(crate) time: Instant,
    /// So many bytes of a file are read however late it is.
    at_least: u64,
}

impl ReadUntil {
    pub(crate) fn has_come(&self) -> bool {
        Instant::now() >= self.time
    }
}

/// How long nothing may be written to a transcript until a turn that goes on in it is taken for one
/// whose Codex was killed, where it is not known whether a process still has the file open: Codex may
/// wait for an approval as long as it likes. (The buffer service starts a sweep some time after this.)
pub const SILENCE: Duration = Duration::from_secs(30 * 60);

/// Why a transcript was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The turns that were read are to be exported first.
    Full,
    /// There was no time for more. A turn that was going on there is cut.
    OutOfTime,
}

/// A transcript, ready to be read from a place on.
pub(crate) struct Opened {
    pub(crate) meta: ThreadMeta,
    pub(crate) tail: Tail,
}

/// The part of a transcript that was not read yet; it may still grow.
pub(crate) struct Tail {
    file: BufReader<File>,
    begin: Checkpoint,
    /// The line that is being read.
    line: Option<Line>,
    /// Bytes that were read.
    bytes: u64,
    /// Whether there are turns before the place where reading began.
    pub(crate) is_behind_others: bool,
}

/// Opens a transcript at a mark, or at `start`, its beginning, where another text is in the place of
/// the one that was marked. Where there is no mark it begins at a place within reach of
/// the end, which is searched for until a time.
pub(crate) fn open(
    path: &Path,
    mark: Option<&Mark>,
    start: Checkpoint,
    until: ReadUntil,
) -> io::Result<Opened> {
    open_at(path, |file, length| {
        Ok(match mark {
            Some(mark) if mark.holds(file, length)? => (mark.checkpoint, false),
            // Turns that were exported before are known by their ids.
            Some(_) => (start, false),
            None => begin::first_read(file, length, start, until.time)?,
        })
    })
}

/// Which turns of a transcript a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turns {
    /// Those within reach of its end.
    Last,
    /// All.
    All,
}

/// Turns of a transcript, for a question that needs little of each; those that are read until a time.
pub(crate) fn turns(
    path: &Path,
    which: Turns,
    until: ReadUntil,
) -> io::Result<Vec<TranscriptTurn>> {
    let Opened { meta, mut tail } = match which {
        Turns::Last => open(path, None, Checkpoint::START, until)?,
        Turns::All => open_at(path, |_, _| Ok((Checkpoint::START, false)))?,
    };
    let mut transcript = Transcript::resume(meta, tail.begin());
    while tail.pull(&mut transcript, until)? == Some(Stopped::Full) {}
    Ok(transcript.finish().0)
}

/// Opens a transcript at the place that is found in it, and says whether there are turns before that.
fn open_at(
    path: &Path,
    find: impl FnOnce(&mut File, u64) -> io::Result<(Checkpoint, bool)>,
) -> io::Result<Opened> {
    let mut file = sessions::open_text(path)?;
    let length = file.metadata()?.len();
    let buffer = PIECE.min(usize::try_from(length).unwrap_or(PIECE));
    let meta =
        ThreadMeta::read(&mut BufReader::with_capacity(buffer, &mut file), FIRST_LINE_TEXTS)?;
    let (begin, is_behind_others) = find(&mut file, length)?;
    file.seek(SeekFrom::Start(begin.offset))?;
    let tail = Tail {
        file: BufReader::with_capacity(PIECE, file),
        is_behind_others,
        begin,
        line: None,
        bytes: 0,
    };
    Ok(Opened { meta, tail })
}

/// Separates turns that go on from those whose Codex is gone, by the processes that have the transcript
/// open; where these are not known, by how long nothing was written. `closed` is when the transcript was
/// last seen to be written to or closed.
pub(crate) fn judge_open_turns(
    turns: &mut [TranscriptTurn],
    path: &Path,
    long_silence: Duration,
    closed: Option<UnixNanos>,
) -> io::Result<()> {
    let is_in_doubt =
        |turn: &&mut TranscriptTurn| matches!(turn.ended, TurnEnd::Open | TurnEnd::Lost);
    let in_doubt: Vec<_> = turns.iter_mut().filter(is_in_doubt).collect();
    if in_doubt.is_empty() {
        return Ok(());
    }
    let modified = path.metadata()?.modified()?;
    // A time in the future is no silence.
    let silence = SystemTime::now().duration_since(modified).unwrap_or_default();
    let is_silent = silence >= long_silence;
    let writers = writers(path);
    let is_gone = match writers {
        Writers::Some(_) => false,
        Writers::None => is_silent || stays_without_writers(path, silence),
        Writers::Unknown => is_silent,
    };
    for turn in in_doubt {
        match (&turn.ended, writers) {
            (TurnEnd::Open, _) if is_gone => {
                turn.abandon();
                // Codex had the file open until it ended. Whatever else was done to the file since its
                // last record would show in the file's time.
                let is_of_codex = is_about(turn.end, modified) && writers == Writers::None;
                closed.filter(|_| is_of_codex).inspect(|closed| turn.note_gone(*closed));
            }
            // Each front end has one turn at a time.
            (TurnEnd::Lost, Writers::Some(2..)) if !is_silent => turn.keep_open(),
            _ => {}
        }
    }
    Ok(())
}

/// What a buffer holds of the line that goes on in it, and whether that ends there.
fn piece_of_line(buffer: &[u8]) -> (&[u8], bool) {
    match memchr::memchr(b'\n', buffer) {
        Some(end) => (&buffer[..end], true),
        None => (buffer, false),
    }
}

/// Whether a record was the last thing that was written to a file, as far as times tell.
fn is_about(last_record: UnixNanos, modified: SystemTime) -> bool {
    const WRITING: u64 = 2_000_000_000;
    let modified = UnixNanos::from(modified);
    last_record.since(modified).max(modified.since(last_record)) < WRITING
}

impl Tail {
    /// Where reading began.
    pub(crate) fn begin(&self) -> Checkpoint {
        self.begin
    }

    /// The mark of a checkpoint. Nothing can be pulled after that.
    pub(crate) fn mark(&self, checkpoint: Checkpoint) -> Mark {
        Mark::at(checkpoint, self.file.get_ref())
    }

    /// Feeds all complete lines that are there now, unless there is a reason to stop before. Call it
    /// again when the file has grown.
    pub(crate) fn pull(
        &mut self,
        transcript: &mut Transcript,
        until: ReadUntil,
    ) -> io::Result<Option<Stopped>> {
        loop {
            let buffer = self.file.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let line = self.line.get_or_insert_with(|| Line::new(transcript.text_limit()));
            let (piece, complete) = piece_of_line(buffer);
            line.push(piece);
            let used = piece.len() + usize::from(complete);
            self.file.consume(used);
            self.bytes += used as u64;
            if complete {
                transcript.read(line);
                line.clear(transcript.text_limit());
                if transcript.is_full() {
                    return Ok(Some(Stopped::Full));
                }
            }
            // The clock is read once per piece of the file.
            if self.file.buffer().is_empty() && self.bytes > until.at_least && until.has_come() {
                return Ok(Some(Stopped::OutOfTime));
            }
        }
    }

    /// Ends the turns that go on where reading stopped. The line that was being read is passed over,
    /// lest the next run should not get beyond it, either.
    pub(crate) fn give_up(&mut self, transcript: &mut Transcript) {
        if let Some(line) = self.line.take().filter(|line| !line.is_empty()) {
            transcript.skip(line.bytes());
        }
        transcript.give_up();
    }
}
