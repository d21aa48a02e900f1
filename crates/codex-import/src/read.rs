//! One transcript, from where it was read before.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::time::{Duration, SystemTime};

use codex_home::sessions;
use codex_turn::{Checkpoint, RateLimits, ThreadMeta, Transcript, TranscriptTurn};
use otlp_model::SpanId;
use trace_store::usage::SourceProgress;

use crate::files;
use crate::lines::{Lines, Reads, Stopped};

/// How much of the text before a place is compared, in bytes.
const MARK: u64 = 512;

/// The first line is mostly instructions, of which nothing is needed.
pub(crate) const FIRST_LINE_TEXTS: usize = 4096;

/// How long nothing may be written until a turn that goes on is taken for one that was given up.
pub(crate) const SILENCE: Duration = Duration::from_secs(30 * 60);

/// Reads what is new in a transcript, and hands out its turns in pieces, in their order: those that go on
/// come again later. Returns how far it was read.
pub(crate) fn read(
    file: &files::Transcript,
    reads: Reads,
    before: Option<&SourceProgress>,
    take: &mut dyn FnMut(Vec<TranscriptTurn>, Vec<RateLimits>),
) -> io::Result<SourceProgress> {
    let mut pass = Pass::open(file, reads, before)?;
    while pass.piece(take)? == Stopped::Full {}
    pass.progress()
}

/// All turns of a transcript.
pub(crate) fn turns(file: &files::Transcript) -> io::Result<Vec<TranscriptTurn>> {
    let mut turns = Vec::new();
    read(file, Reads::Counts, None, &mut |piece, _| turns.extend(piece))?;
    Ok(turns)
}

/// A file that is being read.
struct Pass<'a> {
    file: &'a files::Transcript,
    reads: Reads,
    text: File,
    meta: ThreadMeta,
    /// Where reading goes on.
    at: Checkpoint,
    /// Up to where problems were counted.
    judged: u64,
    progress: SourceProgress,
    /// What the piece says of rate limits.
    limits: Vec<RateLimits>,
}

impl<'a> Pass<'a> {
    fn open(
        file: &'a files::Transcript,
        reads: Reads,
        before: Option<&SourceProgress>,
    ) -> io::Result<Self> {
        let mut text = sessions::open_text(&file.path)?;
        let mut begin = BufReader::with_capacity(16 * 1024, &mut text);
        let meta = ThreadMeta::read(&mut begin, FIRST_LINE_TEXTS)?;
        let is_known = |before: &&SourceProgress| {
            mark(&mut text, before.offset).is_ok_and(|mark| mark == before.mark)
        };
        let known = before.filter(is_known);
        let at = match known {
            Some(known) => {
                Checkpoint { offset: known.offset, turns: known.turns, total_tokens: known.tokens }
            }
            None => start(file),
        };
        let progress = SourceProgress {
            path: path_text(file).into_owned(),
            thread_id: meta.thread_id.clone(),
            size: file.size,
            modified_ns: file.modified_ns,
            copies: known.map_or(0, |known| known.copies),
            unreadable: known.map_or(0, |known| known.unreadable),
            ..SourceProgress::default()
        };
        let judged = known.map_or(0, |known| known.size);
        Ok(Self { file, reads, text, meta, at, judged, progress, limits: Vec::new() })
    }

    /// Reads until there is no more, or enough to be taken in first.
    fn piece(
        &mut self,
        take: &mut dyn FnMut(Vec<TranscriptTurn>, Vec<RateLimits>),
    ) -> io::Result<Stopped> {
        let (mut stopped, mut turns, mut next) = self.turns(true)?;
        if stopped == Stopped::Full && next.offset <= self.at.offset {
            // One turn is so much: what overlaps is read as a whole.
            (stopped, turns, next) = self.turns(false)?;
        }
        if stopped == Stopped::Full {
            turns.retain(|turn| turn.has_ended() && turn.checkpoint.offset <= next.offset);
        }
        self.at = next;
        self.progress.is_open = turns.iter().any(|turn| !turn.has_ended());
        take(turns, std::mem::take(&mut self.limits));
        Ok(stopped)
    }

    /// Reads turns from where reading goes on; says from where the next piece does.
    fn turns(
        &mut self,
        until_full: bool,
    ) -> io::Result<(Stopped, Vec<TranscriptTurn>, Checkpoint)> {
        self.text.seek(SeekFrom::Start(self.at.offset))?;
        let mut transcript = Transcript::resume(self.meta.clone(), self.at);
        if self.reads == Reads::Counts {
            transcript = transcript.with_text_limit(0);
        }
        let stopped = Lines::new(&self.text, self.reads).feed(&mut transcript, until_full)?;
        let end = transcript.at();
        self.limits = transcript.take_rate_limits();
        let (mut turns, problems) = transcript.finish();
        let new = problems.iter().filter(|problem| problem.offset >= self.judged).count();
        self.progress.unreadable += new as u64;
        self.judged = self.judged.max(end.offset);
        if stopped == Stopped::AtEnd && is_silent(self.file) {
            turns.iter_mut().for_each(TranscriptTurn::abandon);
        }
        let settled = turns.iter().take_while(|turn| turn.has_ended());
        let next = settled.last().map_or(self.at, |turn| turn.checkpoint);
        Ok((stopped, turns, next))
    }

    fn progress(mut self) -> io::Result<SourceProgress> {
        let Checkpoint { offset, turns, total_tokens } = self.at;
        let mark = mark(&mut self.text, offset)?;
        Ok(SourceProgress { offset, turns, tokens: total_tokens, mark, ..self.progress })
    }
}

/// How the store names a file.
pub(crate) fn path_text(file: &files::Transcript) -> Cow<'_, str> {
    file.path.to_string_lossy()
}

/// The beginning of a transcript. Only a thread's first file has its first turn.
fn start(file: &files::Transcript) -> Checkpoint {
    let is_first = file.name().is_none_or(|name| name.segment.is_none());
    Checkpoint { turns: is_first.then_some(0), ..Checkpoint::START }
}

fn is_silent(file: &files::Transcript) -> bool {
    let modified = SystemTime::UNIX_EPOCH + Duration::from_nanos(file.modified_ns);
    SystemTime::now().duration_since(modified).unwrap_or_default() >= SILENCE
}

/// What the text before a place is recognised by.
fn mark(text: &mut File, offset: u64) -> io::Result<Vec<u8>> {
    let from = offset.saturating_sub(MARK);
    text.seek(SeekFrom::Start(from))?;
    let mut before = Vec::new();
    text.take(offset - from).read_to_end(&mut before)?;
    if before.len() as u64 != offset - from {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(SpanId::derive(&[&String::from_utf8_lossy(&before)]).0.to_vec())
}
