//! Calls that Codex refused are not OK, whatever is known of them.

use std::collections::HashMap;

use codex_turn::{LogEvent, events_of, fuse};
use otlp_model::Turn;
use otlp_model::turn::{Outcome, ToolCall};

use crate::support::{self, Recording};

/// A call and all calls within it.
fn all<'a>(call: &'a ToolCall, to: &mut Vec<&'a ToolCall>) {
    to.push(call);
    call.nested.iter().for_each(|nested| all(nested, to));
}

fn calls(turn: &Turn) -> Vec<&ToolCall> {
    let mut calls = Vec::new();
    turn.tool_calls().for_each(|call| all(call, &mut calls));
    calls
}

/// Which calls Codex's own telemetry says to have failed, by id and arguments.
fn failed<'a>(events: &[&'a LogEvent]) -> HashMap<(&'a str, &'a str), bool> {
    let results = events.iter().filter(|event| event.name == "codex.tool_result");
    results
        .map(|event| {
            let text = |key: &str| event.attributes.get(key).and_then(|text| text.as_str());
            let id = text("call_id").unwrap_or_default();
            ((id, text("arguments").unwrap_or_default()), text("success") == Some("false"))
        })
        .collect()
}

#[test]
fn what_codex_calls_a_failure_is_never_ok_without_its_word() {
    let mut seen = 0;
    for file in support::transcripts() {
        let recording = Recording::from_file(&file);
        let (turns, _) = recording.transcript();
        for (index, turn) in turns.iter().enumerate() {
            let previous = index.checked_sub(1).map(|previous| &turns[previous]);
            let events = events_of(turn, previous, turns.get(index + 1), &recording.events);
            let failed = failed(&events);
            let (with, without) = (fuse(turn, &events), fuse(turn, &[]));
            for call in calls(&with).into_iter().chain(calls(&without)) {
                let key = (&*call.call_id, call.arguments.as_deref().unwrap_or_default());
                if failed.get(&key) == Some(&true) {
                    assert_ne!(call.outcome, Outcome::Ok, "{}: {call:#?}", file.display());
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 100, "only {seen} calls failed");
}

/// How each call of the recording's first turn ended, with events and without.
fn outcomes(case: &str) -> [Vec<(String, &'static str)>; 2] {
    let recording = Recording::load(case);
    let (turns, _) = recording.transcript();
    let events = events_of(&turns[0], None, None, &recording.events);
    [&events[..], &[]].map(|events| {
        let turn = fuse(&turns[0], events);
        calls(&turn).iter().map(|call| (call.name.clone(), word(&call.outcome))).collect()
    })
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Unknown => "unknown",
        Outcome::Ok => "ok",
        Outcome::Failed(_) => "failed",
        Outcome::Denied(_) => "denied",
        Outcome::Cancelled(_) => "aborted",
    }
}

#[test]
fn trap_23_a_call_that_a_hook_denied_did_not_run() {
    for version in ["0.145.0", "0.171.0"] {
        for outcomes in outcomes(&format!("{version}/hook_denies")) {
            let words: Vec<_> = outcomes.iter().map(|(_, word)| *word).collect();
            assert_eq!(words, ["denied", "denied"], "{version}");
        }
    }
}

#[test]
fn a_call_that_the_rules_do_not_allow_is_denied() {
    // Of a command that fails in the sandbox, only some versions say why.
    let expected = [
        ("0.44.0", ["ok", "denied", "denied", "denied", "denied", "denied", "failed"]),
        ("0.98.0", ["denied", "denied", "denied", "denied", "denied", "denied", "failed"]),
        ("0.145.0", ["denied", "failed", "failed", "denied", "denied", "denied", "denied"]),
        ("0.171.0", ["denied", "failed", "failed", "denied", "denied", "denied", "denied"]),
    ];
    for (version, expected) in expected {
        for outcomes in outcomes(&format!("{version}/policy_denies")) {
            let words: Vec<_> = outcomes.iter().map(|(_, word)| *word).collect();
            assert_eq!(words, expected, "{version}");
        }
    }
}

/// The words of a user's hook stand where the output of a tool stood that ran.
#[test]
fn what_a_hook_says_in_a_tools_place_is_no_refusal() {
    for version in ["0.145.0", "0.171.0"] {
        let [with, without] = outcomes(&format!("{version}/hook_replaces"));
        let words = |outcomes: Vec<(String, _)>| {
            outcomes.into_iter().map(|(_, word)| word).collect::<Vec<_>>()
        };
        assert_eq!(words(with), ["ok", "failed", "ok"], "{version}");
        if version == "0.171.0" {
            assert_eq!(words(without), ["ok", "failed", "ok"]);
        } else {
            // Nothing but the hook's words is left of a command in this transcript.
            assert_eq!(words(without), ["failed", "failed", "ok"]);
        }
    }
}

/// All but the last five calls of this recording are impossible, whatever the version.
#[test]
fn an_innocent_output_is_no_refusal() {
    for version in ["0.44.0", "0.65.0", "0.98.0", "0.115.0", "0.145.0", "0.171.0"] {
        for outcomes in outcomes(&format!("{version}/refusals")) {
            let command = &outcomes[outcomes.len() - 5];
            assert_eq!(command.1, "ok", "{version}");
            assert!(outcomes.iter().filter(|(_, word)| *word != "ok").count() >= 20, "{version}");
        }
    }
}
