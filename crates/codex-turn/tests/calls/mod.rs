//! A call is known by its place: some providers count `call_0` anew in each response.

use std::collections::HashSet;

use codex_turn::{events_of, fuse, turn_from_events};
use otlp_model::turn::{Outcome, Step, ToolCall};
use otlp_model::{SpanKind, TreeOptions, Turn, Value, span_tree};

use crate::support::{Recording, versions};

/// What was asked, the last line of what came back, and the exit code of a failure.
fn described(call: &ToolCall) -> (String, String, Option<String>) {
    let arguments: serde_json::Value =
        serde_json::from_str(call.arguments.as_deref().unwrap()).unwrap();
    let command = ["cmd", "command"].iter().find_map(|key| arguments.get(*key)).unwrap();
    let command = command.as_array().map_or(command, |words| words.last().unwrap());
    let output = call.output.as_deref().unwrap();
    let output: serde_json::Value = serde_json::from_str(output).unwrap_or(output.into());
    let output = output.get("output").unwrap_or(&output).as_str().unwrap();
    let failed = match &call.outcome {
        Outcome::Failed(reason) => Some(reason.clone()),
        _ => None,
    };
    (command.as_str().unwrap().to_owned(), output.lines().last().unwrap().to_owned(), failed)
}

fn calls(turn: &Turn) -> Vec<Vec<(String, String, Option<String>)>> {
    let calls = turn.llm_calls().map(|llm| llm.tools.iter().map(described).collect::<Vec<_>>());
    calls.filter(|calls| !calls.is_empty()).collect()
}

#[test]
fn trap_22_a_call_is_known_by_its_place_not_by_its_id() {
    let call = |command: &str, output: &str, failed: Option<&str>| {
        (command.to_owned(), output.to_owned(), failed.map(str::to_owned))
    };
    let two = || call("echo two; exit 2", "two", Some("exit code 2"));
    let expected = vec![
        vec![call("echo one", "one", None)],
        vec![two()],
        vec![two(), call("echo three", "three", None)],
        vec![
            call("sleep 1; echo four", "four", None),
            call("echo five; exit 5", "five", Some("exit code 5")),
        ],
    ];
    for version in ["0.44.0", "0.98.0", "0.171.0"] {
        let recording = Recording::load(&format!("{version}/reused_ids"));
        let (turns, _) = recording.transcript();
        let events = events_of(&turns[0], None, None, &recording.events);
        let (with, without) = (fuse(&turns[0], &events), fuse(&turns[0], &[]));
        assert_eq!(calls(&with), expected, "{version}");
        assert_eq!(calls(&without), expected, "{version} without events");
        let ids = |turn: &Turn| {
            let spans = span_tree(turn, &TreeOptions::default());
            let tools = spans.iter().filter(|span| span.kind == SpanKind::Tool);
            tools.map(|span| (span.span_id, span.parent_id)).collect::<Vec<_>>()
        };
        assert_eq!(ids(&with), ids(&without), "{version}");
        assert_eq!(ids(&with).iter().collect::<HashSet<_>>().len(), 6, "{version}");
        // Events alone tell each call once, too.
        let now = events.last().unwrap().time;
        let alone = turn_from_events(&recording.payloads[0], "thread", &events, now).unwrap();
        let mut alone: Vec<_> = alone.tool_calls().map(described).collect();
        let mut all = expected.concat();
        alone.sort();
        all.sort();
        assert_eq!(alone, all, "{version} events alone");
    }
}

#[test]
fn each_event_is_of_one_call() {
    for version in ["0.44.0", "0.98.0", "0.171.0"] {
        let recording = Recording::load(&format!("{version}/reused_ids"));
        let (turns, _) = recording.transcript();
        let events = events_of(&turns[0], None, None, &recording.events);
        let turn = fuse(&turns[0], &events);
        let calls: Vec<_> = turn.tool_calls().collect();
        let took = |call: &ToolCall| call.end.since(call.start) / 1_000_000;
        let slow: Vec<_> = calls.iter().map(|call| took(call) >= 1000).collect();
        assert_eq!(slow, [false, false, false, false, true, false], "{version}");
        for call in &calls {
            let approvals = call.attributes.iter().filter(|a| a.key.ends_with("approval_status"));
            assert_eq!(approvals.count(), 1, "{version}: {call:?}");
        }
        assert!(turn.steps.iter().all(|step| matches!(step, Step::Llm(_))), "{version}");
    }
}

/// As of a call that a hook denied: Codex sends none.
#[test]
fn an_event_that_is_missing_is_not_replaced_by_that_of_another_call() {
    let recording = Recording::load("0.171.0/reused_ids");
    let (turns, _) = recording.transcript();
    let events = events_of(&turns[0], None, None, &recording.events);
    let times = |events: &[_]| {
        let turn = fuse(&turns[0], events);
        turn.tool_calls().map(|call| (call.start, call.end)).collect::<Vec<_>>()
    };
    let all = times(&events);
    let ends: Vec<_> =
        (0..events.len()).filter(|nth| events[*nth].name == "codex.tool_result").collect();
    assert_eq!(ends.len(), all.len());
    for missing in ends {
        let mut events = events.clone();
        events.remove(missing);
        let changed = times(&events).iter().zip(&all).filter(|(now, before)| now != before).count();
        assert_eq!(changed, 1);
    }
}

#[test]
fn a_script_has_the_calls_that_it_made_whatever_its_id() {
    let recording = Recording::load("0.171.0/reused_ids_in_code");
    let (turns, _) = recording.transcript();
    let events = events_of(&turns[0], None, None, &recording.events);
    let with_events = [
        ("completed", vec!["one"]),
        ("completed", vec!["two"]),
        ("completed", vec!["four", "three"]),
        ("failed", vec![]),
    ];
    let turn = fuse(&turns[0], &events);
    let scripts: Vec<_> = turn
        .tool_calls()
        .map(|call| {
            let nested = call.nested.iter().map(|call| call.output.as_deref().unwrap());
            let said = nested.map(|output| output.lines().last().unwrap());
            let mut attributes = call.attributes.iter();
            let status = attributes.find(|a| a.key == "codex.tool.script_status").unwrap();
            let Value::String(status) = &status.value else { unreachable!("a text") };
            (status.as_ref(), said.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(scripts, with_events);
    let without = fuse(&turns[0], &[]);
    let scripts: Vec<_> = without.tool_calls().map(|call| call.output.as_deref()).collect();
    let with: Vec<_> = turn.tool_calls().map(|call| call.output.as_deref()).collect();
    assert_eq!(scripts, with);
}

/// Whether Codex notes it or only writes it above the output, and in the events alone.
#[test]
fn every_version_tells_exit_codes() {
    for version in versions() {
        let recording = Recording::load(&format!("{version}/basic"));
        let (turns, _) = recording.transcript();
        let events = events_of(&turns[0], None, None, &recording.events);
        let now = events.last().unwrap().time;
        let alone = turn_from_events(&recording.payloads[0], "thread", &events, now).unwrap();
        for turn in [fuse(&turns[0], &events), fuse(&turns[0], &[]), alone] {
            let codes = turn.tool_calls().filter_map(|call| {
                let mut attributes = call.attributes.iter();
                attributes.find(|a| a.key == "codex.tool.exit_code").map(|a| a.value.clone())
            });
            assert_eq!(codes.collect::<Vec<_>>(), [Value::Int(0), Value::Int(3)], "{version}");
        }
    }
}

/// A process that goes on ends within a later call, which has the same id.
#[test]
fn a_late_end_is_that_of_the_call_whose_process_it_was() {
    let recording = Recording::load("0.171.0/reused_ids_late");
    let (turns, _) = recording.transcript();
    let events = events_of(&turns[0], None, None, &recording.events);
    for events in [&events[..], &[]] {
        let turn = fuse(&turns[0], events);
        let codes = turn.tool_calls().map(|call| {
            let code = call.attributes.iter().find(|a| a.key == "codex.tool.exit_code");
            code.map(|code| code.value.clone())
        });
        let expected = [4, 0, 6].map(|code| Some(Value::Int(code)));
        assert_eq!(codes.collect::<Vec<_>>(), expected);
    }
}
