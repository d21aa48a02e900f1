//! One transcript, read as it grows.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use codex_home::sessions;
use codex_turn::{
    Checkpoint, Line, RateLimits, ThreadMeta, Transcript, TranscriptTurn, TurnMark, fuse, turn_mark,
};

use crate::LiveTurn;

/// So much of a file is read at first, in bytes, if a turn begins there.
const FIRST_READ: u64 = 16 * 1024 * 1024;

/// How much is read at once, in bytes.
const PIECE: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Follower {
    file: File,
    meta: ThreadMeta,
    transcript: Transcript,
    /// The size of the file when it was read last.
    size: u64,
}

/// What was read of a file.
pub(crate) struct Read {
    /// The turns that changed.
    pub(crate) turns: Vec<LiveTurn>,
    pub(crate) limits: Option<RateLimits>,
}

impl Follower {
    /// Begins with the turns at the end of a file.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = sessions::open(path)?;
        let meta = ThreadMeta::read(&mut BufReader::new(&mut file), PIECE)?;
        let begin = begin(&mut file)?;
        let transcript = Transcript::resume(meta.clone(), begin);
        Ok(Self { file, meta, transcript, size: 0 })
    }

    /// The session: the thread at the root.
    pub(crate) fn session(&self) -> &str {
        &self.meta.root_thread_id
    }

    /// Reads what is new in a file that is so large now.
    pub(crate) fn read(&mut self, size: u64) -> io::Result<Read> {
        if size < self.transcript.at().offset {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if size == self.size {
            return Ok(Read { turns: Vec::new(), limits: None });
        }
        self.size = size;
        let before = self.transcript.at().offset;
        self.feed()?;
        let limits = self.transcript.take_rate_limits().pop();
        if self.transcript.at().offset == before {
            return Ok(Read { turns: Vec::new(), limits });
        }
        let (turns, _) = self.transcript.clone().finish();
        if let Some(last) = turns.last().filter(|_| turns.iter().all(TranscriptTurn::has_ended)) {
            // What has ended is not needed any more.
            self.transcript = Transcript::resume(self.meta.clone(), last.checkpoint);
        }
        let turns = turns.iter().filter(|turn| !turn.is_copied());
        let turns = turns.map(|turn| LiveTurn {
            turn: fuse(turn, &[]),
            thread: turn.meta.clone(),
            folder: turn.directory().map(str::to_owned),
            has_ended: turn.has_ended(),
        });
        Ok(Read { turns: turns.collect(), limits })
    }

    /// Takes in whole lines up to the end of the file.
    fn feed(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.transcript.at().offset))?;
        let mut text = BufReader::with_capacity(PIECE, &mut self.file);
        let mut line = Line::new(self.transcript.text_limit());
        while next_line(&mut text, &mut line)? {
            self.transcript.read(&line);
            line.clear(self.transcript.text_limit());
        }
        Ok(())
    }
}

/// Reads a line; says whether it has an end.
fn next_line(text: &mut impl BufRead, line: &mut Line) -> io::Result<bool> {
    loop {
        let buffer = text.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.unwrap_or(buffer.len());
        line.push(&buffer[..used]);
        text.consume(used + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// Where reading begins: of a long file at the first turn in its last part.
fn begin(file: &mut File) -> io::Result<Checkpoint> {
    let size = file.metadata()?.len();
    let Some(mut offset) = size.checked_sub(FIRST_READ) else { return Ok(Checkpoint::START) };
    file.seek(SeekFrom::Start(offset))?;
    let mut text = BufReader::with_capacity(PIECE, file);
    let mut line = Line::new(PIECE);
    let mut is_whole = false;
    while next_line(&mut text, &mut line)? {
        if is_whole
            && let codex_turn::ReadLine::Kept(kept) = line.read()
            && turn_mark(kept) == Some(TurnMark::Begin)
        {
            return Ok(Checkpoint { offset, ..Checkpoint::default() });
        }
        offset += line.bytes() + 1;
        is_whole = true;
        line.clear(PIECE);
    }
    Ok(Checkpoint::START)
}
