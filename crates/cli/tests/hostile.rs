//! What models, servers, workspaces and other users wrote does nothing to the terminal on which any
//! command shows it.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use delivery::{Attempt, Limits, Outbox};
use exporters::{AnswerStatus, ExportError};
use otlp_model::{Attribute, Span, SpanBatch, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos};
use serde_json::json;
use trace_store::TraceStore;

/// A colour, a title, a cleared screen, a hidden text, C1 codes, breaks of lines that are no newline,
/// text that runs backwards, and text that does not show.
const HOSTILE: &str = "a\u{1b}[31mb\u{1b}]0;title\u{7}c\u{1b}[2Jd\u{1b}[8me\u{9b}2Jf\u{9d}0;x\u{9c}g\
    \u{8}\u{7f}\r\u{b}\u{c}\u{85}\u{2028}\u{2029}h\u{202e}i\u{2066}j\u{200b}k\u{feff}l\u{e0041}m\u{ad}n\u{0}o";

#[test]
fn no_command_shows_what_acts_on_a_terminal() {
    let home = tempfile::tempdir().unwrap();
    let harness = home.path().join(".arize/harness");
    fs::create_dir_all(harness.join("logs")).unwrap();
    store(&harness);
    let line = format!("2026-11-20T22:34:31.000Z error [7] {HOSTILE}\n{HOSTILE}\n");
    fs::write(harness.join("logs/codex.log"), line).unwrap();
    ledger(&harness);
    rejected(&harness);
    let quoted = quoted();
    let settings = format!(
        "harnesses:\n  codex:\n    target: otlp\n    endpoint: {quoted}\n    codex_bin: {quoted}\n    project_name: {quoted}\n  {quoted}: 1\n"
    );
    fs::write(harness.join("config.yaml"), settings).unwrap();
    let codex = home.path().join(".codex");
    fs::create_dir_all(&codex).unwrap();
    fs::write(codex.join("config.toml"), format!("notify = [{quoted}]\n# \u{202e}title\n"))
        .unwrap();
    let _held = running(&codex, 1);
    let store = harness.join("traces.db");
    let mut wrong = Vec::new();
    for (arguments, shows_it) in [
        ("show", true),
        ("show --json", true),
        ("show --last", true),
        ("show --last --json", true),
        ("logs", true),
        ("status", true),
        ("status --json", true),
        ("doctor", true),
        ("doctor --json", true),
        ("flush", true),
        ("flush --json", true),
        ("flush --rejected", true),
        ("report --all --by project", true),
        ("report --all --by model,session", true),
        ("report --all --by branch --explain", true),
        ("report --all --by folder --json", true),
        ("quota", false),
        ("budget", false),
        ("import", false),
        ("prune --dry-run", false),
        ("tag 0707", true),
        ("top --once", true),
        ("top --once --json", true),
        ("setup --dry-run -y", true),
        ("setup --dry-run -y --json", true),
        ("uninstall --dry-run -y", false),
        ("--help", false),
        ("show no\u{1b}[31msuch\u{202e}trace", true),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
        command.args(arguments.split(' '));
        in_home(&mut command, home.path());
        let done = command.output().unwrap();
        assert!(done.status.code().is_some_and(|code| code < 101), "{arguments}: {done:?}");
        let mut shown = false;
        for stream in [&done.stdout, &done.stderr] {
            let text = std::str::from_utf8(stream).unwrap();
            shown |= text.contains("[31m");
            assert_eq!(harmful(text), None, "{arguments}: {text:?}");
            if arguments.ends_with("--json") && !text.is_empty() && done.status.success() {
                serde_json::from_str::<serde_json::Value>(text).unwrap();
            }
        }
        wrong.extend((shown != shows_it).then_some(arguments));
    }
    assert_eq!(wrong, Vec::<&str>::new());
    assert!(store.exists());
}

/// Commands that do not end by themselves show what a turn does while it does it.
#[test]
fn nothing_that_goes_on_acts_on_a_terminal() {
    let home = tempfile::tempdir().unwrap();
    let codex = home.path().join(".codex");
    for arguments in
        [&["show", "--follow"][..], &["show", "--follow", "--json"], &["top", "--plain"]]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
        command.args(arguments).stdout(Stdio::piped());
        in_home(&mut command, home.path());
        let mut process = command.spawn().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(process.stdout.take().unwrap());
        thread::spawn(move || output.lines().try_for_each(|line| sender.send(line.unwrap())));
        // It shows what begins while it runs: one turn after another, until it does.
        let mut shown = String::new();
        let mut held = Vec::new();
        while !shown.contains("[31m") && held.len() < 200 {
            held.push(running(&codex, held.len() as u32));
            while let Ok(line) = lines.recv_timeout(Duration::from_millis(500)) {
                shown += &(line + "\n");
            }
        }
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(shown.contains("[31m"), "{arguments:?}: {shown:?}");
        assert_eq!(harmful(&shown), None, "{arguments:?}: {shown:?}");
        drop(held);
        fs::remove_dir_all(&codex).unwrap();
    }
}

fn in_home(command: &mut Command, home: &Path) {
    command.env_clear();
    command.env("HOME", home).env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
    command.env("ARIZE_CODEX_BUFFER_PORT", "9");
}

/// The first character that acts on a terminal.
fn harmful(text: &str) -> Option<char> {
    let is_harmful = |c: &char| *c != '\n' && terminal_text::line(&c.to_string()) != c.to_string();
    text.chars().find(is_harmful)
}

/// A transcript of a turn that goes on; the file is to be held, as Codex does.
fn running(codex: &Path, turn: u32) -> File {
    let folder = codex.join("sessions/2026/11/20");
    fs::create_dir_all(&folder).unwrap();
    let name = "rollout-2026-11-20T22-34-31-01a1fb18-d745-76d3-8970-09f42d282b2f.jsonl";
    let mut file = File::options().create(true).append(true).open(folder.join(name)).unwrap();
    let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let git = json!({ "branch": HOSTILE, "repository_url": format!("https://h/{HOSTILE}.git") });
    let content = json!([{ "type": "input_text", "text": HOSTILE }]);
    let said = json!([{ "type": "text", "text": HOSTILE }]);
    let call = |id: &str| {
        json!({ "type": "function_call", "name": HOSTILE, "call_id": id,
            "arguments": json!({ "cmd": HOSTILE }).to_string() })
    };
    let usage = json!({ "input_tokens": 9, "output_tokens": 1 });
    let turn = turn.to_string();
    for (kind, payload) in [
        (
            "session_meta",
            json!({ "id": "01a1fb18-d745-76d3-8970-09f42d282b2f", "cwd": format!("/{HOSTILE}"),
                "originator": HOSTILE, "cli_version": "0.171.0", "git": git }),
        ),
        ("event_msg", json!({ "type": "task_started", "turn_id": turn })),
        (
            "turn_context",
            json!({ "turn_id": turn, "cwd": format!("/{HOSTILE}"), "model": HOSTILE }),
        ),
        ("response_item", json!({ "type": "message", "role": "user", "content": content })),
        (
            "event_msg",
            json!({ "type": "item_completed", "turn_id": turn,
                "item": { "type": "UserMessage", "content": said } }),
        ),
        ("response_item", call("first")),
        ("token_usage_record", json!({ "turn_id": turn, "response_id": "r", "usage": usage })),
        (
            "response_item",
            json!({ "type": "function_call_output", "call_id": "first", "output": HOSTILE }),
        ),
        ("response_item", call("second")),
    ] {
        let record = json!({ "timestamp": time, "type": kind, "payload": payload });
        writeln!(file, "{record}").unwrap();
    }
    file
}

/// It as YAML and TOML have it between quotes.
fn quoted() -> String {
    let escaped = HOSTILE.chars().map(|c| match c {
        'a'..='z' => c.to_string(),
        c => format!("\\U{:08X}", u32::from(c)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn store(harness: &Path) {
    let span = |id: u8, parent: Option<u8>, kind| Span {
        trace_id: TraceId([7; 16]),
        span_id: SpanId([id; 8]),
        parent_id: parent.map(|parent| SpanId([parent; 8])),
        name: HOSTILE.to_owned(),
        kind,
        start: UnixNanos::from_millis(now_ms() - 2000),
        end: UnixNanos::from_millis(now_ms() - 1000),
        attributes: ["input.value", "output.value", "session.id", "llm.model_name"]
            .map(|key| Attribute::new(key, HOSTILE.to_owned()))
            .to_vec(),
        events: Vec::new(),
        status: SpanStatus::Error(HOSTILE.to_owned()),
    };
    let spans = vec![
        span(1, None, SpanKind::Agent),
        span(2, Some(1), SpanKind::Llm),
        span(3, Some(2), SpanKind::Tool),
    ];
    let mut store = TraceStore::open(harness.join("traces.db")).unwrap();
    store.insert(&SpanBatch { resource: Vec::new(), spans }).unwrap();
}

fn ledger(harness: &Path) {
    let folder = harness.join("state/codex/ledger");
    fs::create_dir_all(&folder).unwrap();
    let entry = serde_json::json!({
        "thread": HOSTILE, "turn": HOSTILE, "number": 1, "cwd": HOSTILE,
        "start_ms": now_ms() - 2000, "end_ms": now_ms() - 1000, "status": HOSTILE,
        "model": HOSTILE, "input_tokens": 1, "cached_tokens": 0, "output_tokens": 1,
        "cost_usd": null, "targets": [HOSTILE],
    });
    let day = humantime::format_rfc3339_seconds(SystemTime::now()).to_string()[..10].to_owned();
    fs::write(folder.join(format!("{day}.jsonl")), format!("{entry}\n")).unwrap();
}

/// Batches that a target refused, one for good and one for now, with what the target said.
fn rejected(harness: &Path) {
    let outbox = Outbox::new(harness.join("state/codex/outbox/otlp"), Limits::default());
    for (id, status) in [(8, 400), (9, 503)] {
        let (status, answer) = (AnswerStatus::Http(status), HOSTILE.to_owned());
        let error = ExportError::answered("http://test", status, answer, None, 1);
        let now = SystemTime::now();
        let until = Instant::now() + Duration::from_secs(60);
        let attempt = Attempt { fingerprint: 1, now, jitter: 1.0, until, clock: &Instant::now };
        outbox.requeue(&turn(id), &error, &attempt).unwrap();
    }
    let summary = outbox.summary().unwrap();
    assert_eq!((summary.queued, summary.rejected.len()), (1, 1));
    // For a place that is the model's or the workspace's word.
    let elsewhere = outbox.beside("otlp@1a2b3c4d");
    elsewhere.push(&turn(10), SystemTime::now()).unwrap();
    let note = serde_json::json!({
        "place": HOSTILE, "one_off": { "variables": {}, "withheld": [HOSTILE] }
    });
    fs::write(elsewhere.folder().join("target.json"), note.to_string()).unwrap();
}

fn turn(id: u8) -> SpanBatch {
    let ended = now_ms();
    let span = Span {
        trace_id: TraceId([id; 16]),
        span_id: SpanId([id; 8]),
        parent_id: None,
        name: HOSTILE.to_owned(),
        kind: SpanKind::Agent,
        start: UnixNanos::from_millis(ended - 1000),
        end: UnixNanos::from_millis(ended),
        attributes: Vec::new(),
        events: Vec::new(),
        status: SpanStatus::Ok,
    };
    SpanBatch { resource: Vec::new(), spans: vec![span] }
}

/// What is old is not shown everywhere.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
