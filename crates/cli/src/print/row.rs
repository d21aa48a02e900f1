//! The rows of a turn that goes on.

use ::doctor::{cut, dollars};
use otlp_model::turn::{Message, Outcome, Part, Step, ToolCall};
use otlp_model::{Turn, UnixNanos};
use serde_json::{Value as Json, json};

use super::list::{end_of_id, short_folder};
use super::{Page, arguments, duration, local, rfc3339};

/// Something that a turn did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The same for the same thing, however far the turn is.
    pub(crate) key: String,
    at: UnixNanos,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Begun { prompt: Option<String>, folder: Option<String> },
    Said { text: String },
    Called { model: String, input: u64, output: u64, cost: Option<f64> },
    Started { tool: String, arguments: String },
    Done { tool: String, took: u64, error: Option<String> },
    Compacted,
    Ended { status: &'static str, reason: Option<String>, tokens: u64, cost: Option<f64> },
}

/// What a turn did so far, in its order.
pub(crate) fn rows_of(turn: &Turn, folder: Option<&str>, has_ended: bool) -> Vec<Row> {
    let mut rows = Rows { rows: Vec::new(), has_ended };
    // Codex writes the prompt behind the turn's first record.
    if turn.prompt.is_some() || !turn.steps.is_empty() || has_ended {
        let (prompt, folder) = (turn.prompt.clone(), folder.map(str::to_owned));
        rows.push("begin".to_owned(), turn.start, What::Begun { prompt, folder });
    }
    for (nth, step) in turn.steps.iter().enumerate() {
        match step {
            Step::Llm(call) => {
                let said = call.output.iter().flat_map(said);
                for (part, text) in said.enumerate() {
                    let text = text.to_owned();
                    rows.push(format!("said {nth} {part}"), call.end, What::Said { text });
                }
                if let Some(usage) = call.usage {
                    let model = call.model.clone().unwrap_or_default();
                    let cost = call.cost.as_ref().map(otlp_model::turn::Cost::total);
                    let (input, output) = (usage.input, usage.output);
                    let what = What::Called { model, input, output, cost };
                    rows.push(format!("call {nth}"), call.end, what);
                }
                for (tool, call) in call.tools.iter().enumerate() {
                    rows.tool(&format!("{nth} {tool}"), call);
                }
            }
            Step::Tool(call) => rows.tool(&format!("{nth}"), call),
            Step::Compaction(compaction) => {
                rows.push(format!("compaction {nth}"), compaction.end, What::Compacted);
            }
        }
    }
    if has_ended {
        let (status, reason) = match &turn.outcome {
            Outcome::Ok => ("completed", None),
            Outcome::Failed(reason) => ("failed", Some(reason.clone())),
            Outcome::Cancelled(reason) => ("interrupted", Some(reason.clone())),
            Outcome::Denied(reason) => ("denied", Some(reason.clone())),
            Outcome::Unknown => ("unknown", None),
        };
        let (tokens, cost) = (turn.usage().total(), turn.cost());
        rows.push("end".to_owned(), turn.end, What::Ended { status, reason, tokens, cost });
    }
    rows.rows
}

struct Rows {
    rows: Vec<Row>,
    has_ended: bool,
}

impl Rows {
    fn push(&mut self, key: String, at: UnixNanos, what: What) {
        self.rows.push(Row { key, at, what });
    }

    fn tool(&mut self, key: &str, call: &ToolCall) {
        let tool = call.name.clone();
        let arguments = call.arguments.clone().unwrap_or_default();
        let started = What::Started { tool: tool.clone(), arguments };
        self.push(format!("tool {key}"), call.start, started);
        if call.output.is_none() && call.outcome == Outcome::Unknown && !self.has_ended {
            return;
        }
        let error = match &call.outcome {
            Outcome::Ok | Outcome::Unknown => None,
            Outcome::Failed(error) | Outcome::Denied(error) | Outcome::Cancelled(error) => {
                Some(error.clone())
            }
        };
        let took = call.end.since(call.start);
        self.push(format!("done {key}"), call.end, What::Done { tool, took, error });
    }
}

/// The texts that a model said to the user.
fn said(message: &Message) -> impl Iterator<Item = &str> {
    let texts = message.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.trim()),
        _ => None,
    });
    texts.filter(|text| !text.is_empty())
}

/// A row as a line for a person.
pub(crate) fn row_line(turn: &Turn, row: &Row, page: Page<'_>) -> String {
    let style = page.style;
    let at = local(row.at, page.zone, "%H:%M:%S");
    let priced =
        |cost: Option<f64>| cost.map_or_else(String::new, |cost| format!("  {}", dollars(cost)));
    let (text, error) = match &row.what {
        What::Begun { prompt, folder } => {
            let zone = local(row.at, page.zone, "%Z");
            let folder = folder.as_deref().map(|folder| short_folder(folder, page.home));
            let thread = end_of_id(&turn.thread_id);
            let head = format!("{at} {zone}  thread {thread}  {}", folder.unwrap_or_default());
            let head = style.bold(&cut(head.trim_end(), style.width));
            let prompt = prompt.as_deref().unwrap_or_default().trim();
            let prompt = cut(&format!("          > {prompt}"), style.width);
            return format!("{head}\n{}\n", prompt.trim_end_matches(['>', ' ']));
        }
        What::Said { text } => (format!("< {text}"), None),
        What::Called { model, input, output, cost } => {
            (format!("{model}  {input} in, {output} out{}", priced(*cost)), None)
        }
        What::Started { tool, arguments } => {
            (format!("{tool}  {}", arguments::shown(arguments)), None)
        }
        What::Done { tool, took, error } => {
            let end = if error.is_some() { "ERROR" } else { "ok" };
            (format!("{tool}  {end}  {}", duration(*took)), error.as_deref())
        }
        What::Compacted => ("compaction".to_owned(), None),
        What::Ended { status, reason, tokens, cost } => {
            let time = duration(turn.end.since(turn.start));
            let cost = priced(*cost);
            (format!("{status}  {time}  {tokens} tokens{cost}"), reason.as_deref())
        }
    };
    let line = cut(&format!("{at}  {text}"), style.width);
    let room = style.width.saturating_sub(textwrap::core::display_width(&line) + 2);
    let error = error.map(|error| cut(&format!("! {error}"), room)).filter(|_| room > 8);
    match error {
        Some(error) => format!("{line}  {}\n", style.red(&error)),
        None if matches!(row.what, What::Called { .. }) => style.dim(&line) + "\n",
        None => line + "\n",
    }
}

/// A row as a line of JSON.
pub(crate) fn row_json(turn: &Turn, row: &Row) -> String {
    let mut json = match &row.what {
        What::Begun { prompt, folder } => {
            json!({ "event": "turn_started", "prompt": prompt, "cwd": folder })
        }
        What::Said { text } => json!({ "event": "message", "text": text }),
        What::Called { model, input, output, cost } => json!({
            "event": "model_call", "model": model, "input_tokens": input,
            "output_tokens": output, "cost_usd": cost,
        }),
        What::Started { tool, arguments } => {
            json!({ "event": "tool_started", "tool": tool, "arguments": arguments })
        }
        What::Done { tool, took, error } => json!({
            "event": "tool_ended", "tool": tool, "duration_ms": *took as f64 / 1e6, "error": error,
        }),
        What::Compacted => json!({ "event": "compaction" }),
        What::Ended { status, reason, tokens, cost } => json!({
            "event": "turn_ended", "status": status, "reason": reason, "tokens": tokens,
            "cost_usd": cost, "duration_ms": turn.end.since(turn.start) as f64 / 1e6,
        }),
    };
    json["time"] = Json::from(rfc3339(row.at));
    json["trace_id"] = Json::from(turn.trace_id().to_string());
    json["thread_id"] = Json::from(turn.thread_id.clone());
    format!("{json}\n")
}
