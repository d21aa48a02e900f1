//! `arize-codex show` for people: lists, comparisons and turns that run.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use exporters::{Exporter, LocalStore};
use otlp_model::turn::{Agent, LlmCall, Outcome, Step, ToolCall};
use otlp_model::{Attribute, SpanBatch, TreeOptions, Turn, UnixNanos};
use serde_json::Value as Json;

const TRANSCRIPT: &str = include_str!("../../codex-live/tests/data/rollout.jsonl");
const THREAD: &str = "01a22d3d-2ee4-7240-9e9f-f1bab2515e1a";

fn command(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
    command.env_clear().env("HOME", home).env("TZ", "Asia/Tokyo").stdin(Stdio::null());
    command
}

fn show(home: &Path, arguments: &[&str]) -> Output {
    command(home).arg("show").args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A turn that asks a shell for these commands.
fn turn(key: &str, prompt: &str, outcome: Outcome, commands: &[&str]) -> Turn {
    let tool = |(nth, command): (u64, &&str)| ToolCall {
        call_id: format!("call_{nth}"),
        name: "exec_command".to_owned(),
        arguments: Some(format!("{{\"cmd\":{command:?}}}")),
        outcome: Outcome::Ok,
        start: UnixNanos::from_millis(1_795_262_400_000 + nth),
        ..ToolCall::default()
    };
    let start = UnixNanos::from_millis(1_795_262_400_000);
    let call = LlmCall {
        start,
        end: start,
        tools: (0..).zip(commands).map(tool).collect(),
        ..LlmCall::default()
    };
    let status = match outcome {
        Outcome::Ok => "completed",
        _ => "failed",
    };
    Turn {
        agent: Agent::named("codex"),
        thread_id: format!("thread-{key}"),
        session_id: format!("thread-{key}"),
        key: key.to_owned(),
        prompt: Some(prompt.to_owned()),
        outcome,
        start,
        end: UnixNanos::from_millis(1_795_262_401_000),
        steps: vec![Step::Llm(call)],
        attributes: vec![Attribute::new("codex.turn.status", status)],
        ..Turn::default()
    }
}

fn stored(home: &Path, turns: &[Turn]) {
    let store = LocalStore::new(home.join(".arize/harness/traces.db"));
    for turn in turns {
        store.export(&SpanBatch::of(turn, "project", &TreeOptions::default())).unwrap();
    }
}

#[test]
fn a_list_has_the_turns_that_were_asked_for() {
    let home = tempfile::tempdir().unwrap();
    stored(
        home.path(),
        &[
            turn("a", "mend the flaky test", Outcome::Ok, &["cargo test"]),
            turn("b", "deploy \u{1b}[31mit", Outcome::Failed("no".to_owned()), &[]),
        ],
    );
    let prompts = |arguments: &[&str]| -> Vec<String> {
        let listed = show(home.path(), &[arguments, &["--json"]].concat());
        let listed: Json = serde_json::from_slice(&listed.stdout).unwrap();
        let turns = listed.as_array().unwrap().iter();
        turns.map(|turn| turn["prompt"].as_str().unwrap()[..4].to_owned()).collect()
    };
    assert_eq!(prompts(&[]).len(), 2);
    assert_eq!(prompts(&["--failed"]), ["depl"]);
    assert_eq!(prompts(&["--thread", "thread-a"]), ["mend"]);
    assert_eq!(prompts(&["--search", "cargo"]), ["mend"]);
    assert_eq!(prompts(&["--search", "flaky nothing"]).len(), 0);
    assert_eq!(prompts(&["--since", "2026-11-20"]).len(), 2);
    assert_eq!(prompts(&["--since", "2099-01-01"]).len(), 0);
    let list = text(&show(home.path(), &[]));
    // 2026-11-21T12:00Z is in the evening there.
    assert!(list.contains("STARTED (JST)") && list.contains("21:00"), "{list}");
    assert!(list.contains("deploy ␛[31mit") && !list.contains('\u{1b}'), "{list}");
    let json = show(home.path(), &["--json"]);
    assert!(text(&json).contains("2026-11-21T12:00:00.000Z"));
    let nothing = show(home.path(), &["--model", "none"]);
    assert_eq!(nothing.status.code(), Some(3));
    let wrong = show(home.path(), &["--since", "whenever"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn two_turns_are_the_same_or_differ() {
    let home = tempfile::tempdir().unwrap();
    let turns = [
        turn("a", "x", Outcome::Ok, &["ls", "cargo test"]),
        turn("b", "y", Outcome::Ok, &["ls", "cargo test"]),
        turn("c", "z", Outcome::Ok, &["ls", "cargo check", "git status"]),
    ];
    stored(home.path(), &turns);
    let [a, b, c] = turns.map(|turn| turn.trace_id().to_string());
    let same = show(home.path(), &["--compare", &a, &b]);
    assert_eq!(same.status.code(), Some(0));
    assert!(text(&same).contains("2 tool calls, all the same"), "{}", text(&same));
    let differ = show(home.path(), &["--compare", &a, &c]);
    assert_eq!(differ.status.code(), Some(1));
    let printed = text(&differ);
    for line in [
        "first divergence at tool call 2",
        "- exec_command  $ cargo test",
        "+ exec_command  $ cargo check",
        "+ exec_command  $ git status",
    ] {
        assert!(printed.contains(line), "{printed}");
    }
    let json = show(home.path(), &["--compare", &a, &c, "--json"]);
    assert_eq!(json.status.code(), Some(1));
    let json: Json = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["same"], &json["first_divergence"]), (&false.into(), &1.into()));
    assert_eq!(show(home.path(), &["--compare", &a, "ffff"]).status.code(), Some(3));
}

#[test]
fn rows_of_a_running_turn_come_as_they_are_written_until_ctrl_c() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".codex/sessions/2026/11/30");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("rollout-2026-11-30T16-15-14-{THREAD}.jsonl"));
    let append = |lines: &[&str]| {
        let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        file.write_all(lines.concat().as_bytes()).unwrap();
    };
    let lines: Vec<&str> = TRANSCRIPT.split_inclusive('\n').collect();
    let is_output = |line: &&str| line.contains("_output\"");
    let first_output = lines.iter().position(is_output).unwrap();
    append(&lines[..first_output]);
    let mut running = command(home.path());
    let mut running = running.args(["show", "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut rows = BufReader::new(running.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut until = |part: &str| rows.by_ref().find(|row| row.contains(part)).unwrap();
    until("thread b2515e1a");
    until("> Patch");
    // It runs, and nothing of its end is there.
    until("apply_patch  + new.txt");
    append(&lines[first_output..]);
    until("apply_patch  ok");
    until("exec_command  $ apply_patch");
    until("completed");
    let id = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(130));
}
