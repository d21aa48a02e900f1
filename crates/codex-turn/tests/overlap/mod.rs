//! Turns that are open at once in one transcript: two front ends work on one thread
//! (openai/codex#40446), or a Codex was killed and another one went on.

use codex_turn::{Checkpoint, ThreadMeta, Transcript, TranscriptTurn, TurnEnd, fuse};
use otlp_model::turn::{Message, Part};
use serde_json::{Value as Json, json};

use crate::support::read;

/// Builds a transcript in which turns are named `a`, `b` and so on.
#[derive(Default)]
struct Records {
    lines: Vec<String>,
    has_named_items: bool,
}

impl Records {
    fn add(&mut self, kind: &str, payload: Json) -> &mut Self {
        let time = format!("2026-11-29T12:00:{:02}.000Z", self.lines.len());
        self.lines.push(json!({ "timestamp": time, "type": kind, "payload": payload }).to_string());
        self
    }

    fn event(&mut self, turn: &str, kind: &str) -> &mut Self {
        self.add("event_msg", json!({ "type": kind, "turn_id": turn }))
    }

    fn item(&mut self, turn: &str, mut item: Json) -> &mut Self {
        if self.has_named_items {
            item["internal_chat_message_metadata_passthrough"] = json!({ "turn_id": turn });
        }
        self.add("response_item", item)
    }

    fn begin(&mut self, turn: &str) -> &mut Self {
        self.event(turn, "task_started");
        self.add("turn_context", json!({ "turn_id": turn, "model": format!("model of {turn}") }));
        let content = json!([{ "type": "input_text", "text": format!("prompt of {turn}") }]);
        self.item(turn, json!({ "type": "message", "role": "user", "content": content }))
    }

    fn call(&mut self, turn: &str) -> &mut Self {
        let call = json!({ "type": "function_call", "name": "exec_command",
            "call_id": format!("call of {turn}"), "arguments": "{}" });
        self.item(turn, call)
    }

    fn cost(&mut self, turn: &str, input: u64) -> &mut Self {
        let usage = json!({ "input_tokens": input, "output_tokens": 1 });
        self.add("token_usage_record", json!({ "turn_id": turn, "usage": usage }))
    }

    fn output(&mut self, turn: &str) -> &mut Self {
        let output = json!({ "type": "function_call_output", "call_id": format!("call of {turn}"),
            "output": format!("output of {turn}") });
        self.item(turn, output)
    }

    fn answer(&mut self, turn: &str) -> &mut Self {
        let content = json!([{ "type": "output_text", "text": format!("answer of {turn}") }]);
        self.item(turn, json!({ "type": "message", "role": "assistant", "content": content }))
    }

    fn complete(&mut self, turn: &str) -> &mut Self {
        self.event(turn, "task_complete")
    }

    fn turns(&self) -> Vec<TranscriptTurn> {
        self.turns_from(Checkpoint::START)
    }

    fn turns_from(&self, checkpoint: Checkpoint) -> Vec<TranscriptTurn> {
        let meta = ThreadMeta { cli_version: Some("0.171.0".to_owned()), ..Default::default() };
        let mut transcript = Transcript::resume(meta, checkpoint);
        let text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        read(&mut transcript, text[checkpoint.offset as usize..].lines());
        let (turns, problems) = transcript.finish();
        assert_eq!(problems, []);
        turns
    }
}

/// Both turns, from their beginning to their end, with records that alternate.
fn two_at_once(has_named_items: bool) -> Records {
    let mut records = Records { has_named_items, ..Records::default() };
    records.begin("a").begin("b");
    records.call("a").cost("a", 10).call("b").cost("b", 30);
    records.output("a").output("b");
    records.answer("a").cost("a", 11).complete("a");
    records.answer("b").cost("b", 31).complete("b");
    records
}

fn texts(messages: &[Message]) -> Vec<String> {
    let parts = messages.iter().flat_map(|message| &message.parts);
    let texts = parts.map(|part| match part {
        Part::Text(text) | Part::Reasoning(text) => text.clone(),
        Part::ToolCall { id, .. } => id.clone(),
    });
    texts.collect()
}

#[test]
fn each_record_goes_to_the_turn_that_it_names() {
    for has_named_items in [true, false] {
        let turns = two_at_once(has_named_items).turns();
        let keys: Vec<_> = turns.iter().map(|turn| (turn.key(), turn.number)).collect();
        assert_eq!(keys, [("a".to_owned(), Some(1)), ("b".to_owned(), Some(2))]);
        for (turn, [first, second]) in turns.iter().zip([[10, 11], [30, 31]]) {
            let name = turn.key();
            assert_eq!(turn.ended, TurnEnd::Completed, "{name}");
            let fused = fuse(turn, &[]);
            assert_eq!(fused.model, Some(format!("model of {name}")));
            let calls: Vec<_> = fused.llm_calls().collect();
            let tokens: Vec<_> = calls.iter().map(|call| call.usage.unwrap().input).collect();
            assert_eq!(tokens, [first, second], "{name}");
            assert_eq!(texts(&calls[0].input), [format!("prompt of {name}")]);
            assert_eq!(texts(&calls[0].output), [format!("call of {name}")]);
            assert_eq!(texts(&calls[1].input), [format!("output of {name}")]);
            assert_eq!(texts(&calls[1].output), [format!("answer of {name}")]);
            assert_eq!(calls[0].tools[0].output, Some(format!("output of {name}")));
        }
    }
}

/// Turns that overlap are read again, all of them, until the last was sent, so that each record finds
/// its turn, also one that names none.
#[test]
fn turns_that_overlap_are_read_again_together() {
    for has_named_items in [true, false] {
        let records = two_at_once(has_named_items);
        let turns = records.turns();
        assert_eq!(records.turns_from(turns[0].checkpoint), turns);
        assert_eq!(records.turns_from(turns[1].checkpoint), []);
    }

    let mut records = Records { has_named_items: true, ..Records::default() };
    records.begin("before").answer("before").cost("before", 5).complete("before");
    records.begin("a").begin("b").begin("c").answer("c").cost("c", 50).complete("c");
    records.answer("b").cost("b", 30).complete("b").answer("a").cost("a", 10).complete("a");
    let turns = records.turns();
    for turn in &turns[..3] {
        assert_eq!(records.turns_from(turn.checkpoint), turns[1..], "after {}", turn.key());
    }
    assert_eq!(records.turns_from(turns[3].checkpoint), []);
}

/// The order in which turns end is not that of their beginnings.
#[test]
fn a_turn_may_begin_and_end_within_another() {
    let mut records = Records { has_named_items: true, ..Records::default() };
    records.begin("a").call("a").cost("a", 10);
    records.begin("b").answer("b").cost("b", 30).complete("b");
    records.output("a").answer("a").cost("a", 11);
    let open = records.turns();
    let ended = |turns: &[TranscriptTurn]| {
        turns.iter().map(|turn| (turn.key(), turn.ended.clone())).collect::<Vec<_>>()
    };
    let (a, b) = ("a".to_owned(), "b".to_owned());
    assert_eq!(ended(&open), [(a.clone(), TurnEnd::Open), (b.clone(), TurnEnd::Completed)]);
    records.complete("a");
    assert_eq!(ended(&records.turns()), [(a, TurnEnd::Completed), (b, TurnEnd::Completed)]);
}

/// Of a Codex that was killed nothing more comes.
#[test]
fn a_turn_of_which_nothing_comes_after_the_next_began_is_lost() {
    let mut records = Records { has_named_items: true, ..Records::default() };
    records.begin("a").call("a").cost("a", 10);
    records.begin("b").answer("b").cost("b", 30).complete("b");
    let turns = records.turns();
    assert_eq!((&turns[0].ended, &turns[1].ended), (&TurnEnd::Lost, &TurnEnd::Completed));
    assert_eq!(fuse(&turns[0], &[]).usage().input, 10);
    assert_eq!(records.turns_from(turns[0].checkpoint), turns[1..]);
    // Unless another process is known to write.
    let mut first = turns[0].clone();
    first.keep_open();
    assert_eq!(first.ended, TurnEnd::Open);
    // It does not last until the other one ends.
    let second = |at: usize| turns[at].end.0 / 1_000_000_000 % 60;
    assert_eq!((second(0), second(1)), (4, 10));
}
