//! The tables of `docs/codex-versions.md`: what the recorded basic session of each version tells, and
//! what becomes of each kind of record.

mod records;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use codex_turn::{RECORDED_VERSIONS, events_of, fuse};
use expect_test::expect_file;
use otlp_model::Turn;
use otlp_model::turn::{LlmCall, Outcome, ToolCall};

use crate::support::{self, Recording, versions};

const ABOUT: &str = "\
# What is known of each version of Codex

From recordings of the real CLI, one per version, of the same session: one turn, three responses of
the model, and three tool calls, of which one command fails with exit code 3. `cargo xtask capture`
records further versions, `cargo xtask compat` writes this table, and a test compares it with what
the recordings decode to. Versions in between are like their neighbours.

- **Turn id**: what tells a turn from others of its thread, Codex's own id or its place.
- **Calls**, **tools**: how many are found, of three. **Tokens**: whether they add up to Codex's own
  count.
- **Exit code 3**: whether the failed command is known to have failed.
- **Times**: for how many calls and tools the log events tell start and end.
- **First token**: for how many calls the events tell the time to it.
- **Response id**: for how many calls the transcript has the provider's id.
- **Events only**: what is found where there is no transcript (`codex exec --ephemeral`).
- **Notify**: what Codex says at the end of a turn, which is all there is without both.
";

const COLUMNS: [&str; 12] = [
    "Codex",
    "Turn id",
    "Calls",
    "Tokens",
    "Tools",
    "Command tool",
    "Exit code 3",
    "Times",
    "First token",
    "Response id",
    "Events only",
    "Notify",
];

#[test]
fn the_table_of_versions_is_what_the_recordings_tell() {
    let mut text = format!("{ABOUT}\n| {} |\n|{}\n", COLUMNS.join(" | "), " --- |".repeat(12));
    for version in versions() {
        writeln!(text, "| {} |", row(&version).join(" | ")).unwrap();
    }
    text += records::ABOUT;
    text += &records::table();
    text += records::NEWS;
    expect_file!["../../../../docs/codex-versions.md"].assert_eq(&text);
}

#[test]
fn the_list_of_versions_is_that_of_the_recordings() {
    assert_eq!(versions(), RECORDED_VERSIONS);
}

fn row(version: &str) -> [String; 12] {
    let recording = Recording::load(&format!("{version}/basic"));
    let (turns, _) = recording.transcript();
    let transcript = &turns[0];
    let turn = fuse(transcript, &events_of(transcript, None, None, &recording.events));
    let calls: Vec<&LlmCall> = turn.llm_calls().filter(|call| call.usage.is_some()).collect();
    let tools: Vec<&ToolCall> = turn.tool_calls().collect();
    let commands: BTreeSet<&str> = tools
        .iter()
        .filter(|tool| tool.arguments.as_deref().is_some_and(|text| text.contains("exit 3")))
        .map(|tool| tool.name.as_str())
        .collect();
    let failed = tools.iter().any(|t| t.outcome == Outcome::Failed("exit code 3".to_owned()));
    let timed_calls = calls.iter().filter(|call| {
        call.attributes.iter().any(|attribute| attribute.key == "http.response.status_code")
    });
    let times = format!("{} calls, {} tools", timed_calls.count(), timed_tools(&recording, &tools));
    let first_token = calls.iter().filter(|call| call.time_to_first_token.is_some()).count();
    let response_id = calls.iter().filter(|call| call.response_id.is_some()).count();
    [
        version.to_owned(),
        if transcript.turn_id.is_some() { "own" } else { "place" }.to_owned(),
        calls.len().to_string(),
        yes(tokens(&turn) == recording.final_count()),
        tools.len().to_string(),
        commands.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        yes(failed),
        times,
        first_token.to_string(),
        response_id.to_string(),
        events_only(&recording, &turn),
        notify(&recording),
    ]
}

fn tokens(turn: &Turn) -> Option<[i64; 4]> {
    let usage = turn.usage();
    let counts = [usage.input, usage.cached_input, usage.output, usage.reasoning_output];
    Some(counts.map(|count| i64::try_from(count).unwrap()))
}

/// How many tools have an event that tells their end.
fn timed_tools(recording: &Recording, tools: &[&ToolCall]) -> usize {
    let has_event = |tool: &&&ToolCall| {
        recording.events.iter().any(|event| {
            event.name == "codex.tool_result"
                && event.attributes.get("call_id").is_some_and(|id| *id == tool.call_id)
                && event.time == tool.end
        })
    };
    tools.iter().filter(has_event).count()
}

fn events_only(recording: &Recording, turn: &Turn) -> String {
    let payload = &recording.payloads[0];
    if payload.thread_id.is_none() {
        return "nothing: notify names no thread".to_owned();
    }
    let events: Vec<_> = recording.events.iter().collect();
    let alone = codex_turn::turn_from_events(payload, "thread", &events, turn.end);
    let (calls, tools) =
        alone.map_or((0, 0), |turn| (turn.llm_calls().count(), turn.tool_calls().count()));
    format!("{calls} calls, {tools} tools")
}

fn notify(recording: &Recording) -> String {
    let payload = &recording.payloads[0];
    let said = [
        ("thread", payload.thread_id.is_some()),
        ("turn", payload.unique_turn_id().is_some()),
        ("prompt", !payload.input_messages.is_empty()),
        ("answer", payload.last_assistant_message.is_some()),
        ("client", payload.client.is_some()),
    ];
    let said = said.iter().filter(|(_, said)| *said).map(|(what, _)| *what);
    said.collect::<Vec<_>>().join(", ")
}

fn yes(truth: bool) -> String {
    if truth { "yes" } else { "no" }.to_owned()
}
