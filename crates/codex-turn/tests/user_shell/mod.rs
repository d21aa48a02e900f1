//! A command that the user runs with `!`: the same shape in every version.

use codex_turn::{Checkpoint, Transcript, events_of, fuse};
use otlp_model::turn::{Outcome, Step, ToolCall};
use otlp_model::{Turn, Value};

use crate::support::{Recording, read};

/// The turns of a recording, with events or without.
fn turns(case: &str, with_events: bool) -> Vec<Turn> {
    let recording = Recording::load(case);
    let (turns, problems) = recording.transcript();
    assert_eq!(problems, [], "{case}");
    let fused = turns.iter().enumerate().map(|(index, turn)| {
        let previous = index.checked_sub(1).map(|previous| &turns[previous]);
        let events = events_of(turn, previous, turns.get(index + 1), &recording.events);
        fuse(turn, if with_events { &events } else { &[] })
    });
    fused.collect()
}

/// The one command that the turn has of its own, which no model asked for.
fn command(turn: &Turn) -> &ToolCall {
    let mut own = turn.steps.iter().filter_map(|step| match step {
        Step::Tool(call) => Some(call),
        Step::Llm(_) | Step::Compaction(_) => None,
    });
    let command = own.next().unwrap();
    assert_eq!(own.next(), None);
    command
}

fn check(call: &ToolCall, arguments: &str, code: i64, case: &str) {
    assert_eq!(call.name, "user_shell_command", "{case}");
    assert_eq!(call.arguments.as_deref(), Some(arguments), "{case}");
    assert_eq!(call.output.as_deref(), Some("hi\n"), "{case}");
    assert_eq!(call.outcome, Outcome::Failed(format!("exit code {code}")), "{case}");
    let exit_code = call.attributes.iter().find(|a| a.key == "codex.tool.exit_code").unwrap();
    assert_eq!(exit_code.value, Value::Int(code), "{case}");
    assert!(call.end > call.start, "{case}");
}

#[test]
fn trap_29_between_turns_it_is_a_turn_of_its_own() {
    for version in ["0.98.0", "0.130.0", "0.145.0", "0.171.0"] {
        for with_events in [true, false] {
            let case = format!("{version}/user_shell");
            let turns = turns(&case, with_events);
            let prompts: Vec<_> = turns.iter().map(|turn| turn.prompt.as_deref()).collect();
            assert_eq!(prompts, [Some("Say one"), None, Some("What did it print?")], "{case}");
            let numbers: Vec<_> = turns.iter().map(|turn| turn.number).collect();
            assert_eq!(numbers, [Some(1), Some(2), Some(3)], "{case}");
            assert!(turns.iter().all(|turn| turn.outcome == Outcome::Ok), "{case}");
            assert_eq!(turns[1].llm_calls().count(), 0, "{case}");
            check(command(&turns[1]), r#"{"cmd":"echo hi; exit 3"}"#, 3, &case);
            assert!(turns[1].start <= command(&turns[1]).start, "{case}");
        }
    }
}

#[test]
fn within_a_turn_it_is_the_turns_and_the_model_gets_to_see_it() {
    for version in ["0.130.0", "0.145.0", "0.171.0"] {
        for with_events in [true, false] {
            let case = format!("{version}/user_shell_in_turn");
            let turns = turns(&case, with_events);
            assert_eq!(turns.len(), 1, "{case}");
            check(command(&turns[0]), r#"{"cmd":"echo hi; touch go; exit 5"}"#, 5, &case);
            assert_eq!(turns[0].prompt.as_deref(), Some("Wait for me"), "{case}");
            let last = turns[0].llm_calls().last().unwrap();
            assert_eq!(last.input.iter().filter(|input| input.role == "user").count(), 1, "{case}");
        }
    }
}

/// Up to 0.98 the messages that begin a session stand before the command, and are the next turn's. From
/// wherever reading goes on, the turns have the same numbers.
#[test]
fn before_the_first_prompt_of_a_session_it_is_the_first_turn() {
    let recording = Recording::load("0.98.0/user_shell");
    let mut lines: Vec<&[u8]> = recording.lines().collect();
    let command = lines.iter().position(|line| has(line, "<user_shell_command>")).unwrap();
    let command = lines.remove(command);
    lines.insert(5, command);
    let keys = |from: Checkpoint| -> Vec<(String, Checkpoint)> {
        let mut transcript = Transcript::resume(recording.meta.clone(), from);
        let mut offset = 0;
        let rest = lines.iter().filter(|line| {
            let begin = offset;
            offset += line.len() as u64 + 1;
            begin >= from.offset
        });
        read(&mut transcript, rest);
        let turns = transcript.finish().0.into_iter();
        turns.map(|turn| (turn.key(), turn.checkpoint)).collect()
    };
    let all = keys(Checkpoint::START);
    let names: Vec<&str> = all.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(names, ["turn 1", "turn 2", "turn 3"]);
    for (index, (_, checkpoint)) in all.iter().enumerate() {
        let rest = keys(*checkpoint);
        assert!(rest.len() >= all.len() - index - 1 && all.ends_with(&rest), "{rest:?}");
    }
}

fn has(line: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(line).contains(text)
}
