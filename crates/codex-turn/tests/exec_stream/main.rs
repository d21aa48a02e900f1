//! What Codex 0.171.0 writes with `codex exec --json`, against a scripted model.

use codex_turn::{ExecStream, SignalKind};
use expect_test::{Expect, expect};
use otlp_model::turn::Outcome;
use otlp_model::{Turn, UnixNanos};

const TURN: &str = include_str!("turn.jsonl");
const FAILED: &str = include_str!("failed.jsonl");

/// Reads a line each 10 ms; the log of it, and the turn.
fn read(lines: &str) -> (String, Turn) {
    let mut stream = ExecStream::new("Add a file hello.txt", Some("gpt-5.5".to_owned()));
    let at = |line: usize| UnixNanos::from_millis(line as u64 * 10);
    let numbered = lines.lines().enumerate();
    let mut signals: Vec<_> =
        numbered.flat_map(|(number, line)| stream.line(at(number), line)).collect();
    signals.extend(stream.finish(at(100)));
    let log = signals.iter().map(|signal| format!("{signal}\n")).collect();
    match signals.pop().map(|signal| signal.kind) {
        Some(SignalKind::TurnEnded(turn)) => (log, *turn),
        other => panic!("the last signal is {other:?}"),
    }
}

fn check(lines: &str, expected: Expect) -> Turn {
    let (log, turn) = read(lines);
    expected.assert_eq(&log.replace(&turn.thread_id, "T"));
    turn
}

#[test]
fn a_turn_is_reported_while_it_goes_on() {
    let turn = check(
        TURN,
        expect![[r#"
        thread=T turn=0 thread started
        thread=T turn=1 turn started
        thread=T turn=1 tool started id=item_1 name=command_execution
        thread=T turn=1 tool ended id=item_1 name=command_execution duration_ms=10
        thread=T turn=1 tool started id=item_2 name=command_execution
        thread=T turn=1 tool failed id=item_2 name=command_execution duration_ms=10
        thread=T turn=1 tool started id=item_3 name=file_change
        thread=T turn=1 tool ended id=item_3 name=file_change duration_ms=10
        thread=T turn=1 files changed count=1
        thread=T turn=1 token usage input=4000 output=200
        thread=T turn=1 turn ended duration_ms=90
    "#]],
    );
    assert_eq!(turn.answer.as_deref(), Some("I added hello.txt."));
    assert_eq!(turn.usage().input, 4000);
    let tools: Vec<_> = turn.tool_calls().collect();
    assert_eq!(tools.len(), 3);
    assert_eq!(tools[1].outcome, Outcome::Failed("exit code 1".to_owned()));
    assert!(tools[1].failed_by_exit_code);
    assert!(tools[1].output.as_deref().unwrap_or_default().contains("No such file"));
}

#[test]
fn a_failed_turn_says_why() {
    let turn = check(
        FAILED,
        expect![[r#"
        thread=T turn=0 thread started
        thread=T turn=1 turn started
        thread=T turn=1 turn failed duration_ms=20
    "#]],
    );
    assert_eq!(turn.outcome, Outcome::Failed("the model is not there".to_owned()));
}

#[test]
fn a_stream_that_ends_anywhere_loses_no_turn() {
    let lines: Vec<&str> = TURN.lines().collect();
    for end in 2..lines.len() {
        let (_, turn) = read(&lines[..end].join("\n"));
        assert!(matches!(turn.outcome, Outcome::Cancelled(_)), "{end}: {:?}", turn.outcome);
        assert!(turn.tool_calls().all(|tool| tool.end >= tool.start));
    }
    let (_, turn) = read(&FAILED.lines().take(3).collect::<Vec<_>>().join("\n"));
    assert_eq!(turn.outcome, Outcome::Failed("the model is not there".to_owned()));
}

#[test]
fn a_turn_whose_end_is_missing_is_cut_off_by_what_begins() {
    let mut stream = ExecStream::new("", None);
    let mut read = |line: &str| -> Vec<String> {
        let signals = stream.line(UnixNanos::from_millis(10), line);
        signals.iter().map(ToString::to_string).collect()
    };
    read(r#"{"type":"thread.started","thread_id":"one"}"#);
    let turn = r#"{"type":"turn.started"}"#;
    assert_eq!(read(turn), ["thread=one turn=1 turn started"]);
    let cut_off = "thread=one turn=1 turn cancelled duration_ms=0";
    assert_eq!(read(turn), [cut_off, "thread=one turn=2 turn started"]);
    let cut_off = "thread=one turn=2 turn cancelled duration_ms=0";
    let thread = r#"{"type":"thread.started","thread_id":"two"}"#;
    assert_eq!(read(thread), [cut_off, "thread=two turn=2 thread started"]);
}

#[test]
fn a_change_that_failed_changed_no_file() {
    let mut stream = ExecStream::new("", None);
    let at = UnixNanos::from_millis(10);
    stream.line(at, r#"{"type":"turn.started"}"#);
    let mut signals = |status: &str| {
        let item = serde_json::json!({ "id": status, "type": "file_change", "status": status,
            "changes": [{ "path": "a.txt", "kind": "add" }] });
        let event = serde_json::json!({ "type": "item.completed", "item": item });
        let signals = stream.line(at, &event.to_string());
        signals.into_iter().map(|signal| signal.kind).collect::<Vec<_>>()
    };
    assert_eq!(signals("completed")[1..], [SignalKind::FilesChanged(vec!["a.txt".to_owned()])]);
    for status in ["failed", "declined"] {
        assert!(matches!(signals(status)[..], [SignalKind::ToolEnded(_)]), "{status}");
    }
}

#[test]
fn what_is_not_understood_says_nothing() {
    let mut stream = ExecStream::new("", None);
    for line in ["", "no json", "[]", r#"{"type":7}"#, r#"{"type":"item.completed"}"#] {
        assert_eq!(stream.line(UnixNanos(1), line), []);
    }
    assert_eq!(stream.line(UnixNanos(2), r#"{"type":"turn.started"}"#).len(), 1);
    for line in [r#"{"type":"item.completed","item":{}}"#, r#"{"type":"item.started","item":4}"#] {
        assert_eq!(stream.line(UnixNanos(3), line), []);
    }
    assert_eq!(stream.line(UnixNanos(4), r#"{"type":"turn.completed","usage":"many"}"#).len(), 1);
    assert_eq!(stream.finish(UnixNanos(5)), None);
}
