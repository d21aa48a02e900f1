//! What models, servers, workspaces and other users wrote does nothing to the terminal on which any
//! command shows it.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs;
use std::path::Path;
use std::process::Command;

use otlp_model::{Attribute, Span, SpanBatch, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos};
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
    let quoted = serde_json::to_string(HOSTILE).unwrap();
    let settings = format!(
        "harnesses:\n  codex:\n    target: otlp\n    endpoint: {quoted}\n    codex_bin: {quoted}\n    project_name: {quoted}\n  {quoted}: 1\n"
    );
    fs::write(harness.join("config.yaml"), settings).unwrap();
    let codex = home.path().join(".codex");
    fs::create_dir_all(&codex).unwrap();
    fs::write(codex.join("config.toml"), format!("notify = [{quoted}]\n# {HOSTILE}\n")).unwrap();
    let store = harness.join("traces.db");
    let mut seen = 0;
    for arguments in [
        "show",
        "show --json",
        "show --last",
        "show --last --json",
        "logs",
        "status",
        "status --json",
        "doctor",
        "doctor --json",
        "flush",
        "flush --json",
        "flush --rejected",
        "setup --dry-run -y",
        "setup --dry-run -y --json",
        "uninstall --dry-run -y",
        "--help",
        "show no\u{1b}[31msuch\u{202e}trace",
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
        command.args(arguments.split(' ')).env_clear();
        command.env("HOME", home.path()).env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
        command.env("ARIZE_CODEX_BUFFER_PORT", "9");
        let done = command.output().unwrap();
        assert!(done.status.code().is_some_and(|code| code < 101), "{arguments}: {done:?}");
        for stream in [&done.stdout, &done.stderr] {
            let text = std::str::from_utf8(stream).unwrap();
            seen += usize::from(text.contains("title"));
            let harmful = text
                .chars()
                .find(|c| *c != '\n' && terminal_text::line(&c.to_string()) != c.to_string());
            assert_eq!(harmful, None, "{arguments}: {text:?}");
            if arguments.ends_with("--json") && !text.is_empty() && done.status.success() {
                serde_json::from_str::<serde_json::Value>(text).unwrap();
            }
        }
    }
    assert!(store.exists() && seen >= 5, "{seen} commands showed it");
}

fn store(harness: &Path) {
    let span = |id: u8, parent: Option<u8>, kind| Span {
        trace_id: TraceId([7; 16]),
        span_id: SpanId([id; 8]),
        parent_id: parent.map(|parent| SpanId([parent; 8])),
        name: HOSTILE.to_owned(),
        kind,
        start: UnixNanos::from_millis(1_795_214_071_000),
        end: UnixNanos::from_millis(1_795_214_072_000),
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
        "start_ms": 1_795_214_071_000_u64, "end_ms": 1_795_214_072_000_u64, "status": HOSTILE,
        "model": HOSTILE, "input_tokens": 1, "cached_tokens": 0, "output_tokens": 1,
        "cost_usd": null, "targets": [HOSTILE],
    });
    for day in ["2026-11-20.jsonl", "2026-11-20"] {
        fs::write(folder.join(day), format!("{entry}\n")).unwrap();
    }
}

/// A batch that a target refused, with what the target said.
fn rejected(harness: &Path) {
    use exporters::outbox::{Limits, Outbox};

    let outbox = Outbox::new(harness.join("state/codex/outbox/otlp"), Limits::default());
    let span = Span {
        trace_id: TraceId([8; 16]),
        span_id: SpanId([8; 8]),
        parent_id: None,
        name: HOSTILE.to_owned(),
        kind: SpanKind::Agent,
        start: UnixNanos::from_millis(1_795_214_071_000),
        end: UnixNanos::from_millis(1_795_214_072_000),
        attributes: Vec::new(),
        events: Vec::new(),
        status: SpanStatus::Ok,
    };
    let batch = SpanBatch { resource: Vec::new(), spans: vec![span] };
    outbox.push(&batch, std::time::SystemTime::now()).unwrap();
    let standing = serde_json::json!({ "failures": 3, "reason": HOSTILE, "answer": HOSTILE });
    fs::write(outbox.folder().join("standing.json"), standing.to_string()).unwrap();
}
