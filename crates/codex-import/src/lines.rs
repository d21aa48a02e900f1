//! The lines of a file, of which only those are copied that are asked for.

use std::io::{self, Read};

use codex_turn::{Line, Transcript, has_second_record};
use memchr::memchr;

/// How much of a file is read at once, in bytes.
const PIECE: usize = 256 * 1024;

/// A file that is read line by line.
pub(crate) struct Lines<R> {
    file: R,
    buffer: Vec<u8>,
    /// What of the buffer was read from the file and not taken in.
    rest: std::ops::Range<usize>,
    line: Line,
    reads: Reads,
}

/// What is read of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// What counts, and no texts.
    Counts,
    /// Everything.
    Contents,
}

/// Why reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// There is no further whole line.
    AtEnd,
    /// So much was read that it is to be taken in before more is.
    Full,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(file: R, reads: Reads) -> Self {
        Self { file, buffer: vec![0; PIECE], rest: 0..0, line: Line::new(0), reads }
    }

    /// Feeds whole lines to a transcript, and passes over those that are not asked for.
    pub(crate) fn feed(
        &mut self,
        transcript: &mut Transcript,
        until_full: bool,
    ) -> io::Result<Stopped> {
        loop {
            let text = &self.buffer[self.rest.clone()];
            match memchr(b'\n', text) {
                Some(end) => {
                    let line = &text[..end];
                    if self.reads == Reads::Contents || transcript.may_count(line) {
                        self.line.clear(transcript.text_limit());
                        self.line.push(line);
                        transcript.read(&self.line);
                    } else {
                        transcript.pass(end as u64 + 1);
                    }
                    self.rest.start += end + 1;
                }
                None if self.rest.len() == self.buffer.len() => {
                    let has_end = self.feed_long_line(transcript)?;
                    if !has_end {
                        return Ok(Stopped::AtEnd);
                    }
                }
                None if self.fill()? == 0 => return Ok(Stopped::AtEnd),
                None => {}
            }
            if until_full && transcript.is_full() {
                return Ok(Stopped::Full);
            }
        }
    }

    /// Reads more of the file behind what is in the buffer; gives the number of bytes.
    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.rest.clone(), 0);
        self.rest = 0..self.rest.len();
        let read = loop {
            match self.file.read(&mut self.buffer[self.rest.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.rest.end += read;
        Ok(read)
    }

    /// Takes in a line that is longer than the buffer, which is full of it; says whether it has an end.
    fn feed_long_line(&mut self, transcript: &mut Transcript) -> io::Result<bool> {
        let counts =
            self.reads == Reads::Contents || transcript.may_count(&self.buffer[self.rest.clone()]);
        self.line.clear(transcript.text_limit());
        let (mut bytes, mut hides_another) = (0, false);
        loop {
            let text = &self.buffer[self.rest.clone()];
            let end = memchr(b'\n', text);
            let piece = &text[..end.unwrap_or(text.len())];
            bytes += piece.len() as u64;
            match counts {
                true => self.line.push(piece),
                false => hides_another |= bytes > piece.len() as u64 && has_second_record(piece),
            }
            self.rest.start += piece.len() + usize::from(end.is_some());
            if end.is_some() {
                match (counts, hides_another) {
                    (true, _) => transcript.read(&self.line),
                    (false, true) => transcript.skip(bytes + 1),
                    (false, false) => transcript.pass(bytes + 1),
                }
                return Ok(true);
            }
            if self.fill()? == 0 {
                return Ok(false);
            }
        }
    }
}
