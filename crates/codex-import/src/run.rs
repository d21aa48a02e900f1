//! The first pass of an import: records of turns, without contents.

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;

use codex_turn::TranscriptTurn;
use trace_store::usage::{Pass, QuotaReading, Recorded, SourceProgress, TurnRecord};
use trace_store::{InsertError, QueryError, TraceStore};

use crate::files::Found;
use crate::git::Folders;
use crate::lines::Reads;
use crate::queue::{Job, Queue};
use crate::read;
use crate::record::{self, Facts};

/// How many pieces are read before they are written.
const AHEAD: usize = 64;

/// How many calls are written in one transaction, about. Another process may write in between.
const TRANSACTION: usize = 50_000;

/// What is to be imported.
#[derive(Debug)]
pub struct Request<'a> {
    /// The transcripts.
    pub found: &'a Found,
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
    /// Turns that are left out, because those of their time were dropped from the store.
    pub dropped: u64,
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
    let Request { found, facts, changed_since, dry_run } = request;
    let queue = Queue::new(found, store, Pass::Numbers, changed_since)?;
    let left_out = found.unreadable.iter().map(|(path, error)| LeftOut {
        path: path.clone(),
        error: io::Error::new(error.kind(), error.to_string()),
    });
    let summary = Summary {
        files: found.transcripts.len(),
        unchanged: queue.unchanged,
        older: queue.older,
        left_out: left_out.collect(),
        ..Summary::default()
    };
    let mut progress = queue.progress();
    let mut writer = Writer { store, dry_run, summary, pending: Pending::default() };
    queue.run(
        AHEAD,
        |job, folders, sender| whole(&queue, job, facts, folders, sender),
        |piece: Piece| {
            if let Some(end) = &piece.end {
                progress.files += 1;
                progress.bytes += end.bytes;
                on_progress(progress);
            }
            writer.take(piece)
        },
    )?;
    writer.flush()?;
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

/// Reads one file; of a large one, pieces are sent before the last one.
fn whole(
    queue: &Queue<'_>,
    job: &Job<'_>,
    facts: &Facts,
    folders: &mut Folders,
    sender: &SyncSender<Piece>,
) {
    let mut last = Piece::default();
    let mut copies = 0;
    let mut origin = None;
    let result = read::read(
        job.file,
        Reads::Counts,
        job.before.as_ref(),
        &mut |mut turns: Vec<TranscriptTurn>, limits| {
            last.quota.extend(limits.iter().flat_map(record::quota_readings));
            if !last.turns.is_empty() {
                // The writer may have ended.
                let _ = sender.send(std::mem::take(&mut last));
            }
            queue.mark_copies(&mut turns, &mut origin);
            for turn in &turns {
                if turn.is_copied() {
                    copies += 1;
                    last.copies += 1;
                } else {
                    last.turns.push(facts.record(turn, folders));
                }
            }
        },
    );
    let result =
        result.map(|progress| SourceProgress { copies: progress.copies + copies, ..progress });
    let result = result.map_err(|error| LeftOut { path: job.file.path.clone(), error });
    last.end = Some(End { bytes: job.bytes(), result });
    let _ = sender.send(last);
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
        self.summary.dropped += recorded.dropped;
        Ok(())
    }
}
