//! A dry run: what would be sent is printed instead, for a person at a terminal.

use codex_config::{Settings, Target};
use dispatch::SCOPE;
use exporters::{Exporter, JsonStdout};
use otlp_model::SpanBatch;

/// Prints the names of the spans, or all of them as JSON where the target is `stdout`.
#[expect(clippy::print_stdout, reason = "a dry run is for a person at a terminal")]
pub(crate) fn print(settings: &Settings, batch: &SpanBatch) {
    let target = settings.targets.first().and_then(|target| target.target.as_ref().ok());
    if target == Some(&Target::Stdout) {
        // Whoever closed the pipe wants no more of it.
        let _ = JsonStdout::new(SCOPE).export(batch);
        return;
    }
    for span in &batch.spans {
        let depth = batch.depth(span);
        println!("[arize] DRY RUN: {}{}", "  ".repeat(depth), terminal_text::line(&span.name));
    }
}
