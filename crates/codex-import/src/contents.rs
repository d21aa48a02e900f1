//! The second pass of an import: the spans of turns that are recorded, with their contents.

use std::sync::mpsc::SyncSender;

use codex_turn::{TranscriptTurn, fuse};
use otlp_model::{SpanBatch, Turn, Value};
use trace_store::TraceStore;
use trace_store::usage::{Pass, SourceProgress};

use crate::lines::Reads;
use crate::queue::{Job, Queue};
use crate::run::{ImportError, LeftOut, Progress};
use crate::{Found, read};

/// How many turns are read before they are written. Each may have some megabytes.
const AHEAD: usize = 4;

/// How much is written in one transaction, about, in bytes. Another process may write in between.
const TRANSACTION: usize = 4 * 1024 * 1024;

/// What became of contents.
#[derive(Debug, Default)]
pub struct ContentSummary {
    /// Transcripts that were read.
    pub files: usize,
    /// Bytes of these that were new.
    pub bytes: u64,
    /// Turns whose spans were read.
    pub turns: u64,
    /// Spans that were not stored before.
    pub spans: u64,
    /// What could not be read.
    pub left_out: Vec<LeftOut>,
}

/// Reads what is new in transcripts as spans, and takes it into the index. `spans` makes those of a turn
/// as a target gets them. Turns that go on come later, and what live tracing stored stays.
pub fn import_contents(
    store: &mut TraceStore,
    found: &Found,
    spans: &(dyn Fn(Turn) -> SpanBatch + Sync),
    on_progress: &mut dyn FnMut(Progress),
) -> Result<ContentSummary, ImportError> {
    let queue = Queue::new(found, store, Pass::Contents, None)?;
    let mut progress = queue.progress();
    let mut writer =
        Writer { store, summary: ContentSummary::default(), pending: Pending::default() };
    queue.run(
        AHEAD,
        |job, _: &mut (), sender| whole(&queue, job, spans, sender),
        |piece| {
            if let Piece::End { bytes, .. } = &piece {
                progress.files += 1;
                progress.bytes += bytes;
                on_progress(progress);
            }
            writer.take(piece)
        },
    )?;
    writer.flush()?;
    Ok(writer.summary)
}

/// What was read of a file.
enum Piece {
    Turn(SpanBatch),
    End { bytes: u64, result: Result<SourceProgress, LeftOut> },
}

/// Reads one file.
fn whole(
    queue: &Queue<'_>,
    job: &Job<'_>,
    spans: &(dyn Fn(Turn) -> SpanBatch + Sync),
    sender: &SyncSender<Piece>,
) {
    let mut origin = None;
    let take = &mut |mut turns: Vec<TranscriptTurn>, _| {
        queue.mark_copies(&mut turns, &mut origin);
        for turn in turns {
            if turn.has_ended() && !turn.is_copied() {
                // The writer may have ended.
                let _ = sender.send(Piece::Turn(spans(fuse(&turn, &[]))));
            }
        }
    };
    let result = read::read(job.file, Reads::Contents, job.before.as_ref(), take)
        .map_err(|error| LeftOut { path: job.file.path.clone(), error });
    let _ = sender.send(Piece::End { bytes: job.bytes(), result });
}

/// What the next transaction writes.
#[derive(Default)]
struct Pending {
    batches: Vec<SpanBatch>,
    sources: Vec<SourceProgress>,
    bytes: usize,
}

struct Writer<'a> {
    store: &'a mut TraceStore,
    summary: ContentSummary,
    pending: Pending,
}

impl Writer<'_> {
    fn take(&mut self, piece: Piece) -> Result<(), ImportError> {
        let Self { summary, pending, .. } = self;
        match piece {
            Piece::Turn(batch) => {
                summary.turns += 1;
                pending.bytes += size(&batch);
                pending.batches.push(batch);
            }
            Piece::End { bytes, result } => {
                summary.files += 1;
                summary.bytes += bytes;
                match result {
                    Ok(source) => pending.sources.push(source),
                    Err(left_out) => summary.left_out.push(left_out),
                }
            }
        }
        if self.pending.bytes >= TRANSACTION { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ImportError> {
        let Pending { batches, sources, .. } = std::mem::take(&mut self.pending);
        self.summary.spans += self.store.insert_imported(&batches, &sources)?.spans as u64;
        self.store.index()?;
        Ok(())
    }
}

/// About how much a batch takes, in bytes.
fn size(batch: &SpanBatch) -> usize {
    const SPAN: usize = 512;
    let attributes = batch.spans.iter().flat_map(|span| &span.attributes);
    let texts = attributes.map(|attribute| match &attribute.value {
        Value::String(text) => text.len(),
        _ => 0,
    });
    texts.sum::<usize>() + SPAN * batch.spans.len()
}
