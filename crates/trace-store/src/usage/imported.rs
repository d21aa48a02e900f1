//! Spans that an import read from transcripts.

use otlp_model::{SpanBatch, names};
use rusqlite::{Transaction, TransactionBehavior, params};

use super::SourceProgress;
use crate::prune::contents_before;
use crate::write::Writer;
use crate::{InsertError, Inserted, TraceStore};

/// So much of a prompt is kept for lists, in characters.
const PROMPT: usize = 200;

impl TraceStore {
    /// Stores the spans of turns that are recorded, and how far their files were read, all or none. The
    /// spans of live tracing stay as they are, and replace these. What was dropped stays so.
    pub fn insert_imported(
        &mut self,
        batches: &[SpanBatch],
        sources: &[SourceProgress],
    ) -> Result<Inserted, InsertError> {
        let error = |source| InsertError { path: self.path.clone(), source };
        let transaction = Transaction::new(&mut self.connection, TransactionBehavior::Immediate);
        let written = transaction.and_then(|transaction| {
            let mut inserted = Inserted::default();
            let dropped = contents_before(&transaction)?;
            let is_kept = |batch: &&SpanBatch| {
                batch.spans.iter().map(|span| span.end).max().is_none_or(|end| end >= dropped)
            };
            let are_recorded = super::spans::are_recorded(&transaction)?;
            {
                let mut writer = Writer::new(&transaction)?;
                for batch in batches.iter().filter(is_kept) {
                    inserted.spans += writer.insert_imported(batch)?.spans;
                }
            }
            for span in batches.iter().filter(is_kept).flat_map(|batch| &batch.spans) {
                if span.text(names::AGENT_NAME).is_some() {
                    set_prompt(&transaction, span.span_id.0, span.text(names::INPUT_VALUE))?;
                }
            }
            if are_recorded {
                // These turns are recorded already, from the same transcripts.
                super::spans::set_recorded(&transaction)?;
            }
            super::sources::save(&transaction, "content_sources", sources)?;
            transaction.commit()?;
            Ok(inserted)
        });
        written.map_err(error)
    }
}

/// Keeps the beginning of a turn's prompt.
pub(super) fn set_prompt(
    transaction: &Transaction<'_>,
    root: [u8; 8],
    prompt: Option<&str>,
) -> rusqlite::Result<()> {
    let Some(prompt) = prompt else { return Ok(()) };
    let prompt: String = prompt.trim_start().chars().take(PROMPT).collect();
    let mut update = transaction.prepare("UPDATE turns SET prompt = ? WHERE span_id = ?")?;
    update.execute(params![prompt, root]).map(drop)
}
