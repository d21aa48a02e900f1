//! Debug dumps (`ARIZE_TRACE_DEBUG`): what a turn was made of, for a person to look at.

use std::fs;

use codex_config::Paths;
use codex_turn::LogEvent;
use otlp_model::{SpanBatch, Turn, encode};
use serde_json::json;

use crate::secrets::Secrets;
use dispatch::SCOPE;
use program_log::Log;

/// How many dumps are kept.
const MAX_DUMPS: usize = 100;

/// Writes a turn's events and spans to `state/codex/debug/`. They hold whatever the content switches
/// let through, and all events, without secrets: the folder is private.
pub(crate) fn dump(
    paths: &Paths,
    turn: &Turn,
    events: &[&LogEvent],
    batch: &SpanBatch,
    secrets: &Secrets<'_>,
    log: &Log,
) {
    let events: Vec<_> = events
        .iter()
        .map(|event| json!({"time_ns": event.time.0, "name": event.name, "attributes": event.attributes}))
        .collect();
    let spans = encode::to_json(&encode::export_request(batch, &SCOPE));
    let dump =
        json!({"thread_id": turn.thread_id, "turn": turn.key, "events": events, "otlp": spans});
    let folder = paths.state_dir.join("debug");
    let trace_id = batch.spans.first().map(|span| span.trace_id.to_string()).unwrap_or_default();
    let file = folder.join(format!("{}-{trace_id}.json", turn.end.millis()));
    let text = serde_json::to_string_pretty(&dump).unwrap_or_default();
    match private_files::write(&file, secrets.scrub(&text).as_bytes()) {
        Ok(()) => log.info(format_args!("debug dump: `{}`", file.display())),
        Err(error) => log.warn(format_args!("debug dump `{}`: {error}", file.display())),
    }
    let Ok(entries) = fs::read_dir(&folder) else { return };
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort_unstable();
    let surplus = files.len().saturating_sub(MAX_DUMPS);
    for old in &files[..surplus] {
        let _ = fs::remove_file(old);
    }
}
