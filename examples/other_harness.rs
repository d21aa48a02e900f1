//! Another agent harness, traced with the libraries alone: a session in its own JSONL becomes a turn,
//! which goes to Phoenix (`PHOENIX_ENDPOINT`, or a stand-in) and to a file (`TRACES`).

use std::{env, error::Error};

use exporters::{Exporter, JsonFile, Phoenix, PhoenixConfig};
use otlp_model::turn::{Agent, LlmCall, Outcome, Step, ToolCall, Usage};
use otlp_model::{SpanBatch, TreeOptions, Turn, UnixNanos, scrub_turn};
use serde_json::Value;

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut turn = Turn { agent: Agent::named("other"), outcome: Outcome::Ok, ..Turn::default() };
    for line in include_str!("data/other_harness.jsonl").lines() {
        read(&serde_json::from_str(line)?, &mut turn);
    }
    let scrubber = scrub::Scrubber::new([7; 32], &[]);
    scrub_turn(&mut turn, &|text| {
        let scrubbed = scrubber.scrub(text);
        (scrubbed.secrets > 0).then(|| (scrubbed.text.into_owned(), scrubbed.secrets as u64))
    });
    let batch = SpanBatch::of(&turn, "my-harness", &TreeOptions::default());

    let stand_in = examples::Backend::start(0)?;
    let endpoint = env::var("PHOENIX_ENDPOINT").unwrap_or(stand_in.endpoint());
    let phoenix = Phoenix::new(PhoenixConfig::new(endpoint, "my-harness"))?;
    let file = JsonFile::new(env::var("TRACES").unwrap_or("other-traces.jsonl".to_owned()), None);
    for target in [&phoenix as &dyn Exporter, &file] {
        println!("{} spans to {}", target.export(&batch)?.spans, target.target());
    }
    Ok(())
}

/// One line of a session: what this harness calls things, in the words of a turn.
fn read(line: &Value, turn: &mut Turn) {
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let count = |name: &str| line[name].as_u64().unwrap_or_default();
    let [start, end] = ["began", "at"].map(|name| UnixNanos::from_millis(count(name)));
    turn.end = end;
    match (line["type"].as_str(), turn.steps.last_mut()) {
        (Some("prompt"), _) => {
            (turn.session_id, turn.thread_id) = (text("session"), text("session"));
            (turn.key, turn.start, turn.prompt) = ("1".to_owned(), end, Some(text("text")));
        }
        (Some("assistant"), _) => {
            let mut call = LlmCall { start, end, outcome: Outcome::Ok, ..LlmCall::default() };
            let (input, output) = (count("input_tokens"), count("output_tokens"));
            call.usage = Some(Usage { input, output, ..Usage::default() });
            call.model = Some(text("model"));
            turn.steps.push(Step::Llm(call));
            turn.answer = Some(text("text"));
        }
        (Some("tool"), Some(Step::Llm(call))) => {
            let (call_id, name) = (text("id"), text("name"));
            let mut tool = ToolCall { call_id, name, start, end, ..ToolCall::default() };
            (tool.arguments, tool.output) = (Some(line["input"].to_string()), Some(text("output")));
            let failed = line["error"].as_str().map(|error| Outcome::Failed(error.to_owned()));
            tool.outcome = failed.unwrap_or(Outcome::Ok);
            call.tools.push(tool);
        }
        _ => {}
    }
}
