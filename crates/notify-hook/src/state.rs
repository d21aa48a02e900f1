//! What the hook remembers of a thread between two runs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use codex_config::Paths;
use codex_turn::Checkpoint;
use serde::{Deserialize, Serialize};

use crate::sending;
use crate::transcript_lookup::ThreadFile;
use crate::transcript_reader::Mark;

/// How many turns are remembered by name; older ones lie before the checkpoint.
const MAX_SENT: usize = 256;

/// A thread's memory, held under a lock: one run at a time reconciles a thread.
#[derive(Debug)]
pub struct ThreadState {
    file: PathBuf,
    unsent_mark: PathBuf,
    sending: PathBuf,
    _lock: File,
    is_new: bool,
    wire: Wire,
}

/// Why a thread's memory is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another run holds it for too long.
    #[error("`{path}` is held by another run")]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// The disk refuses.
    #[error("cannot open `{path}`")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The file's form. Unknown fields of later versions are dropped; missing ones are empty.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Wire {
    version: u32,
    /// When the thread was last reconciled, in seconds since the Unix epoch.
    #[serde(rename = "looked")]
    reconciled: Option<u64>,
    files: Vec<FileWire>,
    sent: Vec<String>,
    /// The latest turn id that has left `sent`.
    sent_through: Option<String>,
    /// The targets that have a turn which not all have.
    partly_sent: BTreeMap<String, Vec<String>>,
    pending: Vec<String>,
    /// Version 1 knew one file.
    #[serde(flatten, skip_serializing)]
    only_file: FileWire,
}

/// How far one of the thread's files was read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct FileWire {
    id: String,
    transcript: Option<PathBuf>,
    offset: u64,
    turns: Option<u64>,
    total_tokens: Option<u64>,
    before: Option<String>,
    settled: Option<u64>,
}

impl ThreadState {
    /// Opens a thread's memory, waiting for other runs until `deadline`. A file that does not parse
    /// counts as empty: turns are sent again then, with the same ids.
    pub fn open(paths: &Paths, thread_id: &str, deadline: Instant) -> Result<Self, StateError> {
        let name = file_name(thread_id);
        let folder = threads_folder(paths);
        let lock_path = folder.join(format!("{name}.lock"));
        let io_error = |path: &Path, source| StateError::Io { path: path.to_owned(), source };
        let lock =
            private_files::open(&lock_path).map_err(|source| io_error(&lock_path, source))?;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                    sleep(Duration::from_millis(5));
                }
                Err(fs::TryLockError::WouldBlock) => {
                    return Err(StateError::Busy { path: lock_path });
                }
                Err(fs::TryLockError::Error(source)) => return Err(io_error(&lock_path, source)),
            }
        }
        let file = folder.join(format!("{name}.json"));
        let wire = read_wire(&file, thread_id);
        Ok(Self {
            file,
            sending: folder.join(format!("{name}.sending")),
            // A later run finds the thread by this name.
            unsent_mark: unsent_folder(paths).join(&name),
            _lock: lock,
            is_new: wire.is_none(),
            wire: wire.unwrap_or_default(),
        })
    }

    /// Whether no earlier run left a memory of the thread.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// When the thread was last reconciled.
    pub(crate) fn reconciled(&self) -> Option<SystemTime> {
        let reconciled = Duration::from_secs(self.wire.reconciled?);
        SystemTime::UNIX_EPOCH.checked_add(reconciled)
    }

    /// Where files of the thread were found.
    pub(crate) fn known_files(&self) -> Vec<PathBuf> {
        self.wire.files.iter().filter_map(|file| file.transcript.clone()).collect()
    }

    /// Where reading of a file goes on; none where that is its beginning.
    pub(crate) fn mark(&self, file: &ThreadFile) -> Option<Mark> {
        let file = self.file(file).filter(|file| file.offset > 0)?;
        let FileWire { offset, turns, total_tokens, ref before, .. } = *file;
        let checkpoint = Checkpoint { offset, turns, total_tokens };
        Some(Mark { checkpoint, before: before.clone() })
    }

    /// How far each file was read.
    pub(crate) fn progress(&self) -> Vec<u64> {
        self.wire.files.iter().map(|file| file.offset).collect()
    }

    /// Remembers where reading goes on.
    pub(crate) fn set_mark(&mut self, file: &ThreadFile, mark: Mark) {
        let Checkpoint { offset, turns, total_tokens } = mark.checkpoint;
        let known = self.file_mut(file);
        *known = FileWire { offset, turns, total_tokens, before: mark.before, ..known.clone() };
    }

    /// Remembers how many bytes of a file hold turns that have ended and were sent, and nothing else; none where something is left to be sent or goes on.
    pub(crate) fn set_settled(&mut self, file: &ThreadFile, length: Option<u64>) {
        self.file_mut(file).settled = length;
    }

    fn file(&self, file: &ThreadFile) -> Option<&FileWire> {
        self.wire.files.iter().find(|known| known.id == file.id)
    }

    fn file_mut(&mut self, file: &ThreadFile) -> &mut FileWire {
        let files = &mut self.wire.files;
        let place = files.iter().position(|known| known.id == file.id).unwrap_or_else(|| {
            files.push(FileWire { id: file.id.clone(), ..FileWire::default() });
            files.len() - 1
        });
        let known = &mut files[place];
        known.transcript = Some(file.path.clone());
        known
    }

    /// Whether a turn was sent.
    pub fn is_sent(&self, key: &str) -> bool {
        // Of ids that carry a time the later one is the greater.
        let is_before = |through: &str| codex_turn::thread_begun(key).is_some() && key <= through;
        self.wire.sent.iter().any(|sent| sent == key)
            || self.wire.sent_through.as_deref().is_some_and(is_before)
    }

    /// The targets that have a turn already which was not sent to all of them.
    pub fn has_turn(&self, key: &str) -> &[String] {
        self.wire.partly_sent.get(key).map_or(&[], Vec::as_slice)
    }

    /// Remembers that a target has a turn which others have not.
    pub fn mark_partly_sent(&mut self, key: &str, target: String) {
        self.wire.partly_sent.entry(key.to_owned()).or_default().push(target);
    }

    /// Remembers that a turn was sent.
    pub fn mark_sent(&mut self, key: &str) {
        self.wire.partly_sent.remove(key);
        if !self.is_sent(key) {
            self.wire.sent.push(key.to_owned());
            let surplus = self.wire.sent.len().saturating_sub(MAX_SENT);
            let surplus = self.wire.sent.drain(..surplus);
            let ids = surplus.filter(|key| codex_turn::thread_begun(key).is_some());
            self.wire.sent_through = ids.chain(self.wire.sent_through.take()).max();
        }
    }

    /// Payloads of turns that no transcript has and that could not be sent.
    pub fn pending(&self) -> &[String] {
        &self.wire.pending
    }

    /// Replaces the pending payloads.
    pub fn set_pending(&mut self, payloads: Vec<String>) {
        self.wire.pending = payloads;
    }

    /// Where what is about to be sent is written down.
    pub(crate) fn sending(&self) -> &Path {
        &self.sending
    }

    /// Writes the memory, all of it or nothing, and marks whether turns of the thread are unsent.
    pub fn save(&mut self, has_unsent_turns: bool) -> Result<(), StateError> {
        self.wire.version = 2;
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        self.wire.reconciled = Some(now.as_secs());
        let text = serde_json::to_vec(&self.wire).unwrap_or_default();
        private_files::write(&self.file, &text)
            .map_err(|source| StateError::Io { path: self.file.clone(), source })?;
        sending::remove(&self.sending, |turn| self.is_sent(turn));
        if has_unsent_turns {
            private_files::open(&self.unsent_mark)
                .map(drop)
                .map_err(|source| StateError::Io { path: self.unsent_mark.clone(), source })
        } else {
            // There is none for most threads.
            let _ = fs::remove_file(&self.unsent_mark);
            Ok(())
        }
    }
}

/// Whether all that these files of a thread say was sent, as far as its memory says without being
/// opened: each one by what Codex calls it, and its length in bytes where that is known.
pub(crate) fn is_settled(paths: &Paths, thread_id: &str, files: &[(String, Option<u64>)]) -> bool {
    let memory = threads_folder(paths).join(format!("{}.json", file_name(thread_id)));
    let Some(wire) = read_wire(&memory, thread_id) else { return false };
    files.iter().all(|(id, length)| {
        let known = wire.files.iter().find(|known| known.id == *id);
        let settled = known.and_then(|known| known.settled);
        settled.is_some() && (length.is_none() || settled == *length)
    })
}

/// The threads with turns that an earlier run could not deliver, a few at a time.
pub(crate) fn threads_with_unsent_turns(paths: &Paths) -> Vec<String> {
    const AT_ONCE: usize = 20;
    let Ok(entries) = fs::read_dir(unsent_folder(paths)) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.take(AT_ONCE).collect()
}

fn read_wire(file: &Path, thread_id: &str) -> Option<Wire> {
    let mut wire: Wire = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let only_file = std::mem::take(&mut wire.only_file);
    if let Some(path) = &only_file.transcript {
        let id = ThreadFile::at(path, thread_id).id;
        wire.files.push(FileWire { id, ..only_file });
    }
    Some(wire)
}

fn threads_folder(paths: &Paths) -> PathBuf {
    paths.state_dir.join("threads")
}

fn unsent_folder(paths: &Paths) -> PathBuf {
    paths.state_dir.join("unsent")
}

/// A thread's name as a file name. Ids come from outside: one that could be a path is spelled out.
fn file_name(thread_id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !thread_id.is_empty() && thread_id.len() <= 100 && thread_id.bytes().all(plain) {
        return thread_id.to_owned();
    }
    let id = otlp_model::SpanId::derive(&[thread_id]);
    format!("other-{id}")
}
