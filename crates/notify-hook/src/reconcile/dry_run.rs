//! A dry run: spans are printed for a person at a terminal, and not sent.

use codex_config::{Settings, Target};
use dispatch::{Delivery, SCOPE};
use exporters::{Exporter, JsonStdout};

use super::complete::CompleteTurn;
use super::deliver::{TurnResult, TurnSink};
use crate::state::ThreadState;

/// Prints the names of the spans, or all of them as JSON where the target is `stdout`.
pub(super) struct DryRun<'a> {
    pub(super) delivery: &'a Delivery,
    pub(super) settings: &'a Settings,
}

impl TurnSink for DryRun<'_> {
    #[expect(clippy::print_stdout, reason = "a dry run is for a person at a terminal")]
    fn deliver(&self, complete: &CompleteTurn<'_>, _: &ThreadState) -> TurnResult {
        let batch = self.delivery.preview(&complete.turn);
        let target = self.settings.targets.first().and_then(|target| target.target.as_ref().ok());
        if target == Some(&Target::Stdout) {
            // A reader that closed the pipe wants no more of it.
            let _ = JsonStdout::new(SCOPE).export(&batch);
            return TurnResult::Printed;
        }
        for span in &batch.spans {
            let depth = batch.depth(span);
            println!("[arize] DRY RUN: {}{}", "  ".repeat(depth), terminal_text::line(&span.name));
        }
        TurnResult::Printed
    }
}
