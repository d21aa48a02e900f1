//! What the store does not have yet of one transcript, read and not written.

use std::io::{self, BufReader};
use std::path::Path;

use codex_home::sessions;
use codex_turn::ThreadMeta;
use trace_store::usage::{SourceProgress, TurnRecord};

use crate::files::Transcript;
use crate::git::Folders;
use crate::lines::Reads;
use crate::read::{self, FIRST_LINE_TEXTS};
use crate::record::Facts;

/// The turns behind the place up to which a transcript was read into the store; the last one may go on.
pub fn unstored(
    file: &Transcript,
    before: Option<&SourceProgress>,
    facts: &Facts,
) -> io::Result<Vec<TurnRecord>> {
    let mut folders = Folders::default();
    let mut records = Vec::new();
    read::read(file, Reads::Counts, before, &mut |turns, _| {
        let own = turns.iter().filter(|turn| !turn.is_copied());
        records.extend(own.map(|turn| facts.record(turn, &mut folders)));
    })?;
    Ok(records)
}

/// The thread at the root of the tree of sub-agents to which a transcript belongs.
pub fn root_thread(path: &Path) -> io::Result<String> {
    let mut text = BufReader::with_capacity(16 * 1024, sessions::open_text(path)?);
    Ok(ThreadMeta::read(&mut text, FIRST_LINE_TEXTS)?.root_thread_id)
}
