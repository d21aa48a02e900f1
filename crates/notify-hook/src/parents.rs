//! Whose sub-agent a thread is, where its own transcript does not say it all (before Codex 0.164).

use std::path::Path;
use std::time::Instant;

use codex_turn::{Checkpoint, Transcript, TranscriptTurn};
use otlp_model::Turn;
use otlp_model::turn::ParentTurn;

use crate::find::{self, Reach};
use crate::read;

/// Sub-agents of sub-agents: deeper than this nobody goes.
const MAX_DEPTH: usize = 8;

/// Hangs a sub-agent's turn below the turn that was going on in its parent thread when it began.
/// Without that thread's transcript it stays a trace of its own.
pub(crate) fn resolve(turn: &mut Turn, transcript: &TranscriptTurn, codex_home: &Path) {
    if turn.parent.is_some() {
        return;
    }
    let Some(parent_thread) = transcript.meta.parent_thread_id.clone() else { return };
    let Some(parent) = turn_at(codex_home, &parent_thread, transcript) else { return };
    let (thread_id, key) = (parent_thread, parent.key());
    let mut root = parent;
    for _ in 0..MAX_DEPTH {
        let Some(above) = root.meta.parent_thread_id.clone() else { break };
        let Some(turn) = turn_at(codex_home, &above, &root) else { break };
        root = turn;
    }
    turn.session_id = root.meta.thread_id.clone();
    let (root_thread_id, root_key) = (root.meta.thread_id.clone(), root.key());
    turn.parent = Some(ParentTurn { thread_id, key, root_thread_id, root_key });
}

/// The turn of a thread that was going on when another thread's turn began.
fn turn_at(codex_home: &Path, thread_id: &str, child: &TranscriptTurn) -> Option<TranscriptTurn> {
    let found = find::files(codex_home, thread_id, &[], Reach::Everywhere);
    let until = Instant::now() + read::READING;
    found.files.iter().rev().find_map(|file| {
        let mut opened = read::open(&file.path, None, Checkpoint::START, until).ok()?;
        let mut transcript = Transcript::resume(opened.meta, opened.tail.begin());
        opened.tail.pull_all(&mut transcript, until).ok()?;
        let (turns, _) = transcript.finish();
        turns.into_iter().rfind(|turn| !turn.is_copied() && turn.start <= child.start)
    })
}
