//! Whatever happens to Codex's data, decoding ends, says what it did not understand, and tells
//! nothing that cannot be.

mod mutation;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use codex_turn::{
    Checkpoint, Line, LogEvent, NotifyPayload, Problem, ReadLine, Transcript, TranscriptTurn,
    covers, events_of, fuse, turn_from_events, turn_from_notify,
};
use otlp_model::turn::{LlmCall, Step, ToolCall, Usage};
use otlp_model::{TreeOptions, Turn, UnixNanos, span_tree};
use proptest::prelude::*;
use proptest::sample::select;
use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};

use crate::support::{LEAST_LIMIT, Recording, read_cut, records_of, samples, transcripts};
use mutation::{apply, changes};

proptest! {
    // 256 cases each, in some seconds; as many as `PROPTEST_CASES` says, in some more.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_transcript_costs_only_what_was_changed(
        file in select(files()),
        line_changes in changes(1),
        event_changes in changes(0),
        limit in select(vec![usize::MAX, LEAST_LIMIT]),
    ) {
        let recording = Recording::from_file(&file);
        let mut lines: Vec<Vec<u8>> = recording.lines().map(<[u8]>::to_vec).collect();
        apply(&line_changes, &mut lines);
        let events = changed_events(&recording.events, &event_changes);
        let (turns, problems) = decode_from(&recording, &lines, Checkpoint::START, limit);
        check_problems(&lines, limit, &problems);
        let mut counted = Usage::default();
        for (index, turn) in turns.iter().enumerate() {
            let previous = index.checked_sub(1).map(|previous| &turns[previous]);
            let events = events_of(turn, previous, turns.get(index + 1), &events);
            covers(turn, &events);
            let turn = fuse(turn, &events);
            check_turn(&turn);
            counted += turn.usage();
        }
        let recorded = recorded(&lines);
        let counted = [counted.input, counted.cached_input, counted.output, counted.reasoning_output];
        for (counted, recorded) in counted.into_iter().zip(recorded) {
            prop_assert!(u128::from(counted) <= recorded, "{counted} of {recorded} tokens");
        }
    }

    #[test]
    fn a_changed_transcript_is_read_on_at_any_checkpoint(
        file in select(files()),
        line_changes in changes(1),
        limit in select(vec![usize::MAX, LEAST_LIMIT]),
    ) {
        let recording = Recording::from_file(&file);
        let mut lines: Vec<Vec<u8>> = recording.lines().map(<[u8]>::to_vec).collect();
        apply(&line_changes, &mut lines);
        let (turns, _) = decode_from(&recording, &lines, Checkpoint::START, limit);
        let keys = |turns: &[TranscriptTurn]| -> Vec<_> {
            turns.iter().map(TranscriptTurn::key).collect()
        };
        let all = keys(&turns);
        for (index, turn) in turns.iter().enumerate() {
            let rest = keys(&decode_from(&recording, &lines, turn.checkpoint, limit).0);
            prop_assert!(rest.len() >= all.len() - index - 1, "{rest:?} of {all:?} after {index}");
            prop_assert!(all.ends_with(&rest), "{rest:?} of {all:?} after {index}");
        }
    }

    #[test]
    fn changed_events_alone_tell_nothing_impossible(
        file in select(transcripts()),
        event_changes in changes(1),
        now in prop_oneof![Just(0), Just(1_795_300_000_000_000_000), Just(u64::MAX)],
    ) {
        let recording = Recording::from_file(&file);
        let events = changed_events(&recording.events, &event_changes);
        let events: Vec<&LogEvent> = events.iter().collect();
        let payload = recording.payloads.first().cloned().unwrap_or_default();
        if let Some(turn) = turn_from_events(&payload, "thread", &events, UnixNanos(now)) {
            check_turn(&turn);
        }
    }

    #[test]
    fn a_changed_payload_is_understood_or_refused(
        file in select(transcripts()),
        payload_changes in changes(1),
    ) {
        let recording = Recording::from_file(&file);
        let mut lines: Vec<Vec<u8>> =
            recording.payloads.iter().map(|payload| payload.encode().into_bytes()).collect();
        apply(&payload_changes, &mut lines);
        for line in lines {
            let Ok(payload) = NotifyPayload::decode(&String::from_utf8_lossy(&line)) else { continue };
            prop_assert_eq!(NotifyPayload::decode(&payload.encode()), Ok(payload.clone()));
            payload.is_title_generation();
            check_turn(&turn_from_notify(&payload, "thread", UnixNanos(1)));
        }
    }
}

/// The recordings and the samples.
fn files() -> Vec<PathBuf> {
    transcripts().into_iter().chain(samples()).collect()
}

fn decode(recording: &Recording, lines: &[Vec<u8>]) -> (Vec<TranscriptTurn>, Vec<Problem>) {
    decode_from(recording, lines, Checkpoint::START, usize::MAX)
}

fn decode_from(
    recording: &Recording,
    lines: &[Vec<u8>],
    checkpoint: Checkpoint,
    limit: usize,
) -> (Vec<TranscriptTurn>, Vec<Problem>) {
    let mut transcript = Transcript::resume(recording.meta.clone(), checkpoint);
    let mut offset = 0;
    let rest = lines.iter().filter(|line| {
        let begin = offset;
        offset += line.len() as u64 + 1;
        begin >= checkpoint.offset
    });
    read_cut(&mut transcript, rest, limit);
    let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
    assert_eq!(transcript.at().offset, bytes as u64);
    transcript.finish()
}

/// The events, each as a line of JSON while they are changed; what is no event then is lost.
fn changed_events(events: &[LogEvent], changes: &[mutation::Change]) -> Vec<LogEvent> {
    let line = |event: &LogEvent| {
        let LogEvent { time, name, trace_id, attributes, resource } = event;
        json!([time.0, name, trace_id, attributes, resource]).to_string().into_bytes()
    };
    let mut lines: Vec<Vec<u8>> = events.iter().map(line).collect();
    apply(changes, &mut lines);
    let events = lines.iter().filter_map(|line| {
        let parts: [Json; 5] = serde_json::from_slice(line).ok()?;
        let [time, name, trace_id, attributes, resource] = parts;
        Some(LogEvent {
            time: UnixNanos(time.as_u64()?),
            name: name.as_str()?.to_owned(),
            trace_id: trace_id.as_str().map(str::to_owned),
            attributes: attributes.as_object()?.clone(),
            resource: resource.as_object().cloned().unwrap_or_default(),
        })
    });
    events.collect()
}

/// Each line that is not even JSON, or several records, is named, and no problem of a line twice: a
/// record and what stands behind it may each have one. What is wrong beyond the limit of a text is cut
/// with it.
fn check_problems(lines: &[Vec<u8>], limit: usize, problems: &[Problem]) {
    let counted: HashSet<u64> = problems.iter().map(|problem| problem.offset).collect();
    let distinct: HashSet<_> = problems.iter().map(|p| (p.offset, &p.what)).collect();
    assert_eq!(distinct.len(), problems.len(), "{problems:?}");
    let mut offset = 0;
    for line in lines {
        let is_json = |line: &[u8]| {
            let text = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
            let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
            values.all(|value| value.is_ok())
        };
        let mut cut = Line::new(limit);
        cut.push(line);
        let is_json = is_json(line) || matches!(cut.read(), ReadLine::Kept(kept) if is_json(kept));
        let is_blank = line.trim_ascii().is_empty();
        assert!(is_json || is_blank || counted.contains(&offset), "nothing is said of {offset}");
        offset += line.len() as u64 + 1;
    }
}

fn check_turn(turn: &Turn) {
    assert!(turn.start <= turn.end, "the turn: {:?}..{:?}", turn.start, turn.end);
    for step in &turn.steps {
        match step {
            Step::Llm(call) => check_call(call),
            Step::Tool(tool) => check_tool(tool),
            Step::Compaction(compaction) => assert!(compaction.start <= compaction.end),
        }
    }
    let spans = span_tree(turn, &TreeOptions::default());
    let ids: HashSet<_> = spans.iter().map(|span| span.span_id).collect();
    assert_eq!(ids.len(), spans.len(), "ids are not unique");
}

fn check_call(call: &LlmCall) {
    assert!(call.start <= call.end, "a model call: {:?}..{:?}", call.start, call.end);
    call.tools.iter().for_each(check_tool);
}

fn check_tool(tool: &ToolCall) {
    assert!(tool.start <= tool.end, "{}: {:?}..{:?}", tool.call_id, tool.start, tool.end);
    tool.nested.iter().for_each(check_tool);
}

/// The tokens of all records that report some: input, cached, output, reasoning. Versions that
/// write two kinds of records report each response in both.
fn recorded(lines: &[Vec<u8>]) -> [u128; 4] {
    let mut sum = [0; 4];
    // Bytes that are no UTF-8 cost no record.
    let records = lines.iter().map(|line| String::from_utf8_lossy(line));
    for record in records.flat_map(|line| records_of(line.as_bytes())) {
        let payload = &record["payload"];
        let (last, total) =
            (&payload["info"]["last_token_usage"], &payload["info"]["total_token_usage"]);
        // Where the one says nothing, the other does.
        let is_number = |value: &Json| match value {
            Json::String(text) => text.parse::<u64>().is_ok(),
            value => value.as_f64().is_some_and(|number| number >= 0.0),
        };
        let is_counted = is_number(&last["input_tokens"]) && is_number(&last["output_tokens"]);
        for usage in [&payload["usage"], if is_counted { last } else { total }] {
            let names =
                ["input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens"];
            for (sum, name) in sum.iter_mut().zip(names) {
                *sum += number(&usage[name]);
            }
        }
    }
    sum
}

fn number(value: &Json) -> u128 {
    let number = match value {
        Json::String(text) => text.parse().unwrap_or(0),
        value => value.as_u64().unwrap_or(value.as_f64().unwrap_or(0.0) as u64),
    };
    number.into()
}

/// Work grows with the turn, not with its square: that took ten seconds here.
#[test]
fn a_turn_of_thousands_of_tools_is_fused_soon() {
    is_traced_soon(|number| format!("call_{number}"));
    is_traced_soon(|_| "call_0".to_owned());
}

fn is_traced_soon(id_of: impl Fn(usize) -> String) {
    const CALLS: usize = 2500;
    let msg = |payload: Json| json!({ "type": "event_msg", "payload": payload });
    let item = |payload: Json| json!({ "type": "response_item", "payload": payload });
    let mut records = vec![msg(json!({ "type": "task_started", "turn_id": "turn" }))];
    let mut events = Vec::new();
    for number in 0..CALLS {
        let call = id_of(number);
        records.push(item(json!({ "type": "function_call", "name": "look", "call_id": call })));
        records.push(item(json!({ "type": "function_call_output", "call_id": call })));
        for id in [call, format!("exec-{number}")] {
            records.push(msg(json!({ "type": "item_completed", "turn_id": "turn",
                "item": { "type": "CommandExecution", "id": id } })));
            events.push(LogEvent {
                name: "codex.tool_result".to_owned(),
                attributes: [("call_id".to_owned(), id.into())].into_iter().collect(),
                ..LogEvent::default()
            });
        }
    }
    let lines: Vec<Vec<u8>> =
        records.iter().map(|record| record.to_string().into_bytes()).collect();
    let (turns, _) = decode(&Recording::load("0.169.0/basic"), &lines);
    let events: Vec<&LogEvent> = events.iter().collect();
    let begun = Instant::now();
    let turn = fuse(&turns[0], &events);
    assert_eq!(turn.tool_calls().count(), 2 * CALLS);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// Of a thread with too much telemetry the events are shortened: of their texts beginning and end are kept,
/// and of the rest all that says something of a turn. What the transcript has is no other.
#[test]
fn a_shortened_event_says_the_same_of_a_turn() {
    let (mut compared, mut long) = (0, 0);
    for file in transcripts() {
        let recording = Recording::from_file(&file);
        let (turns, _) = recording.transcript();
        for (index, turn) in turns.iter().enumerate() {
            let events = recording.events_of(&turns, index);
            let shorten = |event: &&LogEvent| {
                let mut event = (*event).clone();
                let before = event.size();
                event.shorten();
                compared += 1;
                long += usize::from(event.size() + 500 < before);
                event
            };
            let shortened: Vec<LogEvent> = events.iter().map(shorten).collect();
            let shortened: Vec<&LogEvent> = shortened.iter().collect();
            assert_eq!(fuse(turn, &shortened), fuse(turn, &events), "{}", file.display());
        }
    }
    assert!(compared > 1000 && long > 20, "{compared} {long}");
}
