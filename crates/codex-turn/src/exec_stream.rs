//! The events of `codex exec --json`, for a program that runs Codex itself.
//!
//! They have no call ids, no tokens of single responses, no model, and nothing of a tool that Codex
//! refused. Where the transcript can be read, it says more.

use std::fmt;

use otlp_model::turn::{LlmCall, Message, Outcome, Part, Step, ToolCall, Usage};
use otlp_model::{Turn, UnixNanos};
use serde_json::{Value, json};

use crate::agent;
use crate::transcript::provider_message;

/// Folds the events of one run of `codex exec --json` into signals and turns.
///
/// The turns have ids of their own: a run is traced from its events or by the hook, and with both it
/// is there twice.
#[derive(Debug, Clone, Default)]
pub struct ExecStream {
    prompt: String,
    model: Option<String>,
    thread_id: String,
    turns: u64,
    open: Option<OpenTurn>,
}

/// Something that began, ended or changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// When its line was read.
    pub at: UnixNanos,
    /// The thread.
    pub thread_id: String,
    /// Which turn of the run, from 1; 0 before the first.
    pub turn: u64,
    /// What it is.
    pub kind: SignalKind,
}

/// The kinds of signals.
#[derive(Debug, Clone, PartialEq)]
pub enum SignalKind {
    /// The thread is there.
    ThreadStarted,
    /// A turn began.
    TurnStarted,
    /// A tool began: its id within the run, and its name.
    ToolStarted(String, String),
    /// A tool ended.
    ToolEnded(ToolCall),
    /// Files were changed, which are these.
    FilesChanged(Vec<String>),
    /// The tokens of the turn are known.
    TokenUsage(Usage),
    /// A turn ended, well or not, and this is all of it.
    TurnEnded(Box<Turn>),
}

#[derive(Debug, Clone, Default)]
struct OpenTurn {
    start: UnixNanos,
    output: Vec<Part>,
    tools: Vec<ToolCall>,
    error: Option<String>,
    usage: Option<Usage>,
}

impl ExecStream {
    /// The stream of a run with this prompt. The model is what the caller knows of it.
    pub fn new(prompt: impl Into<String>, model: Option<String>) -> Self {
        Self { prompt: prompt.into(), model, ..Self::default() }
    }

    /// Reads a line that came at this time. What is not understood says nothing.
    pub fn line(&mut self, at: UnixNanos, line: &str) -> Vec<Signal> {
        let event: Value = serde_json::from_str(line).unwrap_or_default();
        let name = event["type"].as_str().unwrap_or_default();
        // The end of the turn before got lost.
        let cut_off = ["thread.started", "turn.started"].contains(&name).then(|| self.finish(at));
        let kinds = match name {
            "thread.started" => {
                self.thread_id = text(&event["thread_id"]);
                vec![SignalKind::ThreadStarted]
            }
            "turn.started" => {
                self.turns += 1;
                self.open = Some(OpenTurn { start: at, ..OpenTurn::default() });
                vec![SignalKind::TurnStarted]
            }
            "item.started" => self.item_started(at, &event["item"]),
            "item.completed" => self.item_completed(at, &event["item"]),
            "error" => {
                if let Some(open) = &mut self.open {
                    open.error = Some(provider_message(&text(&event["message"])));
                }
                Vec::new()
            }
            "turn.completed" => self.turn_completed(at, &event["usage"]),
            "turn.failed" => {
                let reason = provider_message(&text(&event["error"]["message"]));
                self.turn_ended(at, Outcome::Failed(reason)).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let signals = kinds.into_iter().map(|kind| self.signal(at, kind));
        cut_off.flatten().into_iter().chain(signals).collect()
    }

    /// The end of the stream: a turn that was going on then was cut off.
    pub fn finish(&mut self, at: UnixNanos) -> Option<Signal> {
        let error = self.open.as_ref()?.error.clone();
        let outcome = match error {
            Some(error) => Outcome::Failed(error),
            None => Outcome::Cancelled("codex ended before the turn did".to_owned()),
        };
        let ended = self.turn_ended(at, outcome)?;
        Some(self.signal(at, ended))
    }

    fn signal(&self, at: UnixNanos, kind: SignalKind) -> Signal {
        Signal { at, thread_id: self.thread_id.clone(), turn: self.turns, kind }
    }

    fn item_started(&mut self, at: UnixNanos, item: &Value) -> Vec<SignalKind> {
        let (Some(open), Some(tool)) = (&mut self.open, tool(at, item)) else { return Vec::new() };
        let started = SignalKind::ToolStarted(tool.call_id.clone(), tool.name.clone());
        open.tools.push(tool);
        vec![started]
    }

    fn item_completed(&mut self, at: UnixNanos, item: &Value) -> Vec<SignalKind> {
        let Some(open) = &mut self.open else { return Vec::new() };
        match item["type"].as_str() {
            Some("agent_message") => open.output.push(Part::Text(text(&item["text"]))),
            Some("reasoning") => open.output.push(Part::Reasoning(text(&item["text"]))),
            _ => {
                let ended = tool(at, item).map(|tool| SignalKind::ToolEnded(open.tool_ended(tool)));
                let files = changed_files(item).map(SignalKind::FilesChanged);
                return ended.into_iter().chain(files).collect();
            }
        }
        Vec::new()
    }

    fn turn_completed(&mut self, at: UnixNanos, usage: &Value) -> Vec<SignalKind> {
        let Some(open) = &mut self.open else { return Vec::new() };
        let count = |name: &str| usage[name].as_u64().unwrap_or_default();
        open.usage = usage.is_object().then(|| Usage {
            input: count("input_tokens"),
            cached_input: count("cached_input_tokens"),
            cache_write_input: count("cache_write_input_tokens"),
            output: count("output_tokens"),
            reasoning_output: count("reasoning_output_tokens"),
        });
        let usage = open.usage.map(SignalKind::TokenUsage);
        usage.into_iter().chain(self.turn_ended(at, Outcome::Ok)).collect()
    }

    fn turn_ended(&mut self, end: UnixNanos, outcome: Outcome) -> Option<SignalKind> {
        let mut open = self.open.take()?;
        for tool in open.tools.iter_mut().filter(|tool| tool.end == UnixNanos(0)) {
            tool.end = end;
        }
        let answer = open.output.iter().rev().find_map(|part| match part {
            Part::Text(text) => Some(text.clone()),
            _ => None,
        });
        let message =
            |role: &str, parts| Message { role: role.to_owned(), parts, tool_call_id: None };
        // The tokens are those of all its responses, and nothing tells them apart.
        let call = LlmCall {
            start: open.start,
            end,
            model: self.model.clone(),
            input: vec![message("user", vec![Part::Text(self.prompt.clone())])],
            output: vec![message("assistant", open.output)],
            usage: open.usage,
            outcome: outcome.clone(),
            tools: open.tools,
            ..LlmCall::default()
        };
        Some(SignalKind::TurnEnded(Box::new(Turn {
            agent: agent(None),
            session_id: self.thread_id.clone(),
            thread_id: self.thread_id.clone(),
            key: format!("exec {}", self.turns),
            number: Some(self.turns),
            start: open.start,
            end,
            prompt: Some(self.prompt.clone()),
            answer,
            outcome,
            model: self.model.clone(),
            steps: vec![Step::Llm(call)],
            ..Turn::default()
        })))
    }
}

impl OpenTurn {
    /// Puts a tool in the place of what its start said of it, and gives all of it.
    fn tool_ended(&mut self, mut ended: ToolCall) -> ToolCall {
        ended.end = ended.start;
        match self.tools.iter_mut().find(|tool| tool.call_id == ended.call_id) {
            Some(tool) => {
                ended.start = tool.start;
                *tool = ended.clone();
            }
            None => self.tools.push(ended.clone()),
        }
        ended
    }
}

/// A tool that began at this time; none where the item is none.
fn tool(start: UnixNanos, item: &Value) -> Option<ToolCall> {
    let kind = item["type"].as_str()?;
    let (name, arguments, output) = match kind {
        "agent_message" | "reasoning" | "todo_list" | "error" => return None,
        "command_execution" => {
            (kind, json!({ "command": item["command"] }), &item["aggregated_output"])
        }
        "mcp_tool_call" => {
            (item["tool"].as_str().unwrap_or(kind), item["arguments"].clone(), &item["result"])
        }
        _ => {
            let mut rest = item.as_object().cloned().unwrap_or_default();
            rest.retain(|name, _| !["id", "type", "status"].contains(&name.as_str()));
            (kind, Value::Object(rest), &Value::Null)
        }
    };
    let outcome = outcome(item);
    Some(ToolCall {
        call_id: text(&item["id"]),
        name: name.to_owned(),
        start,
        arguments: Some(arguments.to_string()),
        output: Some(text(output)).filter(|output| !output.is_empty()),
        failed_by_exit_code: matches!(outcome, Outcome::Failed(_)) && item["exit_code"].is_i64(),
        outcome,
        ..ToolCall::default()
    })
}

fn outcome(item: &Value) -> Outcome {
    match item["status"].as_str() {
        Some("completed") => Outcome::Ok,
        Some("declined") => Outcome::Denied("declined".to_owned()),
        Some("failed") => Outcome::Failed(match item["exit_code"].as_i64() {
            Some(code) => format!("exit code {code}"),
            None => item["error"]["message"].as_str().unwrap_or("failed").to_owned(),
        }),
        _ => Outcome::Unknown,
    }
}

/// The files that an item changed; none where it is no change, or one that failed.
fn changed_files(item: &Value) -> Option<Vec<String>> {
    let is_done = item["type"] == "file_change" && outcome(item) == Outcome::Ok;
    let changes = item["changes"].as_array().filter(|changes| is_done && !changes.is_empty())?;
    Some(changes.iter().map(|change| text(&change["path"])).collect())
}

/// A text as it is, and anything else as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A line for a log, without what was said: which, and how long it took.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread={} turn={} ", self.thread_id.escape_debug(), self.turn)?;
        match &self.kind {
            SignalKind::ThreadStarted => write!(f, "thread started"),
            SignalKind::TurnStarted => write!(f, "turn started"),
            SignalKind::ToolStarted(id, name) => {
                write!(f, "tool started id={} name={}", id.escape_debug(), name.escape_debug())
            }
            SignalKind::ToolEnded(tool) => {
                let end = ended(&tool.outcome);
                let millis = tool.end.since(tool.start) / 1_000_000;
                let (id, name) = (tool.call_id.escape_debug(), tool.name.escape_debug());
                write!(f, "tool {end} id={id} name={name} duration_ms={millis}")
            }
            SignalKind::FilesChanged(files) => write!(f, "files changed count={}", files.len()),
            SignalKind::TokenUsage(usage) => {
                write!(f, "token usage input={} output={}", usage.input, usage.output)
            }
            SignalKind::TurnEnded(turn) => {
                let millis = turn.end.since(turn.start) / 1_000_000;
                write!(f, "turn {} duration_ms={millis}", ended(&turn.outcome))
            }
        }
    }
}

fn ended(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Unknown | Outcome::Ok => "ended",
        Outcome::Failed(_) => "failed",
        Outcome::Denied(_) => "denied",
        Outcome::Cancelled(_) => "cancelled",
    }
}
