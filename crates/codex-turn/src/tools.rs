//! Tool calls as Codex records them, and how to tell whether they went well.

use otlp_model::UnixNanos;
use otlp_model::turn::Outcome;
use serde_json::Value as Json;

use crate::json;

/// A tool call, as the model asked for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallItem {
    pub(crate) call_id: String,
    pub(crate) name: String,
    /// The group that the tool belongs to, such as `mcp__echo` for an MCP server's.
    pub(crate) namespace: Option<String>,
    pub(crate) arguments: Option<String>,
    pub(crate) at: UnixNanos,
    /// For calls that have no result record of their own (web search).
    pub(crate) status: Option<String>,
    /// Which of the turn's calls it is, from 0: ids repeat.
    pub(crate) place: usize,
    /// What it gave back.
    pub(crate) output: Option<CallOutput>,
    /// What Codex noted of its end.
    pub(crate) item: Option<ToolItem>,
}

/// What a tool gave back to the model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallOutput {
    pub(crate) text: Option<String>,
    pub(crate) success: Option<bool>,
    pub(crate) at: UnixNanos,
}

/// What Codex noted when a tool had ended (`item_completed`, or `…_end` in older versions).
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ToolItem {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) mcp_server: Option<String>,
    pub(crate) arguments: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) exit_code: Option<i64>,
    pub(crate) started: Option<UnixNanos>,
    pub(crate) completed: Option<UnixNanos>,
    /// The thread of the sub-agent that it set to work.
    pub(crate) sub_agent: Option<String>,
}

/// Reads a response item that is a tool call: each type that ends in `_call`, known or not.
pub(crate) fn call_item(kind: &str, item: &Json, at: UnixNanos) -> CallItem {
    let text = |key: &str| json::text(item, &[key]).map(str::to_owned);
    let arguments =
        ["arguments", "input", "action"].iter().find_map(|key| match item.get(*key)? {
            Json::Null => None,
            Json::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        });
    CallItem {
        call_id: text("call_id").or_else(|| text("id")).unwrap_or_default(),
        name: text("name").unwrap_or_else(|| kind.trim_end_matches("_call").to_owned()),
        namespace: text("namespace").filter(|namespace| namespace != "functions"),
        arguments,
        at,
        status: text("status"),
        place: 0,
        output: None,
        item: None,
    }
}

/// Reads a response item that is a tool's output: each type that ends in `_output`.
pub(crate) fn call_output(item: &Json, at: UnixNanos) -> (String, CallOutput) {
    let output = item.get("output").or_else(|| item.get("tools"));
    let text =
        output.map(|output| json::content_text(output).unwrap_or_else(|| output.to_string()));
    let success = output.and_then(|output| output.get("success")).and_then(json::truth);
    let id = json::text(item, &["call_id"]).unwrap_or_default().to_owned();
    (id, CallOutput { text, success, at })
}

/// Reads the item of an `item_completed` record; none for items that are not tools.
pub(crate) fn tool_item(event: &Json) -> Option<ToolItem> {
    let item = event.get("item")?;
    let text = |key: &str| json::text(item, &[key]).map(str::to_owned);
    let mut tool = ToolItem {
        id: text("id")?,
        status: text("status"),
        started: json::millis(event, &["started_at_ms"]),
        completed: json::millis(event, &["completed_at_ms"]),
        ..ToolItem::default()
    };
    match json::text(item, &["type"])? {
        "CommandExecution" => {
            tool.name = "exec_command".to_owned();
            tool.arguments = item.get("command").map(command_arguments);
            tool.output = text("aggregated_output");
            tool.exit_code = item.get("exit_code").and_then(Json::as_i64);
            // What it calls the start is the time it was written.
            tool.started = tool.completed.and_then(|end| Some(end.minus(duration(item)?)));
        }
        "McpToolCall" => {
            tool.name = text("tool")?;
            tool.mcp_server = text("server");
            tool.arguments = item.get("arguments").map(Json::to_string);
            tool.output = item.get("result").and_then(json::content_text).or_else(|| text("error"));
        }
        "CollabAgentToolCall" => {
            tool.name = text("tool")?;
            tool.arguments = text("prompt");
            // To wait for a sub-agent or to close it does not set it to work.
            let works =
                ["spawn", "send", "resume", "followup"].iter().any(|word| tool.name.contains(word));
            let receiver =
                json::at(item, &["receiver_thread_ids"]).and_then(|ids| ids.get(0)?.as_str());
            tool.sub_agent = receiver.filter(|_| works).map(str::to_owned);
        }
        // The second generation of sub-agents: an item of its own beside the call's.
        "SubAgentActivity"
            if matches!(json::text(item, &["kind"]), Some("started" | "interacted")) =>
        {
            tool.name = "agent".to_owned();
            tool.sub_agent = text("agent_thread_id");
        }
        "FileChange" => {
            tool.name = "apply_patch".to_owned();
            tool.arguments = item.get("changes").map(Json::to_string);
            tool.output = text("stdout");
        }
        _ => return None,
    }
    Some(tool)
}

/// Reads an older version's `exec_command_end`, `mcp_tool_call_end` or `patch_apply_end`.
pub(crate) fn end_event(kind: &str, event: &Json, at: UnixNanos) -> Option<ToolItem> {
    let text = |key: &str| json::text(event, &[key]).map(str::to_owned);
    let failed = match kind {
        "patch_apply_end" => event.get("success").and_then(json::truth) == Some(false),
        "mcp_tool_call_end" => {
            json::at(event, &["result", "Err"]).is_some()
                || json::at(event, &["result", "Ok", "isError"]).and_then(json::truth) == Some(true)
        }
        "exec_command_end" => false,
        _ => return None,
    };
    Some(ToolItem {
        id: text("call_id")?,
        name: kind.trim_end_matches("_end").to_owned(),
        mcp_server: json::text(event, &["invocation", "server"]).map(str::to_owned),
        output: text("aggregated_output"),
        status: failed.then(|| "failed".to_owned()),
        exit_code: event.get("exit_code").and_then(Json::as_i64),
        started: duration(event).map(|nanos| at.minus(nanos)),
        completed: Some(at),
        ..ToolItem::default()
    })
}

/// The thread of the sub-agent that a `spawn_agent` call's output names.
pub(crate) fn spawned_agent(name: &str, output: Option<&str>) -> Option<String> {
    let output = output.filter(|_| name.ends_with("spawn_agent"))?;
    let value: Json = serde_json::from_str(output).ok()?;
    json::text_of(&value, &["agent_id", "thread_id"]).map(str::to_owned)
}

/// What is known of a tool call's end, from whichever source.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Evidence<'a> {
    pub(crate) output: Option<&'a str>,
    pub(crate) exit_code: Option<i64>,
    /// As Codex's event has it: `true` also for a command that failed (since Codex 0.98).
    pub(crate) success: Option<bool>,
    pub(crate) status: Option<&'a str>,
}

/// How a tool call ended. An exit code speaks first, then what Codex says, then known texts.
pub(crate) fn outcome(evidence: Evidence<'_>) -> Outcome {
    let output = evidence.output.unwrap_or_default();
    if header(output).any(|line| line == "aborted by user") {
        return Outcome::Cancelled("aborted by user".to_owned());
    }
    match evidence.exit_code.or_else(|| exit_code(output)) {
        Some(0) | None => {}
        Some(code) => return Outcome::Failed(format!("exit code {code}")),
    }
    let reason = |word: &str| Outcome::Failed(first_words(output).unwrap_or(word).to_owned());
    if let Some(status @ ("failed" | "declined" | "error")) = evidence.status {
        return reason(status);
    }
    let failures = ["unsupported call", "apply_patch verification failed", "Script failed"];
    if evidence.success == Some(false) || failures.iter().any(|text| output.starts_with(text)) {
        return reason("failed");
    }
    if evidence.output.is_none() && evidence.success.is_none() && evidence.status.is_none() {
        return Outcome::Unknown;
    }
    Outcome::Ok
}

/// The exit code that Codex writes above a command's own output.
fn exit_code(output: &str) -> Option<i64> {
    if output.starts_with('{') {
        let value: Json = serde_json::from_str(output).ok()?;
        return json::at(&value, &["metadata", "exit_code"])?.as_i64();
    }
    header(output).find_map(|line| {
        let code =
            line.strip_prefix("Process exited with code ").or(line.strip_prefix("Exit code: "))?;
        code.trim().parse().ok()
    })
}

/// The lines above the command's own output, which could say anything.
fn header(output: &str) -> impl Iterator<Item = &str> {
    output.lines().take(8).take_while(|line| *line != "Output:")
}

/// The first line that says something, below Codex's own header where there is one.
fn first_words(output: &str) -> Option<&str> {
    let body = output.split_once("Output:\n").map_or(output, |(_, body)| body);
    // `Script error:` says nothing; `… failed: no such lines in a.txt:` does.
    let is_heading = |line: &str| line.strip_suffix(':').is_some_and(|words| !words.contains(": "));
    body.lines().map(str::trim).find(|line| !line.is_empty() && !is_heading(line))
}

/// The shell command in a call's arguments.
pub(crate) fn command(arguments: &str) -> Option<String> {
    let arguments: Json = serde_json::from_str(arguments).ok()?;
    json::text_of(&arguments, &["cmd", "command"]).map(str::to_owned)
}

/// A command as the model would write it. Codex notes what it started: a shell with a script.
fn command_arguments(command: &Json) -> String {
    let words: Vec<&str> =
        command.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    match words[..] {
        [_, "-lc" | "-c", script] => serde_json::json!({ "cmd": script }).to_string(),
        _ => command.to_string(),
    }
}

/// A duration of the form `{"secs":0,"nanos":45698}`, in nanoseconds.
fn duration(value: &Json) -> Option<u64> {
    let secs = json::number(value, &["duration", "secs"])?;
    let nanos = json::number(value, &["duration", "nanos"])?;
    Some(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, success: Option<bool>, expected: Outcome) {
        let evidence = Evidence { output: Some(output), success, ..Evidence::default() };
        assert_eq!(outcome(evidence), expected, "{output}");
    }

    #[test]
    fn trap_15_success_does_not_mean_exit_0() {
        let failed = |reason: &str| Outcome::Failed(reason.to_owned());
        check(
            "Chunk ID: a\nProcess exited with code 3\nOutput:\nhi",
            Some(true),
            failed("exit code 3"),
        );
        check("Exit code: 3\nWall time: 0 seconds\nOutput:\nhi", None, failed("exit code 3"));
        check(r#"{"output":"hi","metadata":{"exit_code":3}}"#, Some(false), failed("exit code 3"));
        check("Exit code: 0\nOutput:\nExit code: 3", None, Outcome::Ok);
        check("Output:\nProcess exited with code 3", Some(true), Outcome::Ok);
        check("unsupported call: update_plan", None, failed("unsupported call: update_plan"));
        check(
            "Wall time: 3.0 seconds\naborted by user",
            None,
            Outcome::Cancelled("aborted by user".to_owned()),
        );
        check("it failed", Some(false), failed("it failed"));
        check("Script failed\nOutput:\nScript error:\nError: boom", None, failed("Error: boom"));
        check(
            "apply_patch verification failed: no such lines in a.txt:\ngoodbye",
            None,
            failed("apply_patch verification failed: no such lines in a.txt:"),
        );
        check("Plan updated", Some(true), Outcome::Ok);
        assert_eq!(outcome(Evidence::default()), Outcome::Unknown);
    }
    #[test]
    fn a_command_is_told_as_the_model_asked_for_it() {
        let check = |command: Json, expected: &str| {
            assert_eq!(command_arguments(&command), expected);
        };
        check(serde_json::json!(["/bin/bash", "-lc", "echo 'a b'"]), r#"{"cmd":"echo 'a b'"}"#);
        check(serde_json::json!(["ls", "-la"]), r#"["ls","-la"]"#);
    }
}
