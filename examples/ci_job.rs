//! A job of a build system that put the span of the job into `TRACEPARENT`: the agent's turn becomes
//! part of that trace, below that span.

use std::env;

use exporters::{ExportError, Exporter, JsonStdout};
use otlp_model::encode::Scope;
use otlp_model::turn::Caller;
use otlp_model::{SpanBatch, TreeOptions, Turn};

fn main() -> Result<(), ExportError> {
    let header = env::var("TRACEPARENT").unwrap_or_default();
    // Without one, or with one that is none, the turn has a trace of its own.
    let turn = Turn { caller: Caller::from_traceparent(&header), ..examples::turn() };
    let batch = SpanBatch::of(&turn, "ci", &TreeOptions::default());
    JsonStdout::new(Scope { name: "ci-job", version: "1" }).export(&batch).map(drop)
}
