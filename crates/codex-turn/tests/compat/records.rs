//! The second table of `docs/codex-versions.md`: each kind of record that is in a recording, and what
//! becomes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use serde_json::Value as Json;

use super::support::{cases, data_dir, transcripts_of};

pub(super) const ABOUT: &str = "
## What Codex writes

Every kind of record of a transcript and every log event that is in a recording, the oldest and the
newest recorded version that it was seen in, and what becomes of it. A kind that is not here fails
the test.
";

pub(super) const NEWS: &str = "
## What is new

In 0.171, beside 0.169, with the same sessions of `codex exec`, of an editor and of a terminal (0.170
was never published):

- No record, item or log event is of a new kind, and none is gone.
- Response items have `metadata.model_search_state`. Nothing becomes of it.
- `compacted` has `retained_context` with the answers that the model goes on to see. The span
  `compaction` has the summary, as before.
- `codex exec --remote` has a running app server do the turn.
- `codex mcp-server` is gone: 0.145 has it, 0.157.1 and later take it for a prompt.

Earlier: later work of sub-agents by `followup_task` since their second generation (0.169 recorded),
by `send_input` in the first (0.130); `thread/revert`, after which a thread goes on in another file
(0.169); forks that copy no history any more (0.169); a turn's `error` in `task_complete` (0.145).
";

/// What becomes of each kind, the kinds in alphabetical order.
const KINDS: [(&str, &str); 51] = [
    ("codex.agent_communication", NOTHING),
    (
        "codex.api_request",
        "time, HTTP status and error of an LLM span; a failed attempt is one of its own",
    ),
    ("codex.conversation_starts", NOTHING),
    ("codex.sandbox_outcome", NOTHING),
    ("codex.sse_event", "tokens, time to first token and end of an LLM span; why a stream broke"),
    ("codex.startup_phase", NOTHING),
    ("codex.tool_decision", "approval of a TOOL span, and who gave it"),
    ("codex.tool_result", "times, success and what else is known of a TOOL span"),
    ("codex.turn_ttft", NOTHING),
    ("codex.user_prompt", "the prompt where there is no transcript"),
    ("codex.websocket_connect", NOTHING),
    ("codex.websocket_request", "time of an LLM span"),
    ("compacted", "CHAIN `compaction` with the summary"),
    ("event without a name", NOTHING),
    ("event_msg agent_message", "the answer"),
    ("event_msg agent_reasoning", "nothing: it is in the response item, too"),
    ("event_msg context_compacted", "nothing: `compacted` says it, too"),
    ("event_msg mcp_tool_call_end", "server, times and outcome of a TOOL span"),
    ("event_msg patch_apply_end", "outcome of a TOOL span"),
    ("event_msg task_complete", "end, duration, answer and failure of a turn"),
    ("event_msg task_started", "a turn, and the one that set it to work"),
    ("event_msg thread_settings_applied", "model, sandbox and approval mode, service tier"),
    ("event_msg token_count", "tokens of an LLM span where there is no `token_usage_record`"),
    ("event_msg turn_aborted", "end of a turn that was stopped, and why"),
    ("event_msg user_message", "the prompt; up to 0.98 a turn"),
    ("inter_agent_communication_metadata", NOTHING),
    ("item AgentMessage", "the answer"),
    ("item CollabAgentToolCall", "TOOL, and the sub-agent that works for it"),
    (
        "item CommandExecution",
        "exit code, times and output of a TOOL span; a command of the user's",
    ),
    ("item ContextCompaction", "start of a CHAIN `compaction`"),
    ("item EnteredReviewMode", "TOOL `review`"),
    ("item ExitedReviewMode", "end of TOOL `review`, and its output"),
    ("item FileChange", "outcome of a TOOL `apply_patch`"),
    ("item HookPrompt", "nothing: it is in the response item, too"),
    ("item ImageView", "nothing: the response items tell the call"),
    ("item McpToolCall", "server, times and outcome of a TOOL span"),
    ("item Reasoning", "nothing: it is in the response item, too"),
    ("item SubAgentActivity", "the sub-agent that works for a TOOL span"),
    ("item UserMessage", "the prompt"),
    ("item WebSearch", "nothing: the response item tells the call"),
    ("response_item …_call", "TOOL, and a part of an LLM span's output"),
    ("response_item …_output", "output and outcome of a TOOL span, and a message to the model"),
    ("response_item additional_tools", "nothing: the tools that the model is offered"),
    ("response_item agent_message", "a message to the model, and the prompt of a sub-agent"),
    ("response_item ghost_snapshot", "nothing: a commit that Codex made to be able to go back"),
    ("response_item message", "a message to the model, or of the model"),
    ("response_item reasoning", "a part of an LLM span's output"),
    ("session_meta", "thread, lineage, version, front end, repository"),
    ("token_usage_record", "tokens and response id of an LLM span"),
    ("turn_context", "model, effort, sandbox and approval mode, directory"),
    ("world_state", "nothing: what Codex tells the model of the machine"),
];

const NOTHING: &str = "nothing";

/// The table, in Markdown.
pub(super) fn table() -> String {
    let seen = seen();
    let mut text = "\n| Kind | Seen in | Becomes |\n| --- | --- | --- |\n".to_owned();
    let known: BTreeMap<&str, &str> = KINDS.into_iter().collect();
    let unknown: Vec<&String> =
        seen.keys().filter(|kind| !known.contains_key(kind.as_str())).collect();
    let unseen: Vec<&&str> = known.keys().filter(|kind| !seen.contains_key(**kind)).collect();
    assert!(unknown.is_empty() && unseen.is_empty(), "unknown: {unknown:?}, unseen: {unseen:?}");
    for (kind, versions) in &seen {
        let of =
            |version: &Version| version.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        let (first, last) = (of(versions.first().unwrap()), of(versions.last().unwrap()));
        let seen_in = if first == last { first } else { format!("{first} to {last}") };
        writeln!(text, "| `{kind}` | {seen_in} | {} |", known[kind.as_str()]).unwrap();
    }
    text
}

type Version = Vec<u32>;

/// The kinds that are in the recordings, and the versions that write them.
fn seen() -> BTreeMap<String, BTreeSet<Version>> {
    let mut seen: BTreeMap<String, BTreeSet<Version>> = BTreeMap::new();
    for case in cases() {
        let (version, _) = case.split_once('/').unwrap();
        let version: Version = version.split('.').map(|part| part.parse().unwrap()).collect();
        let mut add = |kind: String| seen.entry(kind).or_default().insert(version.clone());
        for file in transcripts_of(&case) {
            for record in records(&fs::read_to_string(file).unwrap()) {
                add(kind(&record));
            }
        }
        let logs = fs::read_to_string(data_dir(&case).join("logs.jsonl")).unwrap_or_default();
        for name in records(&logs).flat_map(|body| event_names(&body)) {
            add(name);
        }
    }
    seen
}

fn records(text: &str) -> impl Iterator<Item = Json> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok())
}

fn kind(record: &Json) -> String {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let payload = &record["payload"];
    match (text(&record["type"]).as_str(), text(&payload["type"]).as_str()) {
        ("event_msg", "item_completed") => format!("item {}", text(&payload["item"]["type"])),
        ("response_item", call) if call.ends_with("_call") => "response_item …_call".to_owned(),
        ("response_item", output) if output.ends_with("_output") => {
            "response_item …_output".to_owned()
        }
        (outer @ ("event_msg" | "response_item"), inner) => format!("{outer} {inner}"),
        (outer, _) => outer.to_owned(),
    }
}

fn event_names(body: &Json) -> impl Iterator<Item = String> + use<> {
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let scopes = list(&body["resourceLogs"]).into_iter().flat_map(move |of| list(&of["scopeLogs"]));
    let events = scopes.flat_map(move |scope| list(&scope["logRecords"]));
    events.map(move |event| {
        let attributes = list(&event["attributes"]);
        let name = attributes.iter().find(|attribute| attribute["key"] == "event.name");
        let name = name.and_then(|name| name["value"]["stringValue"].as_str());
        name.unwrap_or("event without a name").to_owned()
    })
}
