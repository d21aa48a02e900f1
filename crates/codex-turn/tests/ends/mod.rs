//! How turns end of which the transcript does not say it: up to Codex 0.144 a turn that failed ends
//! like one that succeeded.

use codex_turn::{LogEvent, TurnEnd, fuse};
use otlp_model::turn::{LlmCall, Outcome};
use otlp_model::{UnixNanos, Value};
use serde_json::{Value as Json, json};

use crate::support::{Recording, read};

fn event(name: &str, attributes: Json) -> LogEvent {
    LogEvent {
        time: UnixNanos::from_millis(1_796_055_741_000),
        name: name.to_owned(),
        attributes: attributes.as_object().cloned().unwrap(),
        ..LogEvent::default()
    }
}

/// A command and then HTTP 400, and HTTP 400 at once.
#[test]
fn a_turn_that_failed_is_not_reported_as_one_that_succeeded() {
    for case in ["0.130.0/fail_400", "0.130.0/fail_first", "0.144.6/fail_400"] {
        let (turns, problems) = Recording::load(case).transcript();
        assert_eq!(problems, [], "{case}");
        assert_eq!(turns[0].ended, TurnEnd::Unclear, "{case}");
        assert_eq!(fuse(&turns[0], &[]).outcome, Outcome::Unknown, "{case}");
        let refused = json!({ "duration_ms": "10", "http.response.status_code": 400,
            "error.message": "http 400: bad request" });
        let fused = fuse(&turns[0], &[&event("codex.api_request", refused)]);
        assert_eq!(fused.outcome, Outcome::Failed("http 400: bad request".to_owned()), "{case}");
        // A request that was answered tells nothing of the one after it.
        let answered = json!({ "event.kind": "response.completed", "input_token_count": "1001",
            "cached_token_count": 512, "output_token_count": "21" });
        let fused = fuse(&turns[0], &[&event("codex.sse_event", answered)]);
        assert_eq!(fused.outcome, Outcome::Unknown, "{case}");
    }
}

/// The event has no more than `http 400`; what the provider said is in the transcript.
#[test]
fn the_request_that_a_turn_failed_with_has_the_providers_message() {
    for case in ["0.145.0/failed", "0.171.0/failed"] {
        let (turns, _) = Recording::load(case).transcript();
        let refused = |millis: u64, status: u64| LogEvent {
            time: turns[0].end.minus(millis * 1_000_000),
            ..event(
                "codex.api_request",
                json!({ "duration_ms": "10", "http.response.status_code": status,
                    "error.message": format!("http {status}") }),
            )
        };
        let (first, last) = (refused(40, 500), refused(5, 400));
        let fused = fuse(&turns[0], &[&first, &last]);
        let failed: Vec<_> = fused.llm_calls().filter(|call| call.usage.is_none()).collect();
        let outcomes: Vec<_> = failed.iter().map(|call| call.outcome.clone()).collect();
        let said =
            ["http 500", "http 400: scripted failure"].map(|said| Outcome::Failed(said.to_owned()));
        assert_eq!(outcomes, said, "{case}");
        let status = |call: &LlmCall| {
            let mut statuses =
                call.attributes.iter().filter(|a| a.key == "http.response.status_code");
            statuses.next().map(|attribute| attribute.value.clone())
        };
        assert_eq!(status(failed[1]), Some(Value::Int(400)), "{case}");
    }
}

#[test]
fn a_turn_that_needs_no_answer_is_complete() {
    let (turns, _) = Recording::load("0.130.0/compact").transcript();
    let ends: Vec<_> = turns.iter().map(|turn| (turn.ended.clone(), &turn.answer)).collect();
    let answer = |text: &str| Some(text.to_owned());
    let completed = TurnEnd::Completed;
    assert_eq!(
        ends,
        [
            (completed.clone(), &answer("answer 1")),
            (completed.clone(), &None),
            (completed, &answer("answer 3"))
        ]
    );
}

/// `!command` is a turn of its own.
#[test]
fn a_command_of_the_users_is_complete() {
    for case in ["0.130.0/user_shell", "0.145.0/user_shell", "0.171.0/user_shell"] {
        let (turns, _) = Recording::load(case).transcript();
        assert!(turns.iter().all(|turn| turn.ended == TurnEnd::Completed), "{case}");
    }
}

/// Codex 0.145 says how a turn ended; a prompt that a hook of the user blocked, for instance, gets
/// no answer.
#[test]
fn what_a_newer_version_says_is_believed() {
    let recording = Recording::load("0.144.6/fail_400");
    let newer = |line: &[u8]| String::from_utf8_lossy(line).replace("0.144.6", "0.145.0");
    let mut lines = recording.lines().map(newer);
    let meta = codex_turn::ThreadMeta::decode(lines.next().unwrap().as_bytes()).unwrap();
    let mut transcript = codex_turn::Transcript::resume(meta, codex_turn::Checkpoint::START);
    read(&mut transcript, lines);
    assert_eq!(transcript.finish().0[0].ended, TurnEnd::Completed);
}
