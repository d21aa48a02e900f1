//! The files that are to be read: readers in threads of their own take one after the other, and one
//! writer takes what they read.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codex_turn::{TranscriptTurn, mark_copies};
use trace_store::usage::{Pass, SourceProgress, SourceState};
use trace_store::{QueryError, TraceStore};

use crate::files::Transcript;
use crate::run::Progress;
use crate::{Found, read};

/// How many readers there are at most: more of them only wait for the writer.
const READERS: usize = 4;

/// The files that are to be read.
pub(crate) struct Queue<'a> {
    jobs: Vec<Job<'a>>,
    next: AtomicUsize,
    stop: AtomicBool,
    transcripts: &'a [Transcript],
    /// Files with nothing new.
    pub(crate) unchanged: usize,
    /// Files that were not changed in the time that is asked for.
    pub(crate) older: usize,
}

/// A file that is to be read.
pub(crate) struct Job<'a> {
    pub(crate) file: &'a Transcript,
    pub(crate) before: Option<SourceProgress>,
}

impl Job<'_> {
    /// How much of it is new, in bytes, as far as sizes tell.
    pub(crate) fn bytes(&self) -> u64 {
        let read = self.before.as_ref().map_or(0, |before| before.offset);
        self.file.size.saturating_sub(read)
    }
}

impl<'a> Queue<'a> {
    /// All files.
    pub(crate) fn all(found: &'a Found) -> Self {
        let jobs = found.transcripts.iter().map(|file| Job { file, before: None });
        Self {
            jobs: jobs.collect(),
            next: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            transcripts: &found.transcripts,
            unchanged: 0,
            older: 0,
        }
    }

    /// The files in which there is something new for this pass.
    pub(crate) fn new(
        found: &'a Found,
        store: &TraceStore,
        pass: Pass,
        changed_since: Option<u64>,
    ) -> Result<Self, QueryError> {
        let files = found.transcripts.iter().map(|file| (read::path_text(file), file));
        let mut files: HashMap<Cow<'_, str>, &Transcript> = files.collect();
        let now = SystemTime::now();
        let before = store.sources_that(pass, &mut |source| {
            let Some(file) = files.get(source.path) else { return false };
            let is_new = !is_unchanged(file, source, now);
            if !is_new {
                files.remove(source.path);
            }
            is_new
        })?;
        let before = before.into_iter().map(|source| (source.path.clone(), source));
        let mut before: HashMap<String, SourceProgress> = before.collect();
        let mut queue = Self { jobs: Vec::with_capacity(files.len()), ..Self::all(found) };
        queue.unchanged = found.transcripts.len() - files.len();
        for file in &found.transcripts {
            let path = read::path_text(file);
            if !files.contains_key(&path) {
                continue;
            }
            if changed_since.is_some_and(|since| file.modified_ns < since) {
                queue.older += 1;
            } else {
                queue.jobs.push(Job { file, before: before.remove(&*path) });
            }
        }
        Ok(queue)
    }

    /// What is to be done.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            all_files: self.jobs.len(),
            all_bytes: self.jobs.iter().map(Job::bytes).sum(),
            ..Progress::default()
        }
    }

    /// Reads the files, up to `ahead` pieces before they are taken. Ends when all are read, or with the
    /// error of what takes the pieces.
    pub(crate) fn run<S: Default, P: Send, E>(
        &self,
        ahead: usize,
        read: impl Fn(&Job<'_>, &mut S, &SyncSender<P>) + Sync,
        mut take: impl FnMut(P) -> Result<(), E>,
    ) -> Result<(), E> {
        thread::scope(|scope| {
            let readers = thread::available_parallelism().map_or(1, usize::from).min(READERS);
            let (sender, pieces) = sync_channel(ahead);
            for _ in 0..readers.min(self.jobs.len()) {
                let (sender, read) = (sender.clone(), &read);
                scope.spawn(move || {
                    let mut state = S::default();
                    while let Some(job) = self.jobs.get(self.next.fetch_add(1, Ordering::Relaxed))
                        && !self.stop.load(Ordering::Relaxed)
                    {
                        read(job, &mut state, &sender);
                    }
                });
            }
            drop(sender);
            for piece in pieces {
                if let Err(error) = take(piece) {
                    self.stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
            Ok(())
        })
    }

    /// Marks the turns that a fork of an old version repeats. `origin` keeps the turns of the thread that
    /// it was forked off.
    pub(crate) fn mark_copies(
        &self,
        turns: &mut [TranscriptTurn],
        origin: &mut Option<Vec<TranscriptTurn>>,
    ) {
        let Some(first) = turns.iter().find(|turn| turn.may_be_copied()) else { return };
        let thread = first.meta.forked_from_id.as_deref().unwrap_or_default();
        let originals = origin.get_or_insert_with(|| {
            let is_origin =
                |file: &&Transcript| file.name().is_some_and(|name| name.thread == thread);
            let files = self.transcripts.iter().filter(is_origin);
            files.filter_map(|file| read::turns(file).ok()).flatten().collect()
        });
        mark_copies(turns, originals);
    }
}

/// Whether there is nothing new in a file. A turn that went on in it may have been given up since.
fn is_unchanged(file: &Transcript, before: SourceState<'_>, now: SystemTime) -> bool {
    let is_same = file.size == before.size && file.modified_ns == before.modified_ns;
    let changed = UNIX_EPOCH + Duration::from_nanos(before.modified_ns);
    let silence = || now.duration_since(changed).unwrap_or_default();
    is_same && !(before.is_open && silence() >= read::SILENCE)
}
