//! Token counts that are repeated, come from several front ends, or lack a part; and the model that
//! each response is counted to.

use codex_turn::{Checkpoint, ThreadMeta, Transcript, fuse};
use otlp_model::turn::Usage;
use serde_json::{Value as Json, json};

use crate::support::{Recording, read, transcripts};

fn usage(input: u64, cached: u64, output: u64) -> Json {
    json!({ "input_tokens": input, "cached_input_tokens": cached, "output_tokens": output,
        "reasoning_output_tokens": 0, "total_tokens": input + output })
}

fn answer() -> Json {
    json!({ "type": "response_item", "payload": { "type": "message", "role": "assistant",
        "content": [{ "type": "output_text", "text": "words" }] } })
}

fn record(response: &str, cost: &Json, total: &Json) -> Json {
    json!({ "type": "token_usage_record", "payload": { "turn_id": "t", "response_id": response,
        "usage": cost, "thread_token_usage": total } })
}

fn count(info: Json) -> Json {
    json!({ "type": "event_msg", "payload": { "type": "token_count", "info": info } })
}

fn context(model: &str) -> Json {
    json!({ "type": "turn_context", "payload": { "turn_id": "t", "model": model } })
}

/// Checks the models and the input, cached and output tokens of a turn with these records.
fn check(records: &[Json], expected: &[(&str, [u64; 3])]) {
    let mark = |kind: &str| {
        json!({ "type": "event_msg", "payload": { "type": kind, "turn_id": "t" } }).to_string()
    };
    let mut transcript = Transcript::resume(ThreadMeta::default(), Checkpoint::START);
    let records = records.iter().map(Json::to_string);
    read(&mut transcript, [mark("task_started")].into_iter().chain(records));
    read(&mut transcript, [mark("task_complete")]);
    let (turns, problems) = transcript.finish();
    assert_eq!(problems, []);
    let fused = fuse(&turns[0], &[]);
    let calls = fused.llm_calls().map(|call| {
        let Usage { input, cached_input, output, .. } = call.usage.unwrap_or_default();
        (call.model.as_deref().unwrap_or_default(), [input, cached_input, output])
    });
    assert_eq!(calls.collect::<Vec<_>>(), expected);
}

#[test]
fn a_usage_record_that_is_written_twice_counts_once() {
    let (one, two) = (usage(10, 0, 2), usage(20, 0, 4));
    let (first, second) = (record("r", &one, &one), record("r", &one, &two));
    let once = ("", [10, 0, 2]);
    check(&[answer(), first.clone(), first.clone()], &[once]);
    check(&[answer(), first.clone(), answer(), second.clone(), first.clone()], &[once, once]);
    // Providers that give each response the same id: the total tells them apart.
    check(&[answer(), first, answer(), second], &[once, once]);
}

#[test]
fn a_count_without_a_part_is_made_up_from_the_other() {
    let total =
        |input, cached, output| count(json!({ "total_token_usage": usage(input, cached, output) }));
    let last = || count(json!({ "last_token_usage": usage(10, 5, 2) }));
    let calls = [("", [10, 5, 2]), ("", [20, 10, 4])];
    check(&[answer(), total(10, 5, 2), total(10, 5, 2), answer(), total(30, 15, 6)], &calls);
    check(&[answer(), last(), answer(), last()], &[calls[0], calls[0]]);
    check(&[count(Json::Null), count(json!({}))], &[]);
}

#[test]
fn each_call_has_the_model_that_it_asked() {
    let one = usage(10, 0, 2);
    let cost = |nth: u64| record("r", &one, &usage(10 * nth, 0, 2 * nth));
    let calls = |models: [&'static str; 3]| models.map(|model| (model, [10, 0, 2]));
    check(
        &[
            context("a"),
            answer(),
            cost(1),
            context("a"),
            answer(),
            cost(2),
            context("b"),
            answer(),
            cost(3),
        ],
        &calls(["a", "a", "b"]),
    );
    // While a response is written, the next one's context may come.
    check(
        &[context("a"), answer(), context("b"), cost(1), answer(), cost(2), answer(), cost(3)],
        &calls(["a", "b", "b"]),
    );
    check(&[answer(), cost(1), context("b"), answer(), cost(2)], &[("b", [10, 0, 2]); 2]);
}

/// Two front ends on one thread, each with a count of its own (Codex 0.130 names turns at their ends
/// only, 0.145 in each item; 0.169 lets no second one in).
#[test]
fn two_front_ends_count_for_themselves() {
    for case in ["0.130.0/two_front_ends", "0.145.0/two_front_ends"] {
        let (turns, problems) = Recording::load(case).transcript();
        assert_eq!(problems, [], "{case}");
        let fused: Vec<_> = turns.iter().map(|turn| fuse(turn, &[])).collect();
        let inputs = fused.iter().map(|turn| {
            let calls = turn.llm_calls().map(|call| call.usage.unwrap().input);
            let tools = turn.tool_calls().map(|tool| tool.call_id.as_str());
            (turn.answer.as_deref().unwrap(), calls.collect(), tools.collect())
        });
        let expected: [(&str, Vec<u64>, Vec<&str>); 3] = [
            ("hello there", vec![500], vec![]),
            ("answer A", vec![1000, 1001], vec!["call_A"]),
            ("answer B", vec![3000, 3001], vec!["call_B"]),
        ];
        assert_eq!(inputs.collect::<Vec<_>>(), expected, "{case}");
    }
}

/// Wherever a record was torn, with the whole one behind it on the same line, nothing is lost.
#[test]
fn a_torn_line_costs_nothing_that_was_written_again() {
    for file in transcripts() {
        let recording = Recording::from_file(&file);
        let fused = |torn: fn(&str) -> &str| {
            let mut transcript = Transcript::resume(recording.meta.clone(), Checkpoint::START);
            let lines = recording.lines().map(as_codex_writes);
            read(&mut transcript, lines.map(|line| format!("{}{line}", torn(&line))));
            let (turns, problems) = transcript.finish();
            let fused: Vec<_> = turns.iter().map(|turn| fuse(turn, &[])).collect();
            (fused, problems.len())
        };
        let (whole, _) = fused(|_| "");
        let cuts: [fn(&str) -> &str; 3] = [
            |line| &line[..1],
            |line| &line[..line.floor_char_boundary(line.len() / 2)],
            |line| &line[..line.len() - 1],
        ];
        for cut in cuts {
            let (torn, problems) = fused(cut);
            assert!(problems >= recording.lines().count(), "{}", file.display());
            assert_eq!(torn, whole, "{}", file.display());
        }
    }
}

/// A record with its fields in Codex's order; in a recording they are sorted.
fn as_codex_writes(line: &[u8]) -> String {
    let record: Json = serde_json::from_slice(line).unwrap();
    let field = |name: &str| &record[name];
    let (time, kind, payload) = (field("timestamp"), field("type"), field("payload"));
    format!(r#"{{"timestamp":{time},"type":{kind},"payload":{payload}}}"#)
}
