//! Tool calls as Codex records them.

use otlp_model::UnixNanos;
use otlp_model::turn::ToolCall;
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
    /// Of tools that the provider runs, which have no output: the provider may say of any call that it
    /// is complete.
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
    pub(crate) error: Option<String>,
    pub(crate) exit_code: Option<i64>,
    pub(crate) started: Option<UnixNanos>,
    pub(crate) completed: Option<UnixNanos>,
    /// The thread of the sub-agent that it set to work.
    pub(crate) sub_agent: Option<String>,
}

/// How the ids of calls begin that scripts of code mode make, of which there is no other record.
pub(crate) const NESTED_ID: &str = "exec-";

/// How many calls or events of one id are compared with what may be theirs: few calls are at work at the
/// same time.
pub(crate) const COMPARED: usize = 64;

/// The tool name of a command that the user runs.
pub(crate) const USER_SHELL: &str = "user_shell_command";

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
        status: text("status")
            .filter(|_| matches!(kind, "web_search_call" | "image_generation_call")),
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
            let is_of_user = json::text(item, &["source"]) == Some("user_shell");
            tool.name = if is_of_user { USER_SHELL } else { "exec_command" }.to_owned();
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
            tool.error = json::text(item, &["error", "message"]).map(str::to_owned);
            let result = item.get("result").and_then(json::content_text);
            tool.output = result.or_else(|| tool.error.clone());
        }
        "CollabAgentToolCall" => {
            tool.name = text("tool")?;
            tool.arguments = text("prompt");
            // To wait for a sub-agent, to close or to reopen it does not set it to work.
            let works = ["spawn", "send", "followup"].iter().any(|word| tool.name.contains(word));
            let receiver =
                json::at(item, &["receiver_thread_ids"]).and_then(|ids| ids.get(0)?.as_str());
            tool.sub_agent = receiver.filter(|_| works).map(str::to_owned);
        }
        // The second generation of sub-agents: an item of its own beside the call's.
        "SubAgentActivity"
            if matches!(json::text(item, &["kind"]), Some("started" | "interacted")) =>
        {
            tool.name = "agent".to_owned();
            tool.status = Some(COMPLETED.to_owned());
            tool.sub_agent = text("agent_thread_id");
        }
        "ImageView" => {
            tool.name = "view_image".to_owned();
            tool.arguments =
                text("path").map(|path| serde_json::json!({ "path": path }).to_string());
            tool.status = Some(COMPLETED.to_owned());
        }
        // A tool of the program that runs Codex as a server.
        "DynamicToolCall" => {
            tool.name = text("tool")?;
            tool.arguments = item.get("arguments").map(Json::to_string);
            tool.output = item.get("content_items").and_then(json::content_text);
            tool.error = text("error");
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
    let truth = |path: &[&str]| json::at(event, path).and_then(json::truth);
    let went_well = match kind {
        "patch_apply_end" => truth(&["success"]),
        "mcp_tool_call_end" => {
            let result = json::at(event, &["result", "Ok"]);
            Some(result.is_some() && truth(&["result", "Ok", "isError"]) != Some(true))
        }
        "exec_command_end" => None,
        _ => return None,
    };
    Some(ToolItem {
        id: text("call_id")?,
        name: kind.trim_end_matches("_end").to_owned(),
        mcp_server: json::text(event, &["invocation", "server"]).map(str::to_owned),
        output: text("aggregated_output"),
        status: went_well.map(|well| if well { COMPLETED } else { "failed" }.to_owned()),
        error: json::text(event, &["result", "Err"]).map(str::to_owned),
        exit_code: event.get("exit_code").and_then(Json::as_i64),
        started: duration(event).map(|nanos| at.minus(nanos)),
        completed: Some(at),
        ..ToolItem::default()
    })
}

/// The status of a tool that ended well.
const COMPLETED: &str = "completed";

/// The thread of the sub-agent that a call set to work, as far as what is known of the call says. A
/// message alone (`send_message`) leaves a sub-agent at rest.
pub(crate) fn set_to_work(call: &ToolCall) -> Option<String> {
    let parse = |text: &Option<String>| serde_json::from_str::<Json>(text.as_deref()?).ok();
    let has_name = |name: &str| call.name.ends_with(name);
    if has_name("send_message") {
        return None;
    }
    call.sub_agent.clone().or_else(|| {
        // Versions without a record of the call's end (up to 0.148).
        if has_name("spawn_agent") {
            let output = parse(&call.output)?;
            json::text_of(&output, &["agent_id", "thread_id"]).map(str::to_owned)
        } else if has_name("send_input") {
            json::text(&parse(&call.output)?, &["submission_id"])?;
            json::text_of(&parse(&call.arguments)?, &["target", "id"]).map(str::to_owned)
        } else {
            None
        }
    })
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

    #[test]
    fn a_command_is_shown_as_the_model_asked_for_it() {
        let check = |command: Json, expected: &str| {
            assert_eq!(command_arguments(&command), expected);
        };
        check(serde_json::json!(["/bin/bash", "-lc", "echo 'a b'"]), r#"{"cmd":"echo 'a b'"}"#);
        check(serde_json::json!(["ls", "-la"]), r#"["ls","-la"]"#);
    }
}
