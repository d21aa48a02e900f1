//! Reading a transcript: only what is new, only whole lines, never more of a line than fits.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use codex_turn::{Checkpoint, ThreadMeta, Transcript};

/// The longest line that is taken in, in bytes; longer ones are passed over.
const MAX_LINE: usize = 64 * 1024 * 1024;

/// How far back the first look at a thread reaches, in bytes. What lies before is history.
const FIRST_LOOK: u64 = 16 * 1024 * 1024;

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

/// Opens a transcript at a checkpoint. At a first look that is its beginning, or a place within
/// reach of its end; a transcript that has become shorter is another one and looked at first.
pub(crate) fn open(path: &Path, checkpoint: Option<Checkpoint>) -> io::Result<Opened> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut first_line = Vec::new();
    BufReader::new(&mut file).take(MAX_LINE as u64).read_until(b'\n', &mut first_line)?;
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
