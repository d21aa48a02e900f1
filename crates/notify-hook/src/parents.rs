//! Whose sub-agent a thread is, and which call set it to work, where its own transcript does not say
//! it all.

use std::path::Path;

use codex_turn::{Checkpoint, Transcript, TranscriptTurn, nth_call};
use otlp_model::Turn;
use otlp_model::turn::ParentTurn;

use crate::find::{self, Reach};
use crate::read::{self, ReadLimit};

/// Sub-agents of sub-agents: deeper than this nobody goes.
const MAX_DEPTH: usize = 8;

/// Hangs a sub-agent's turn below the call that set it to work. Before Codex 0.164 that is one of the
/// turn that was going on in the parent thread when it began; without that thread's transcript it
/// stays a trace of its own.
pub(crate) fn resolve(turn: &mut Turn, transcript: &TranscriptTurn, codex_home: &Path) {
    if transcript.is_at_root() {
        return;
    }
    match &mut turn.parent {
        // A sub-agent's first turn is that of the call that spawned it.
        Some(_) if transcript.number == Some(1) => {}
        Some(parent) => {
            let is_parent = |turn: &TranscriptTurn| turn.key() == parent.key;
            if let Some(above) = last_turn(codex_home, &parent.thread_id, is_parent) {
                parent.nth_call = nth_call(&above, transcript);
            }
        }
        None => turn_by_time(turn, transcript, codex_home),
    }
}

fn turn_by_time(turn: &mut Turn, transcript: &TranscriptTurn, codex_home: &Path) {
    let Some(parent_thread) = transcript.meta.parent_thread_id.clone() else { return };
    let Some(parent) = turn_at(codex_home, &parent_thread, transcript) else { return };
    let nth_call = nth_call(&parent, transcript);
    let (thread_id, key) = (parent_thread, parent.key());
    let mut root = parent;
    for _ in 0..MAX_DEPTH {
        let Some(above) = root.meta.parent_thread_id.clone() else { break };
        let Some(turn) = turn_at(codex_home, &above, &root) else { break };
        root = turn;
    }
    turn.session_id = root.meta.thread_id.clone();
    let (root_thread_id, root_key) = (root.meta.thread_id.clone(), root.key());
    turn.parent = Some(ParentTurn { thread_id, key, nth_call, root_thread_id, root_key });
}

/// The turn of a thread that was going on when another thread's turn began.
fn turn_at(codex_home: &Path, thread_id: &str, child: &TranscriptTurn) -> Option<TranscriptTurn> {
    let is_earlier = |turn: &TranscriptTurn| !turn.is_copied() && turn.start <= child.start;
    last_turn(codex_home, thread_id, is_earlier)
}

/// The last turn of a thread of which something holds.
fn last_turn(
    codex_home: &Path,
    thread_id: &str,
    holds: impl Fn(&TranscriptTurn) -> bool,
) -> Option<TranscriptTurn> {
    let found = find::files(codex_home, thread_id, &[], Reach::Everywhere);
    let until = ReadLimit::default().starting_now();
    found.files.iter().rev().find_map(|file| {
        let mut opened = read::open(&file.path, None, Checkpoint::START, until).ok()?;
        let mut transcript = Transcript::resume(opened.meta, opened.tail.begin());
        opened.tail.pull_all(&mut transcript, until).ok()?;
        let (turns, _) = transcript.finish();
        turns.into_iter().rfind(|turn| holds(turn))
    })
}
