//! Spans and metrics of one's own, asserted without a backend.

use exporters::{ExportError, Exporter, Memory};
use otlp_model::{ContentPolicy, SpanBatch, SpanStatus, TreeOptions, metrics_of};

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), ExportError> {
    let memory = Memory::new();
    let content = ContentPolicy { prompts: false, ..ContentPolicy::default() };
    let options = TreeOptions { content, ..TreeOptions::default() };
    let batch = SpanBatch::of(&examples::turn(), "tests", &options);
    memory.export(&batch)?;
    if let Some(metrics) = metrics_of(&batch) {
        memory.export_metrics(&metrics)?;
    }

    let spans = memory.spans();
    let named = |name: &str| spans.iter().find(|span| span.name == name).expect(name);
    assert_eq!(named("gpt-5.4").int("llm.token_count.prompt"), Some(1_200));
    assert_eq!(named("shell").parent_id, Some(named("gpt-5.4").span_id));
    assert_eq!(named("shell").status, SpanStatus::Error("exit code 2".to_owned()));
    assert!(spans.iter().all(|span| span.text("session.id") == Some("session-1")));
    assert_ne!(named("Turn").text("input.value"), Some("Build it."), "prompts are not to leave");

    let metrics = memory.metrics();
    let names: Vec<_> = metrics.iter().flat_map(|batch| &batch.metrics).map(|m| &*m.name).collect();
    assert!(names.contains(&"gen_ai.client.token.usage"), "{names:?}");
    println!("{} spans and {} metrics are as they should be", spans.len(), names.len());
    Ok(())
}
