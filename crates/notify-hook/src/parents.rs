//! Whose sub-agent a thread is, and which call set it to work, where its own transcript does not say
//! it all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use codex_turn::{TranscriptTurn, nth_call};
use otlp_model::Turn;
use otlp_model::turn::ParentTurn;

use crate::transcript_lookup::{self, Reach};
use crate::transcript_reader::{self, ReadUntil, Turns};

/// Sub-agents of sub-agents: deeper ones have the turn at this depth as root.
const MAX_DEPTH: usize = 8;

/// The parents of a thread's turns. Each of their transcripts is read once.
pub(crate) struct Parents<'a> {
    codex_home: &'a Path,
    until: ReadUntil,
    /// The files of each thread, the last one first.
    files: BTreeMap<String, Vec<PathBuf>>,
    turns: BTreeMap<PathBuf, Vec<Rc<TranscriptTurn>>>,
}

impl<'a> Parents<'a> {
    /// Reads nothing yet, and later until a time.
    pub(crate) fn new(codex_home: &'a Path, until: ReadUntil) -> Self {
        Self { codex_home, until, files: BTreeMap::new(), turns: BTreeMap::new() }
    }

    /// Hangs a sub-agent's turn below the call that set it to work. Before Codex 0.164 that is one of
    /// the turn that was going on in the parent thread when it began; without that thread's transcript
    /// it stays a trace of its own.
    pub(crate) fn resolve(&mut self, turn: &mut Turn, transcript: &TranscriptTurn) {
        if transcript.is_at_root() {
            return;
        }
        match &mut turn.parent {
            // A sub-agent's first turn is that of the call that spawned it.
            Some(_) if transcript.number == Some(1) => {}
            Some(parent) => {
                let is_parent = |turn: &TranscriptTurn| turn.key() == parent.key;
                if let Some(above) = self.last_turn(&parent.thread_id, is_parent) {
                    parent.nth_call = nth_call(&above, transcript);
                }
            }
            None => self.turn_by_time(turn, transcript),
        }
    }

    fn turn_by_time(&mut self, turn: &mut Turn, transcript: &TranscriptTurn) {
        let Some(parent_thread) = transcript.meta.parent_thread_id.clone() else { return };
        let Some(parent) = self.turn_at(&parent_thread, transcript) else { return };
        let nth_call = nth_call(&parent, transcript);
        let (thread_id, key) = (parent_thread, parent.key());
        let mut root = parent;
        for _ in 0..MAX_DEPTH {
            let Some(above) = root.meta.parent_thread_id.clone() else { break };
            let Some(turn) = self.turn_at(&above, &root) else { break };
            root = turn;
        }
        turn.session_id = root.meta.thread_id.clone();
        let (root_thread_id, root_key) = (root.meta.thread_id.clone(), root.key());
        turn.parent = Some(ParentTurn { thread_id, key, nth_call, root_thread_id, root_key });
    }

    /// The turn of a thread that was going on when another thread's turn began.
    fn turn_at(&mut self, thread_id: &str, child: &TranscriptTurn) -> Option<Rc<TranscriptTurn>> {
        let is_earlier = |turn: &TranscriptTurn| !turn.is_copied() && turn.start <= child.start;
        self.last_turn(thread_id, is_earlier)
    }

    /// The last turn of a thread of which something holds.
    fn last_turn(
        &mut self,
        thread_id: &str,
        holds: impl Fn(&TranscriptTurn) -> bool,
    ) -> Option<Rc<TranscriptTurn>> {
        for path in self.files(thread_id) {
            let turns = self.turns(&path);
            if let Some(turn) = turns.iter().rfind(|turn| holds(turn)) {
                return Some(Rc::clone(turn));
            }
        }
        None
    }

    fn files(&mut self, thread_id: &str) -> Vec<PathBuf> {
        if let Some(files) = self.files.get(thread_id) {
            return files.clone();
        }
        let found = transcript_lookup::files(self.codex_home, thread_id, &[], Reach::Everywhere);
        let files: Vec<PathBuf> = found.files.into_iter().rev().map(|file| file.path).collect();
        self.files.insert(thread_id.to_owned(), files.clone());
        files
    }

    fn turns(&mut self, path: &Path) -> &[Rc<TranscriptTurn>] {
        let until = self.until;
        self.turns.entry(path.to_owned()).or_insert_with(|| {
            let turns = transcript_reader::turns(path, Turns::Last, until).unwrap_or_default();
            turns.into_iter().map(Rc::new).collect()
        })
    }
}
