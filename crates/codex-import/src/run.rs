//! The import as a whole: readers in threads of their own, and one writer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codex_turn::{TranscriptTurn, mark_copies};
use trace_store::usage::{QuotaReading, Recorded, SourceProgress, TurnRecord};
use trace_store::{InsertError, QueryError, TraceStore};

use crate::files::{self, Found};
use crate::git::Folders;
use crate::read;
use crate::record::{self, Facts};

/// How many readers there are at most: more of them only wait for the writer.
const READERS: usize = 4;

/// What was read and waits for the writer, in pieces.
const AHEAD: usize = 64;

/// How many calls are written in one transaction, about. Another process may write in between.
const TRANSACTION: usize = 50_000;

/// What is to be imported.
#[derive(Debug)]
pub struct Request<'a> {
    /// The transcripts.
    pub found: Found,
    /// What is the same for all turns.
    pub facts: &'a Facts,
    /// Files that were not changed since are left for later, in nanoseconds since the Unix epoch.
    pub changed_since: Option<u64>,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Files that were read.
    pub files: usize,
    /// Files that are to be read.
    pub all_files: usize,
    /// Bytes of those that were read.
    pub bytes: u64,
    /// Bytes that are to be read.
    pub all_bytes: u64,
}

/// Why something is not among the figures.
#[derive(Debug)]
pub struct LeftOut {
    /// The file or folder.
    pub path: PathBuf,
    /// Why it cannot be read.
    pub error: io::Error,
}

/// What an import did.
#[derive(Debug, Default)]
pub struct Summary {
    /// Transcripts that were found.
    pub files: usize,
    /// Transcripts that had not changed since the last import.
    pub unchanged: usize,
    /// Transcripts that were left for later: nothing was written to them in the time that was asked for.
    pub older: usize,
    /// Transcripts that were read.
    pub read: usize,
    /// Bytes of these that were new.
    pub bytes: u64,
    /// Turns that were not recorded before; in a dry run, all that were read.
    pub new: u64,
    /// Turns of which more is known now.
    pub changed: u64,
    /// Turns that were recorded already.
    pub known: u64,
    /// Turns that are another thread's, which a fork repeats: they count there.
    pub copies: u64,
    /// Records that were not understood.
    pub unreadable_records: u64,
    /// Calls of the turns that were read.
    pub calls: u64,
    /// Tokens of the turns that were read.
    pub tokens: u64,
    /// What could not be read.
    pub left_out: Vec<LeftOut>,
}

/// An import could not be carried out. What was written until then stays, and the next one goes on there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store cannot be written.
    #[error(transparent)]
    Write(#[from] InsertError),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] QueryError),
}

/// Reads what is new in transcripts into the store.
pub fn import(
    store: &mut TraceStore,
    request: Request<'_>,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Summary, ImportError> {
    let known = store.sources()?.into_iter().map(|source| (source.path.clone(), source));
    let known: HashMap<String, SourceProgress> = known.collect();
    let Request { found, facts, changed_since, dry_run } = request;
    let mut summary = Summary { files: found.transcripts.len(), ..Summary::default() };
    let left_out = |(path, error)| LeftOut { path, error };
    summary.left_out.extend(found.unreadable.into_iter().map(left_out));
    let mut jobs = Vec::new();
    for file in &found.transcripts {
        let before = known.get(&read::path_text(file));
        if before.is_some_and(|before| is_unchanged(file, before)) {
            summary.unchanged += 1;
        } else if changed_since.is_some_and(|since| file.modified_ns < since) {
            summary.older += 1;
        } else {
            jobs.push(Job { file, before });
        }
    }
    if jobs.is_empty() {
        return Ok(summary);
    }
    let all = Jobs {
        jobs,
        next: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        facts,
        transcripts: &found.transcripts,
    };
    let mut writer = Writer { store, dry_run, summary, pending: Pending::default() };
    let mut progress = Progress {
        all_files: all.jobs.len(),
        all_bytes: all.jobs.iter().map(Job::bytes).sum(),
        ..Progress::default()
    };
    thread::scope(|scope| {
        let readers = thread::available_parallelism().map_or(1, usize::from).min(READERS);
        let (sender, results) = sync_channel(AHEAD);
        for _ in 0..readers.min(all.jobs.len()) {
            let (sender, all) = (sender.clone(), &all);
            scope.spawn(move || all.read(&sender));
        }
        drop(sender);
        for piece in results {
            if let Some(end) = &piece.end {
                progress.files += 1;
                progress.bytes += end.bytes;
                on_progress(progress);
            }
            if let Err(error) = writer.take(piece) {
                all.stop.store(true, Ordering::Relaxed);
                return Err(error);
            }
        }
        writer.flush()
    })?;
    Ok(writer.summary)
}

/// Records the turns of spans that were stored since the last time, such as those that live tracing
/// stored.
pub fn record_spans(store: &mut TraceStore, facts: &Facts) -> Result<Recorded, InsertError> {
    let folders = RefCell::new(Folders::default());
    store.record_spans(&|turn| {
        facts.complete(&mut turn.place, &mut folders.borrow_mut());
        turn.calls.iter_mut().for_each(|call| facts.note_prices(call));
    })
}

/// Whether there is nothing new in a file. A turn that went on in it may have been given up since.
fn is_unchanged(file: &files::Transcript, before: &SourceProgress) -> bool {
    let is_same = file.size == before.size && file.modified_ns == before.modified_ns;
    let changed = UNIX_EPOCH + Duration::from_nanos(before.modified_ns);
    let silence = SystemTime::now().duration_since(changed).unwrap_or_default();
    is_same && !(before.is_open && silence >= read::SILENCE)
}

/// A file that is to be read.
struct Job<'a> {
    file: &'a files::Transcript,
    before: Option<&'a SourceProgress>,
}

impl Job<'_> {
    /// How much of it is new, in bytes, as far as sizes tell.
    fn bytes(&self) -> u64 {
        let read = self.before.map_or(0, |before| before.offset);
        self.file.size.saturating_sub(read)
    }
}

/// What was read of a file.
#[derive(Default)]
struct Piece {
    turns: Vec<TurnRecord>,
    quota: Vec<QuotaReading>,
    copies: u64,
    /// The last piece has the end of the file.
    end: Option<End>,
}

struct End {
    bytes: u64,
    result: Result<SourceProgress, LeftOut>,
}

/// The files that are to be read, which readers take one after the other.
struct Jobs<'a> {
    jobs: Vec<Job<'a>>,
    next: AtomicUsize,
    stop: AtomicBool,
    facts: &'a Facts,
    transcripts: &'a [files::Transcript],
}

impl Jobs<'_> {
    fn read(&self, sender: &SyncSender<Piece>) {
        let mut folders = Folders::default();
        while let Some(job) = self.jobs.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            // The writer takes no more after a failure.
            if self.stop.load(Ordering::Relaxed)
                || sender.send(self.whole(job, &mut folders, sender)).is_err()
            {
                return;
            }
        }
    }

    /// Reads one file; of a large one, pieces are sent before the last one, which is returned.
    fn whole(&self, job: &Job<'_>, folders: &mut Folders, sender: &SyncSender<Piece>) -> Piece {
        let mut last = Piece::default();
        let mut copies = 0;
        let mut origin = None;
        let result = read::read(job.file, job.before, &mut |mut turns, limits| {
            last.quota.extend(limits.iter().flat_map(record::quota));
            if !last.turns.is_empty() {
                // The writer has ended.
                let _ = sender.send(std::mem::take(&mut last));
            }
            self.mark_copies(&mut turns, &mut origin);
            for turn in &turns {
                if turn.is_copied() {
                    last.copies += 1;
                } else {
                    last.turns.push(self.facts.record(turn, folders));
                }
            }
            copies += last.copies;
        });
        let result =
            result.map(|progress| SourceProgress { copies: progress.copies + copies, ..progress });
        let result = result.map_err(|error| LeftOut { path: job.file.path.clone(), error });
        last.end = Some(End { bytes: job.bytes(), result });
        last
    }

    /// Marks the turns that a fork of an old version repeats.
    fn mark_copies(&self, turns: &mut [TranscriptTurn], origin: &mut Option<Vec<TranscriptTurn>>) {
        let Some(first) = turns.iter().find(|turn| turn.may_be_copied()) else { return };
        let thread = first.meta.forked_from_id.as_deref().unwrap_or_default();
        let originals = origin.get_or_insert_with(|| {
            let is_origin =
                |file: &&files::Transcript| file.name().is_some_and(|name| name.thread == thread);
            let files = self.transcripts.iter().filter(is_origin);
            files.filter_map(|file| read::turns(file).ok()).flatten().collect()
        });
        mark_copies(turns, originals);
    }
}

/// What the next transaction writes.
#[derive(Default)]
struct Pending {
    turns: Vec<TurnRecord>,
    quota: Vec<QuotaReading>,
    sources: Vec<SourceProgress>,
    calls: usize,
}

struct Writer<'a> {
    store: &'a mut TraceStore,
    dry_run: bool,
    summary: Summary,
    pending: Pending,
}

impl Writer<'_> {
    fn take(&mut self, piece: Piece) -> Result<(), ImportError> {
        let Self { summary, pending, .. } = self;
        summary.copies += piece.copies;
        for turn in &piece.turns {
            summary.calls += turn.calls.len() as u64;
            summary.tokens += turn.tokens();
            pending.calls += turn.calls.len() + 1;
        }
        pending.turns.extend(piece.turns);
        pending.quota.extend(piece.quota);
        if let Some(End { bytes, result }) = piece.end {
            summary.read += 1;
            summary.bytes += bytes;
            match result {
                Ok(source) => {
                    summary.unreadable_records += source.unreadable;
                    pending.sources.push(source);
                }
                Err(left_out) => summary.left_out.push(left_out),
            }
        }
        if self.pending.calls >= TRANSACTION { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ImportError> {
        let Pending { turns, quota, sources, .. } = std::mem::take(&mut self.pending);
        if self.dry_run {
            self.summary.new += turns.len() as u64;
            return Ok(());
        }
        let recorded = self.store.record(&turns, &quota, &sources)?;
        self.summary.new += recorded.new;
        self.summary.changed += recorded.changed;
        self.summary.known += recorded.known;
        Ok(())
    }
}
