//! What holds for every transcript that is in the repository: the recordings, and the samples of
//! shapes that people have published (`tests/samples/README.md`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use codex_turn::{Checkpoint, NotifyPayload, Transcript, TranscriptTurn, TurnEnd, fuse};
use expect_test::expect_file;
use otlp_model::turn::ToolCall;
use otlp_model::{Span, TreeOptions, Turn, span_tree};
use serde_json::Value as Json;

use crate::support::{LEAST_LIMIT, Recording, read, records_of, samples, transcripts};

/// Checks something of each of them, also where its texts are cut, and names all that fail.
fn check(holds: impl Fn(&Recording) -> Result<(), String>) {
    let files: Vec<PathBuf> = transcripts().into_iter().chain(samples()).collect();
    assert!(files.len() > 100, "only {}", files.len());
    let mut failures = String::new();
    for file in files {
        for limit in [usize::MAX, LEAST_LIMIT] {
            let recording = Recording::from_file(&file).cut_at(limit);
            if let Err(why) = holds(&recording) {
                writeln!(failures, "{} cut at {limit}: {why}", short(&file)).unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

fn short(file: &Path) -> String {
    let names: Vec<_> = file.components().rev().take(3).map(|name| name.as_os_str()).collect();
    names.iter().rev().map(|name| name.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// What each sample decodes to.
#[test]
fn every_sample_decodes_as_before() {
    for file in samples() {
        let recording = Recording::from_file(&file);
        let (turns, problems) = recording.transcript();
        let mut text = String::new();
        for turn in &turns {
            let decoded = fuse(turn, &[]);
            crate::print_turn(&mut text, &decoded);
        }
        for problem in problems {
            writeln!(text, "problem: {problem}").unwrap();
        }
        expect_file![file.with_file_name("turns.txt")].assert_eq(&text);
    }
}

/// A turn that Codex ended has ended, and no turn is lost or made up.
#[test]
fn every_turn_is_there_and_as_codex_left_it() {
    check(|recording| {
        let (turns, _) = recording.transcript();
        let (mut begun, mut ended) = (BTreeSet::new(), BTreeSet::new());
        let mut is_review = false;
        for record in records(recording) {
            let (payload, id) = (&record["payload"], record["payload"]["turn_id"].as_str());
            is_review |= payload["item"]["type"] == "EnteredReviewMode";
            match payload["type"].as_str() {
                Some("task_started") => drop(begun.insert(id.map(str::to_owned))),
                Some("task_complete" | "turn_aborted") => drop(ended.insert(id.map(str::to_owned))),
                _ => {}
            }
        }
        // The transcript of a reviewed thread has the marks of the reviewer's turn.
        if is_review || begun.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = turns.iter().map(|turn| turn.turn_id.clone()).collect();
        let unique: BTreeSet<_> = ids.iter().cloned().collect();
        same("turns", &unique, &begun)?;
        same("turns, each once", &ids.len(), &unique.len())?;
        let has_ended = |turn: &&TranscriptTurn| {
            !matches!(turn.ended, TurnEnd::Open | TurnEnd::Lost | TurnEnd::Implied)
        };
        let fused: BTreeSet<_> =
            turns.iter().filter(has_ended).map(|turn| turn.turn_id.clone()).collect();
        same("turns that ended", &fused, &ended)
    });
}

/// Each call that the model made is a tool, as often as it was made.
#[test]
fn no_call_is_lost() {
    check(|recording| {
        let mut made: BTreeMap<String, usize> = BTreeMap::new();
        for record in records(recording) {
            let item = &record["payload"];
            let is_call = record["type"] == "response_item"
                && item["type"].as_str().is_some_and(|kind| kind.ends_with("_call"));
            let id = item["call_id"].as_str().or(item["id"].as_str());
            if let Some(id) = id.filter(|_| is_call) {
                *made.entry(id.to_owned()).or_default() += 1;
            }
        }
        let (turns, _) = recording.transcript();
        let mut fused: BTreeMap<String, usize> = BTreeMap::new();
        for tool in turns.iter().flat_map(|turn| tools(&fuse(turn, &[]))) {
            *fused.entry(tool).or_default() += 1;
        }
        let fused_of = |id: &str| fused.get(id).copied().unwrap_or(0);
        let lost: Vec<_> = made.iter().filter(|(id, times)| fused_of(id) != **times).collect();
        if lost.is_empty() { Ok(()) } else { Err(format!("made {lost:?}, fused {fused:?}")) }
    });
}

/// Reading from each turn's checkpoint on gives the rest of the turns, the same as before: those that
/// follow it, and those that it overlaps with.
#[test]
fn two_halves_are_the_whole() {
    check(|recording| {
        let (turns, _) = recording.transcript();
        let all: Vec<_> = turns.iter().map(|turn| essence(&fuse(turn, &[]))).collect();
        for (index, turn) in turns.iter().enumerate() {
            let (rest, _) = recording.transcript_from(turn.checkpoint);
            let rest: Vec<_> = rest.iter().map(|turn| essence(&fuse(turn, &[]))).collect();
            let from = all.len() - rest.len().min(all.len());
            same(&format!("after turn {index}"), &&rest[..], &&all[from..])?;
            if from > index + 1 {
                return Err(format!("turn {} is passed over", index + 1));
            }
        }
        Ok(())
    });
}

/// Of a turn that is too large the texts are shorter; turns, tokens and calls are the same.
#[test]
fn texts_that_are_cut_change_nothing_else() {
    check(|recording| {
        let whole = recording.clone().cut_at(usize::MAX);
        let shape = |recording: &Recording| {
            let (turns, problems) = recording.transcript();
            let turns = turns.iter().map(|turn| fuse(turn, &[]));
            let shape = |turn: Turn| {
                let calls = turn.tool_calls().map(|call| (call.name.clone(), call.start, call.end));
                let calls: Vec<_> = calls.collect();
                (turn.key.clone(), turn.usage(), tools(&turn), calls, turn.start, turn.end)
            };
            (turns.map(shape).collect::<Vec<_>>(), problems)
        };
        same("the thread", &shape(recording), &shape(&whole))
    });
}

/// What is exported of a text may be very short; what is read of it is not.
#[test]
fn the_limit_of_export_does_not_change_what_is_read() {
    check(|recording| {
        let meta = &recording.meta;
        let mut transcript = Transcript::resume(meta.clone(), Checkpoint::START).with_text_limit(7);
        read(&mut transcript, recording.lines());
        let whole = recording.clone().cut_at(usize::MAX);
        let is_same = transcript.finish() == whole.transcript();
        if is_same { Ok(()) } else { Err("other turns".to_owned()) }
    });
}

/// Up to 0.98 a turn is known by its answer.
#[test]
fn an_answer_that_was_cut_is_that_of_its_turn() {
    let recording = Recording::load("0.98.0/basic");
    let long = "All done. ".repeat(50_000);
    let answer = "All done. There are files.";
    let lines = recording.lines().map(|line| {
        let line = String::from_utf8(line.to_vec()).unwrap();
        line.replace(answer, &long)
    });
    let mut transcript = Transcript::resume(recording.meta.clone(), Checkpoint::START);
    read(&mut transcript, lines);
    let payload = |answer: &str| NotifyPayload {
        turn_id: None,
        last_assistant_message: Some(answer.to_owned()),
        ..recording.payloads[0].clone()
    };
    let other = format!("{}!", &long[1..]);
    assert!(transcript.has_ended(&payload(&long)));
    assert!(!transcript.has_ended(&payload(&other)));
    let (turns, _) = transcript.finish();
    assert!(turns[0].answer.as_ref().unwrap().len() < long.len());
    assert!(turns[0].is_subject_of(&payload(&long)));
    assert!(!turns[0].is_subject_of(&payload(&other)));
}

/// Telemetry adds times and attempts; turns, calls and tokens are those of the transcript.
#[test]
fn telemetry_changes_neither_turns_nor_calls_nor_tokens() {
    check(|recording| {
        let (turns, _) = recording.transcript();
        for (index, turn) in turns.iter().enumerate() {
            let events = recording.events_of(&turns, index);
            same("the turn", &essence(&fuse(turn, &events)), &essence(&fuse(turn, &[])))?;
        }
        Ok(())
    });
}

/// Ids are unique in the whole transcript, each parent is there, and nothing begins before its
/// parent, or ends after its turn. (A tool runs after the response that asked for it, its parent.)
#[test]
fn spans_are_trees() {
    check(|recording| {
        let (turns, _) = recording.transcript();
        let mut ids = BTreeSet::new();
        for (index, turn) in turns.iter().enumerate() {
            let events = recording.events_of(&turns, index);
            check_tree(&span_tree(&fuse(turn, &events), &TreeOptions::default()))?;
            let spans = span_tree(&fuse(turn, &[]), &TreeOptions::default());
            check_tree(&spans)?;
            let new = spans.iter().filter(|span| ids.insert(span.span_id.to_string()));
            same("unique ids", &new.count(), &spans.len())?;
        }
        Ok(())
    });
}

fn check_tree(spans: &[Span]) -> Result<(), String> {
    let by_id: HashMap<_, _> = spans.iter().map(|span| (span.span_id, span)).collect();
    for span in &spans[1..] {
        let parent = span.parent_id.and_then(|parent| by_id.get(&parent));
        let Some(parent) = parent else { return Err(format!("no parent: {}", span.name)) };
        if span.start < parent.start || span.end > spans[0].end || span.end < span.start {
            let of = |span: &Span| format!("{} {}..{}", span.name, span.start.0, span.end.0);
            return Err(format!("out of bounds: {} in {}", of(span), of(parent)));
        }
    }
    Ok(())
}

fn records(recording: &Recording) -> Vec<Json> {
    recording.lines().flat_map(records_of).collect()
}

fn tools(turn: &Turn) -> Vec<String> {
    turn.tool_calls().map(|tool: &ToolCall| tool.call_id.clone()).collect()
}

/// What must not depend on where reading began, or on events.
fn essence(turn: &Turn) -> impl PartialEq + std::fmt::Debug + use<> {
    (turn.turn_id.clone(), turn.number, turn.usage(), tools(turn), turn.answer.clone())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, one: &T, other: &T) -> Result<(), String> {
    if one == other { Ok(()) } else { Err(format!("{what}: {one:?} is not {other:?}")) }
}

/// A count that passes over the records without counts comes to the same.
#[test]
fn counting_needs_no_contents() {
    let counted = |turns: Vec<TranscriptTurn>| -> Vec<_> {
        let count = |turn: &TranscriptTurn| {
            let fused = fuse(turn, &[]);
            let calls = fused.llm_calls().filter(|call| call.usage.is_some());
            let calls: Vec<_> = calls
                .map(|call| {
                    let tier = call.parameters.get("service_tier").cloned();
                    (call.usage, call.merged.clone(), call.model.clone(), call.end, tier)
                })
                .collect();
            let has_ended = turn.ended != TurnEnd::Lost && turn.ended != TurnEnd::Open;
            let end = has_ended.then_some(turn.end);
            (turn.key(), turn.number, turn.start, end, turn.ended.clone(), turn.checkpoint, calls)
        };
        turns.iter().map(count).collect()
    };
    let mut passed_over = 0;
    check(|recording| {
        let mut transcript = Transcript::resume(recording.meta.clone(), Checkpoint::START);
        for line in recording.lines() {
            if transcript.may_count(line) {
                read(&mut transcript, [line]);
            } else {
                transcript.pass(line.len() as u64 + 1);
            }
        }
        let (turns, _) = transcript.finish();
        same("counts", &counted(turns), &counted(recording.transcript().0))
    });
    for file in transcripts() {
        let recording = Recording::from_file(&file);
        let transcript = Transcript::resume(recording.meta.clone(), Checkpoint::START);
        passed_over += recording.lines().filter(|line| !transcript.may_count(line)).count();
    }
    assert!(passed_over > 300, "{passed_over}");
}
