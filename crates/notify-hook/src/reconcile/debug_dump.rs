//! Debug dumps (`ARIZE_TRACE_DEBUG`): what a turn was made of, for a person to read.

use std::fs;
use std::path::Path;

use codex_config::Paths;
use dispatch::{Delivery, SCOPE, Secrets};
use otlp_model::encode;
use program_log::Log;
use serde_json::json;

use super::complete::CompleteTurn;
use super::deliver::{TurnResult, TurnSink};
use crate::state::ThreadState;

/// How many dumps are kept.
const MAX_DUMPS: usize = 100;

/// Writes a turn's events and spans to `state/codex/debug/`, and passes the turn on. The dumps hold
/// whatever the content switches let through, and all events, without secrets: the folder is private.
pub(super) struct DebugDump<'a> {
    pub(super) next: Box<dyn TurnSink + 'a>,
    pub(super) delivery: &'a Delivery,
    pub(super) paths: &'a Paths,
    /// Whether events, which have contents, are left out.
    pub(super) content_free: bool,
    pub(super) secrets: &'a Secrets<'a>,
    pub(super) log: &'a Log,
}

impl TurnSink for DebugDump<'_> {
    fn deliver(&self, complete: &CompleteTurn<'_>, state: &ThreadState) -> TurnResult {
        self.dump(complete);
        self.next.deliver(complete, state)
    }
}

impl DebugDump<'_> {
    fn dump(&self, CompleteTurn { turn, events, .. }: &CompleteTurn<'_>) {
        let batch = self.delivery.preview(turn);
        let events: Vec<_> = events
            .iter()
            .filter(|_| !self.content_free)
            .map(|event| json!({"time_ns": event.time.0, "name": event.name, "attributes": event.attributes}))
            .collect();
        let spans = encode::to_json(&encode::export_request(&batch, &SCOPE));
        let dump =
            json!({"thread_id": turn.thread_id, "turn": turn.key, "events": events, "otlp": spans});
        let folder = self.paths.state_dir.join("debug");
        let trace_id =
            batch.spans.first().map(|span| span.trace_id.to_string()).unwrap_or_default();
        let file = folder.join(format!("{}-{trace_id}.json", turn.end.millis()));
        let text = serde_json::to_string_pretty(&dump).unwrap_or_default();
        match private_files::write(&file, self.secrets.scrub(&text).as_bytes()) {
            Ok(()) => self.log.info(format_args!("debug dump: `{}`", file.display())),
            Err(error) => self.log.warn(format_args!("debug dump `{}`: {error}", file.display())),
        }
        remove_oldest(&folder);
    }
}

fn remove_oldest(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort_unstable();
    let surplus = files.len().saturating_sub(MAX_DUMPS);
    for old in &files[..surplus] {
        let _ = fs::remove_file(old);
    }
}
