//! All files of a thread, read as one transcript.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use codex_home::sessions;
use codex_turn::{
    Checkpoint, NotifyPayload, Problem, RateLimits, ThreadMeta, Transcript, TranscriptTurn,
};

use otlp_model::UnixNanos;

use crate::state::ThreadState;
use crate::transcript_lookup::{self, Found, Reach, ThreadFile};
use crate::transcript_reader::{self, Mark, Opened, ReadUntil, Stopped, Tail};

/// What is to be read.
pub(crate) struct Request<'a> {
    pub(crate) codex_home: &'a Path,
    pub(crate) thread_id: &'a str,
    /// Where Codex said that the transcript is.
    pub(crate) named: Option<&'a Path>,
    /// How far the files were read.
    pub(crate) state: &'a ThreadState,
    /// Reading goes on until the turn of this payload has ended.
    pub(crate) awaited: Option<&'a NotifyPayload>,
    /// Whether Codex writes a transcript of the thread: it may come late.
    pub(crate) is_expected: bool,
    /// How long nothing may be written until a turn that goes on is taken for one that was given up,
    /// unless a process has its file open for writing.
    pub(crate) silence: Duration,
    /// When the newest file was last seen to be written to or closed.
    pub(crate) closed: Option<UnixNanos>,
    /// The length up to which texts are kept, in bytes.
    pub(crate) text_limit: usize,
    /// When to stop reading what is there.
    pub(crate) read_until: ReadUntil,
    /// When to stop waiting for more.
    pub(crate) wait_until: Instant,
}

/// What the files of a thread say, from where each of them was read before.
#[derive(Default)]
pub(crate) struct Reading {
    /// The turns of all files, in their order.
    pub(crate) turns: Vec<TranscriptTurn>,
    pub(crate) files: Vec<FileReading>,
    /// What was last said of the limits of a subscription.
    pub(crate) limits: Option<RateLimits>,
    /// The files that cannot be read, and why.
    pub(crate) unreadable: Vec<(PathBuf, io::Error)>,
}

/// What one of the files says.
pub(crate) struct FileReading {
    pub(crate) file: ThreadFile,
    pub(crate) meta: ThreadMeta,
    /// Whether it was read from its beginning.
    pub(crate) is_whole: bool,
    /// Which of the turns are in it.
    pub(crate) turns: Range<usize>,
    pub(crate) problems: Vec<Problem>,
    /// Where reading came to its end.
    pub(crate) end: Checkpoint,
    /// Why there is more in the file than that; none where it was read to its end. The files after it
    /// were not read then.
    pub(crate) stopped: Option<Stopped>,
    /// Where reading of a new thread began, if that was not at the file's beginning.
    pub(crate) left_out: Option<u64>,
    tail: Tail,
}

impl Reading {
    /// Whether the turns that were read are to be exported before more is read.
    pub(crate) fn is_full(&self) -> bool {
        self.files.last().is_some_and(|file| file.stopped == Some(Stopped::Full))
    }

    fn add(&mut self, open: OpenFile, silence: Duration, closed: Option<UnixNanos>) {
        let OpenFile { file, meta, mut transcript, mut tail, stopped } = open;
        if stopped == Some(Stopped::OutOfTime) {
            tail.give_up(&mut transcript);
        }
        let end = transcript.at();
        self.limits = transcript.take_rate_limits().pop().or(self.limits.take());
        let (mut turns, problems) = transcript.finish();
        if stopped.is_none() {
            // Turns stay as they are where the file has no metadata.
            let _ = transcript_reader::judge_open_turns(&mut turns, &file.path, silence, closed);
        }
        let first = self.turns.len();
        self.turns.append(&mut turns);
        let begin = tail.begin().offset;
        self.files.push(FileReading {
            file,
            meta,
            is_whole: begin == 0,
            turns: first..self.turns.len(),
            problems,
            end,
            stopped,
            left_out: tail.is_behind_others.then_some(begin),
            tail,
        });
    }

    /// What could not be understood, and where.
    pub(crate) fn problems(&self) -> impl Iterator<Item = (&Path, &Problem)> {
        self.files.iter().flat_map(|reading| {
            reading.problems.iter().map(|problem| (&*reading.file.path, problem))
        })
    }
}

impl FileReading {
    /// A place from which a later run goes on.
    pub(crate) fn mark(&self, checkpoint: Checkpoint) -> Mark {
        self.tail.mark(checkpoint)
    }
}

/// Reads what is new in the files of a thread; none where it has no file. Waits for files and lines
/// that are to come.
pub(crate) fn read(request: &Request<'_>) -> Option<Reading> {
    let mut reader = Reader { request, open: Vec::new(), unreadable: Vec::new() };
    // What was there before is known; what is new, Codex makes now.
    let now = SystemTime::now();
    let near = Reach::Since(request.state.reconciled().map_or(now, |last| last.min(now)));
    let is_near = request.awaited.is_some() && request.state.reconciled().is_some();
    let mut found = reader.find(if is_near { near } else { Reach::Everywhere });
    let mut pause = Duration::from_millis(1);
    loop {
        reader.pull(&found);
        if reader.is_done(&found) {
            break;
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
        found = reader.find(near);
    }
    if is_near && !reader.has_awaited() {
        reader.pull(&reader.find(Reach::Everywhere));
    }
    let is_there = !reader.open.is_empty() || !reader.unreadable.is_empty();
    is_there.then(|| reader.finish())
}

struct Reader<'a> {
    request: &'a Request<'a>,
    open: Vec<OpenFile>,
    unreadable: Vec<(PathBuf, io::Error)>,
}

struct OpenFile {
    file: ThreadFile,
    meta: ThreadMeta,
    transcript: Transcript,
    tail: Tail,
    stopped: Option<Stopped>,
}

impl Reader<'_> {
    fn find(&self, reach: Reach) -> Found {
        let Request { codex_home, thread_id, named, state, .. } = self.request;
        let mut found =
            transcript_lookup::files(codex_home, thread_id, &state.known_files(), reach);
        if let Some(named) = named.filter(|named| found.files.is_empty() && named.is_file()) {
            found.files.push(ThreadFile::at(named, thread_id));
        }
        found
    }

    /// Takes in what is there now.
    fn pull(&mut self, found: &Found) {
        let no_file = |path: &PathBuf| (path.clone(), io::Error::other("it is no regular file"));
        self.unreadable = found.others.iter().map(no_file).collect();
        for file in &found.files {
            match self.pull_file(file) {
                Ok(None) => {}
                // Their turns count on from those of this file.
                Ok(Some(_)) => return,
                Err(error) => self.unreadable.push((file.path.clone(), error)),
            }
        }
    }

    fn pull_file(&mut self, file: &ThreadFile) -> io::Result<Option<Stopped>> {
        let place = self.open.iter().position(|open| open.file.id == file.id);
        let Some(place) = place.map_or_else(|| self.open(file), |place| Ok(Some(place)))? else {
            return Ok(None);
        };
        let OpenFile { transcript, tail, stopped, .. } = &mut self.open[place];
        *stopped = tail.pull(transcript, self.request.read_until)?;
        Ok(*stopped)
    }

    /// Opens the next file of the thread, whose turns count on from those of the files before it. None
    /// where Codex has yet to write its first line.
    fn open(&mut self, file: &ThreadFile) -> io::Result<Option<usize>> {
        let Request { thread_id, state, awaited, read_until, .. } = self.request;
        let before = match self.open.last() {
            Some(last) => last.transcript.at().turns,
            None => (file.id == *thread_id).then_some(0),
        };
        let start = Checkpoint { turns: before, ..Checkpoint::START };
        let opened = match transcript_reader::open(
            &file.path,
            state.mark(file).as_ref(),
            start,
            *read_until,
        ) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && awaited.is_none() => {
                return Ok(None);
            }
            opened => opened?,
        };
        let Opened { meta, tail } = opened;
        let transcript = Transcript::resume(meta.clone(), tail.begin());
        let transcript = transcript.with_text_limit(self.request.text_limit);
        self.open.push(OpenFile { file: file.clone(), meta, transcript, tail, stopped: None });
        Ok(Some(self.open.len() - 1))
    }

    fn is_done(&self, found: &Found) -> bool {
        let Request { awaited, is_expected, wait_until, codex_home, .. } = self.request;
        if awaited.is_none() {
            return true;
        }
        let is_hopeless = found.files.is_empty()
            && (!found.others.is_empty() || !is_expected || !sessions::folder(codex_home).is_dir());
        is_hopeless
            || self.open.iter().any(|open| open.stopped.is_some())
            || self.has_awaited()
            || Instant::now() >= *wait_until
    }

    /// Whether the awaited turn has been read to its end.
    fn has_awaited(&self) -> bool {
        let has_ended = |payload| self.open.iter().any(|open| open.transcript.has_ended(payload));
        self.request.awaited.is_some_and(has_ended)
    }

    fn finish(self) -> Reading {
        let Self { request, open, unreadable } = self;
        let mut reading = Reading { unreadable, ..Reading::default() };
        let newest = open.len().saturating_sub(1);
        for (place, open) in open.into_iter().enumerate() {
            // Nothing more is written to a file after another one was begun.
            let silence = if place == newest { request.silence } else { Duration::ZERO };
            let closed = request.closed.filter(|_| place == newest);
            reading.add(open, silence, closed);
        }
        reading
    }
}
