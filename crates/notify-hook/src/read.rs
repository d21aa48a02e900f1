//! Reading a transcript: only what is new, only whole lines, never more of a line than fits.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use codex_turn::{
    Checkpoint, NotifyPayload, Problem, ThreadMeta, Transcript, TranscriptTurn, TurnEnd,
};

use crate::writer::{WRITERS_ARE_KNOWN, writers};

/// The longest line that is taken in, in bytes; longer ones are passed over.
const MAX_LINE: usize = 64 * 1024 * 1024;

/// How far back the first look at a thread reaches, in bytes. What lies before is history.
const FIRST_LOOK: u64 = 16 * 1024 * 1024;

/// How long nothing may be written to a transcript until a turn that goes on in it is taken for one
/// whose Codex was killed, unless somebody is known to have the file open for writing: Codex may wait
/// for an approval as long as it likes. (The buffer service asks for a look some time after this.)
pub const SILENCE: Duration = Duration::from_secs(30 * 60);

/// How long nothing may be written to a transcript whose Codex has ended. Another one may have taken the
/// thread up: where nobody can tell, there must be no less silence than otherwise.
pub(crate) fn silence_after_end() -> Duration {
    if WRITERS_ARE_KNOWN { Duration::ZERO } else { SILENCE }
}

/// What a transcript says from a place on.
pub(crate) struct Reading {
    pub(crate) turns: Vec<TranscriptTurn>,
    pub(crate) problems: Vec<Problem>,
    /// Bytes of the transcript that were read or lie before.
    pub(crate) length: u64,
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
    partial: Vec<u8>,
    /// Bytes of a too long line that were passed over so far.
    passed_over: u64,
}

/// The turns of a transcript since a checkpoint. Waits until the turn of a payload that is awaited
/// has ended, but not longer than `until`. A turn that goes on is taken for one that was given up when
/// nobody has written for `silence`, and nobody has the transcript open.
pub(crate) fn turns(
    path: &Path,
    checkpoint: Option<Checkpoint>,
    awaited: Option<&NotifyPayload>,
    silence: Duration,
    until: Instant,
) -> io::Result<Reading> {
    let opened = open(path, checkpoint);
    // Codex has made the file and is about to write the first line.
    let has_not_begun = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
    if awaited.is_none() && opened.as_ref().is_err_and(has_not_begun) {
        return Ok(Reading { turns: Vec::new(), problems: Vec::new(), length: 0 });
    }
    let Opened { meta, mut tail } = opened?;
    let mut transcript = Transcript::resume(meta, tail.begin());
    let mut pause = Duration::from_millis(1);
    loop {
        tail.pull(&mut transcript)?;
        if awaited.is_none_or(|payload| transcript.has_ended(payload)) || Instant::now() >= until {
            break;
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    let length = transcript.offset();
    let (mut turns, problems) = transcript.finish();
    judge_open_turns(&mut turns, path, silence)?;
    Ok(Reading { turns, problems, length })
}

/// Opens a transcript at a checkpoint. At a first look that is its beginning, or a place within
/// reach of its end; a transcript that has become shorter is another one and looked at first.
pub(crate) fn open(path: &Path, checkpoint: Option<Checkpoint>) -> io::Result<Opened> {
    let mut file = File::open(path)?;
    if is_packed(path) {
        file = unpack(file)?;
    }
    let length = file.metadata()?.len();
    let mut first_line = Vec::new();
    BufReader::new(&mut file).take(MAX_LINE as u64).read_until(b'\n', &mut first_line)?;
    if !first_line.ends_with(b"\n") && first_line.len() < MAX_LINE {
        let error = "its first line is not whole";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error));
    }
    let meta = ThreadMeta::decode(&first_line).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "its first line is no `session_meta` record")
    })?;
    let begin = match checkpoint {
        Some(checkpoint) if checkpoint.offset <= length => checkpoint,
        _ if length > FIRST_LOOK => first_turn_after(&mut file, length - FIRST_LOOK)?,
        _ => Checkpoint::START,
    };
    file.seek(SeekFrom::Start(begin.offset))?;
    let tail = Tail {
        file: BufReader::with_capacity(64 * 1024, file),
        begin,
        partial: Vec::new(),
        passed_over: 0,
    };
    Ok(Opened { meta, tail })
}

/// Tells turns that go on from those whose Codex is gone, by who has the transcript open.
fn judge_open_turns(
    turns: &mut [TranscriptTurn],
    path: &Path,
    silence: Duration,
) -> io::Result<()> {
    let is_silent = silence_of(path)? >= silence;
    let is_in_doubt = |turn: &&mut TranscriptTurn| match turn.ended {
        TurnEnd::Open => is_silent,
        TurnEnd::Lost => !is_silent,
        _ => false,
    };
    let in_doubt: Vec<_> = turns.iter_mut().filter(is_in_doubt).collect();
    if in_doubt.is_empty() {
        return Ok(());
    }
    let writers = writers(path);
    for turn in in_doubt {
        match turn.ended {
            TurnEnd::Open if writers == 0 => turn.abandon(),
            // Each front end has one turn at a time.
            TurnEnd::Lost if writers > 1 => turn.keep_open(),
            _ => {}
        }
    }
    Ok(())
}

/// How long nothing was written to a file.
fn silence_of(path: &Path) -> io::Result<Duration> {
    let modified = path.metadata()?.modified()?;
    // A time in the future is no silence.
    Ok(SystemTime::now().duration_since(modified).unwrap_or_default())
}

/// Whether Codex has packed a transcript (`.jsonl.zst`): it does so with threads that rest.
pub(crate) fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}

/// The transcript as it was before it was packed, in a file without a name.
fn unpack(packed: File) -> io::Result<File> {
    let mut decoder = ruzstd::decoding::StreamingDecoder::new(BufReader::new(packed))
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let mut file = tempfile::tempfile()?;
    io::copy(&mut decoder, &mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// The first turn that begins after an offset; the transcript's beginning where there is none.
fn first_turn_after(file: &mut File, offset: u64) -> io::Result<Checkpoint> {
    file.seek(SeekFrom::Start(offset))?;
    let mut lines = BufReader::with_capacity(64 * 1024, file);
    let mut line = Vec::new();
    let mut at = offset + lines.read_until(b'\n', &mut line)? as u64;
    loop {
        line.clear();
        let length = lines.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(Checkpoint::START);
        }
        if codex_turn::begins_turn(&line) {
            return Ok(Checkpoint { offset: at, turns: None, total_tokens: None });
        }
        at += length as u64;
    }
}

impl Tail {
    /// Where reading began.
    pub(crate) fn begin(&self) -> Checkpoint {
        self.begin
    }

    /// Feeds all complete lines that are there now. Call it again when the file has grown.
    pub(crate) fn pull(&mut self, transcript: &mut Transcript) -> io::Result<()> {
        loop {
            let buffer = self.file.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let (piece, complete) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (&buffer[..end], true),
                None => (buffer, false),
            };
            if self.passed_over > 0 || self.partial.len() + piece.len() > MAX_LINE {
                self.passed_over += (self.partial.len() + piece.len()) as u64;
                self.partial = Vec::new();
            } else {
                self.partial.extend_from_slice(piece);
            }
            let used = piece.len() + usize::from(complete);
            self.file.consume(used);
            if complete {
                match std::mem::take(&mut self.passed_over) {
                    0 => transcript.line(&self.partial),
                    bytes => transcript.skip(bytes + 1),
                }
                self.partial.clear();
            }
        }
    }
}
