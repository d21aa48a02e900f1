//! What Codex does that a tracer must know of. The numbers are the same in all crates; each trap's
//! test is in the crate that owns it.

use codex_turn::{
    Checkpoint, LogEvent, ThreadMeta, Transcript, TranscriptTurn, covers, events_of, fuse,
    turn_from_events,
};
use otlp_model::turn::{LlmCall, Outcome, Step};
use otlp_model::{Attribute, TimeSplit, Turn, UnixNanos};
use serde_json::{Value as Json, json};

use crate::support::{Recording, read, versions};

/// The recording's turns, from its transcript and these events.
fn fused(recording: &Recording, events: &[LogEvent]) -> Vec<Turn> {
    let (turns, _) = recording.transcript();
    let tell = |(index, turn): (usize, &TranscriptTurn)| {
        let previous = index.checked_sub(1).map(|previous| &turns[previous]);
        fuse(turn, &events_of(turn, previous, turns.get(index + 1), events))
    };
    turns.iter().enumerate().map(tell).collect()
}

/// What a thread with these records tells.
fn decoded(version: &str, records: &[Json]) -> Vec<TranscriptTurn> {
    let meta = ThreadMeta {
        thread_id: "thread".to_owned(),
        cli_version: Some(version.to_owned()),
        ..ThreadMeta::default()
    };
    let mut transcript = Transcript::resume(meta, Checkpoint::START);
    read(&mut transcript, records.iter().map(Json::to_string));
    transcript.finish().0
}

fn event_msg(payload: Json) -> Json {
    json!({ "timestamp": "2026-11-20T22:34:31.000Z", "type": "event_msg", "payload": payload })
}

fn is_tokens(event: &LogEvent) -> bool {
    event.attributes.contains_key("input_token_count")
}

/// Model calls with their tools, without times: what must not depend on how events arrive.
fn essence(turn: &Turn) -> Vec<(LlmCall, Vec<String>)> {
    let calls = turn.llm_calls().map(|call| {
        let tools = call.tools.iter().map(|tool| format!("{} {:?}", tool.call_id, tool.outcome));
        let essential = LlmCall {
            input: call.input.clone(),
            output: call.output.clone(),
            usage: call.usage,
            outcome: call.outcome.clone(),
            ..LlmCall::default()
        };
        (essential, tools.collect())
    });
    calls.collect()
}

#[test]
fn trap_01_only_the_transcript_tells_of_failed_and_interrupted_turns() {
    let failed = Recording::load("0.169.0/fail_400");
    assert_eq!((failed.payloads.len(), failed.events.len()), (0, 0));
    let outcome = fused(&failed, &[]).remove(0).outcome;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");

    let interrupted = Recording::load("0.169.0/tui_interrupt_tool");
    let turns = fused(&interrupted, &[]);
    assert_eq!(turns[0].outcome, Outcome::Cancelled("interrupted".to_owned()));
    let notified = |turn: &Turn| {
        let mut payloads = interrupted.payloads.iter();
        payloads.any(|payload| payload.turn_id.as_deref() == Some(&turn.turn_id))
    };
    assert!(!notified(&turns[0]) && notified(&turns[1]));
}

#[test]
fn trap_04_the_last_input_message_is_not_always_the_prompt() {
    // After a compaction in the middle of the turn it is the summary.
    let compacted = Recording::load("0.169.0/auto_compact");
    let last = compacted.payloads[0].input_messages.last().unwrap();
    assert!(last.starts_with("Another language model"), "{last}");
    assert_eq!(fused(&compacted, &compacted.events)[0].prompt.as_deref(), Some("go"));
}

#[test]
fn trap_07_the_tokens_of_the_last_response_end_the_wait_for_events() {
    for version in versions() {
        let recording = Recording::load(&format!("{version}/basic"));
        let (turns, _) = recording.transcript();
        let events: Vec<&LogEvent> = recording.events.iter().collect();
        let last = events.iter().rposition(|event| is_tokens(event)).unwrap();
        assert!(covers(&turns[0], &events[..=last]), "{version}");
        assert!(!covers(&turns[0], &events[..last]), "{version}");
        assert!(!covers(&turns[0], &[]), "{version}");
    }
}

#[test]
fn trap_11_loose_types_and_nameless_events_change_nothing() {
    for version in versions() {
        let recording = Recording::load(&format!("{version}/basic"));
        let mut events = recording.events.clone();
        for event in &mut events {
            for (key, value) in &mut event.attributes {
                let number = value.as_str().and_then(|text| text.parse::<i64>().ok());
                match (number, value.as_i64()) {
                    (Some(number), _) => *value = number.into(),
                    (None, Some(number)) => *value = number.to_string().into(),
                    (None, None) if key == "success" => *value = json!(*value == "true"),
                    (None, None) => {}
                }
            }
        }
        let time = events[0].time;
        events.push(LogEvent { time, ..LogEvent::default() });
        let name = "codex.event_of_tomorrow".to_owned();
        events.push(LogEvent { time, name, ..LogEvent::default() });
        assert_eq!(fused(&recording, &events), fused(&recording, &recording.events), "{version}");
    }
}

#[test]
fn trap_12_only_records_with_tokens_are_responses() {
    let recording = Recording::load("0.169.0/basic");
    let expected = fused(&recording, &recording.events);
    let mut events = recording.events.clone();
    let with = |name: &str, time: UnixNanos, attributes: Json| LogEvent {
        time,
        name: name.to_owned(),
        attributes: attributes.as_object().unwrap().clone(),
        ..LogEvent::default()
    };
    // Each response ends with a record of the stream, too, which has no tokens.
    for (index, event) in recording.events.iter().enumerate().rev().filter(|(_, e)| is_tokens(e)) {
        let plain = json!({ "event.kind": "response.completed", "duration_ms": "0" });
        events.insert(index, with("codex.sse_event", event.time, plain));
    }
    // Over WebSockets a warm-up comes before the prompt.
    let prompted = events.iter().position(|event| event.name == "codex.user_prompt").unwrap();
    let time = events[prompted].time;
    let zero = json!({ "input_token_count": "0", "output_token_count": "0" });
    events.insert(prompted, with("codex.sse_event", time, zero));
    events.insert(prompted, with("codex.websocket_request", time, json!({ "duration_ms": "0" })));
    assert_eq!(fused(&recording, &events), expected);

    // Attempts that failed are model calls without tokens.
    let retried = Recording::load("0.169.0/retry500");
    let turn = fused(&retried, &retried.events).remove(0);
    let failed: Vec<bool> = turn.llm_calls().map(|call| call.usage.is_none()).collect();
    assert_eq!(failed, [true, true, true, false]);
    assert_eq!(turn.usage(), fused(&retried, &[])[0].usage());
}

#[test]
fn trap_13_tools_find_their_call_whatever_the_order_of_events() {
    for version in versions() {
        let recording = Recording::load(&format!("{version}/basic"));
        let expected = fused(&recording, &recording.events);
        // A tool begins while the response that asks for it is still streaming.
        let mut events = recording.events.clone();
        let mut asked = events[0].time;
        for event in &mut events {
            match event.name.as_str() {
                "codex.api_request" => asked = event.time,
                "codex.tool_result" => {
                    event.time = asked;
                    event.attributes.insert("duration_ms".to_owned(), "0".into());
                }
                _ => {}
            }
        }
        let early = fused(&recording, &events);
        assert_eq!(essence(&early[0]), essence(&expected[0]), "{version}");
        let events: Vec<&LogEvent> = events.iter().collect();
        let now = expected[0].end;
        let alone = turn_from_events(&recording.payloads[0], "thread", &events, now).unwrap();
        let tools: Vec<usize> = alone.llm_calls().map(|call| call.tools.len()).collect();
        assert_eq!(tools, [1, 2, 0], "{version}");
    }
    // Parallel results arrive as they end; the model's order counts.
    let parallel = Recording::load("0.169.0/parallel");
    let turn = fused(&parallel, &parallel.events).remove(0);
    let order: Vec<&str> = turn.tool_calls().map(|tool| tool.call_id.as_str()).collect();
    assert_eq!(order, ["call_1", "call_2", "call_3"]);
    // Calls of a script name no parent, and have trace ids of their own.
    let nested = Recording::load("0.169.0/code_mode");
    let turn = fused(&nested, &nested.events).remove(0);
    let scripts: Vec<usize> =
        turn.llm_calls().flat_map(|call| call.tools.iter().map(|tool| tool.nested.len())).collect();
    assert_eq!(scripts, [3, 0, 2]);
}

#[test]
fn trap_14_a_prompt_event_is_not_a_turn() {
    let recording = Recording::load("0.169.0/basic");
    let expected = fused(&recording, &recording.events).remove(0);
    let is_prompt = |event: &LogEvent| event.name == "codex.user_prompt";
    // A message while the agent is working looks like another prompt.
    let mut steered = recording.events.clone();
    let mut message = steered.iter().find(|event| is_prompt(event)).unwrap().clone();
    message.time = expected.end;
    message.attributes.insert("prompt".to_owned(), "and be quick".into());
    steered.push(message);
    assert_eq!(fused(&recording, &steered), std::slice::from_ref(&expected));
    // Sub-agents of the second generation, compactions and reviews have none.
    let mut silent = recording.events.clone();
    silent.retain(|event| !is_prompt(event));
    assert_eq!(essence(&fused(&recording, &silent)[0]), essence(&expected));
    for events in [steered, silent] {
        let events: Vec<&LogEvent> = events.iter().collect();
        let now = expected.end;
        let alone = turn_from_events(&recording.payloads[0], "thread", &events, now).unwrap();
        assert_eq!(alone.prompt.as_deref(), Some("List the files"));
        assert_eq!(alone.usage(), expected.usage());
    }
}

#[test]
fn trap_16_old_transcripts_repeat_counts_and_mark_no_turns() {
    let minor = |version: &str| version.split('.').nth(1).unwrap().parse::<u32>().unwrap();
    let old: Vec<_> = versions().into_iter().filter(|version| minor(version) <= 130).collect();
    assert!(old.iter().any(|version| minor(version) <= 98));
    for version in old {
        let recording = Recording::load(&format!("{version}/basic"));
        let records: Vec<Json> =
            recording.lines().map(|line| serde_json::from_slice(line).unwrap()).collect();
        let count = |kind: &str| records.iter().filter(|r| r["payload"]["type"] == kind).count();
        assert!(count("token_count") > 3, "{version} counts each response once");
        assert_eq!(count("task_started") == 0, minor(&version) <= 98, "{version}");
        let contexts = records.iter().filter(|record| record["type"] == "turn_context").count();
        assert_eq!(contexts > 1, minor(&version) <= 104, "{version}");
        let turns = fused(&recording, &[]);
        assert_eq!((turns.len(), turns[0].usage().input), (1, 3003), "{version}");
    }
}

#[test]
fn trap_17_records_of_other_turns_are_left_out() {
    // A process that outlives its interrupted turn reports its end in the next one.
    let interrupted = Recording::load("0.169.0/tui_interrupt_tool");
    let last: Json = serde_json::from_slice(interrupted.lines().last().unwrap()).unwrap();
    assert_eq!(last["payload"]["item"]["type"], "CommandExecution");
    let tools: Vec<usize> =
        fused(&interrupted, &[]).iter().map(|turn| turn.tool_calls().count()).collect();
    assert_eq!(tools, [1, 0]);

    // In a review's parent the child's records stand between the parent's own.
    let item = |turn: &str, id: &str| {
        event_msg(json!({ "type": "item_completed", "turn_id": turn, "completed_at_ms": 1,
            "item": { "type": "CommandExecution", "id": id, "exit_code": 0 } }))
    };
    let turns = decoded(
        "0.169.0",
        &[
            event_msg(json!({ "type": "task_started", "turn_id": "parent" })),
            item("parent", "ours"),
            item("child", "theirs"),
            event_msg(json!({ "type": "task_complete", "turn_id": "child" })),
            item("parent", "ours too"),
            event_msg(json!({ "type": "task_complete", "turn_id": "parent" })),
        ],
    );
    assert_eq!(turns.len(), 1);
    let turn = fuse(&turns[0], &[]);
    let tools = turn.steps.iter().map(|step| match step {
        Step::Tool(tool) => tool.call_id.as_str(),
        Step::Llm(_) | Step::Compaction(_) => "not a tool",
    });
    assert_eq!(tools.collect::<Vec<_>>(), ["ours", "ours too"]);
}

#[test]
fn trap_19_events_that_are_lost_cost_times_only() {
    for version in versions() {
        let recording = Recording::load(&format!("{version}/basic"));
        let expected = fused(&recording, &recording.events);
        for lost in 0..recording.events.len() {
            let mut events = recording.events.clone();
            events.remove(lost);
            let turns = fused(&recording, &events);
            assert_eq!(turns.len(), 1, "{version}");
            assert_eq!(essence(&turns[0]), essence(&expected[0]), "{version}, event {lost}");
            assert!(turns[0].llm_calls().all(|call| call.start <= call.end), "{version}, {lost}");
            // Without a transcript, too, a call whose tokens were lost is still there.
            let events: Vec<&LogEvent> = events.iter().collect();
            let now = expected[0].end;
            let alone = turn_from_events(&recording.payloads[0], "thread", &events, now).unwrap();
            assert_eq!(alone.llm_calls().count(), 3, "{version}, event {lost}");
            if is_tokens(&recording.events[lost]) {
                let tools: Vec<usize> = alone.llm_calls().map(|call| call.tools.len()).collect();
                assert_eq!(tools, [1, 2, 0], "{version}, event {lost}");
            }
            assert!(alone.llm_calls().all(|call| !matches!(call.outcome, Outcome::Failed(_))));
        }
    }
}

/// The decisions of Codex's network proxy on what sandboxed commands connect to, and the environment that
/// `[otel]` names.
#[test]
fn events_tell_what_the_network_proxy_decided_and_where_codex_runs() {
    let recording = Recording::load("0.169.0/basic");
    let (turns, _) = recording.transcript();
    let attributes = json!({
        "event.name": "codex.network_proxy.policy_decision",
        "user.email": "ada@example.com",
        "network.policy.scope": "domain",
        "network.policy.decision": "deny",
        "network.policy.source": "baseline_policy",
        "network.policy.reason": "not_allowed",
        "network.transport.protocol": "https_connect",
        "server.address": "example.com",
        "server.port": "443",
        "http.request.method": "CONNECT",
        "execution.id": "784b01d5-8bc3-41e8-b2ac-47b6d2e0e4fa",
        "client.address": "127.0.0.1:40000",
        "network.policy.override": false,
    });
    let decision = LogEvent {
        time: turns[0].start.plus(1_000_000),
        name: "codex.network_proxy.policy_decision".to_owned(),
        attributes: attributes.as_object().cloned().unwrap(),
        resource: json!({ "env": "production" }).as_object().cloned().unwrap(),
        ..LogEvent::default()
    };
    let shortened = {
        let mut event = decision.clone();
        event.shorten();
        event
    };
    let alone = |event: &LogEvent| {
        let answered = LogEvent {
            name: "codex.sse_event".to_owned(),
            attributes: json!({ "input_token_count": 1 }).as_object().cloned().unwrap(),
            ..event.clone()
        };
        let payload = &recording.payloads[0];
        turn_from_events(payload, "thread", &[event, &answered], turns[0].end).unwrap()
    };
    let fused = |event: &LogEvent| fuse(&turns[0], &[event]);
    for turn in [fused(&decision), fused(&shortened), alone(&decision)] {
        assert_eq!(turn.environment.as_deref(), Some("production"));
        let event = &turn.events[0];
        let text = format!("{:?} {:?}", event.attributes, event.details);
        assert_eq!((event.attributes.len(), event.details.len()), (6, 3), "{text}");
        let denied = Attribute::new("network.policy.decision", "deny");
        assert!(event.attributes.contains(&denied), "{text}");
        assert!(event.details.contains(&Attribute::new("server.port", 443_u64)), "{text}");
        assert!(!text.contains("ada") && !text.contains("127.0.0.1"), "{text}");
    }
}

/// Codex could not reach the model, tried again and again, and was killed.
#[test]
fn the_requests_of_a_turn_that_was_lost_are_its_own_however_late() {
    let mut turns =
        decoded("0.171.0", &[event_msg(json!({ "type": "task_started", "turn_id": "t" }))]);
    let turn = &mut turns[0];
    turn.abandon();
    let start = turn.start;
    let after = |millis: u64| start.plus(millis * 1_000_000);
    let event = |name: &str, millis: u64, attributes: Json| LogEvent {
        time: after(millis),
        name: name.to_owned(),
        attributes: attributes.as_object().cloned().unwrap(),
        ..LogEvent::default()
    };
    let failed = |millis: u64| {
        let attributes = json!({ "duration_ms": "5", "error.message": "error sending request" });
        event("codex.api_request", millis, attributes)
    };
    let prompt = |millis: u64| event("codex.user_prompt", millis, json!({ "prompt": "hello" }));
    let next =
        [event("codex.conversation_starts", 900_000, json!({})), prompt(900_100), failed(900_200)];
    let ours: Vec<LogEvent> =
        [vec![prompt(70)], [100, 300, 700, 1500, 12_000].map(failed).to_vec()].concat();
    let events: Vec<LogEvent> = ours.iter().chain(&next).cloned().collect();
    turn.note_gone(after(600_000));
    let found = events_of(turn, None, None, &events);
    assert_eq!(found, ours.iter().collect::<Vec<_>>());
    let fused = fuse(turn, &found);
    assert_eq!(fused.end, after(600_000));
    assert_eq!(fused.llm_calls().count(), 5);
    let time = TimeSplit::of(&fused);
    assert_eq!((time.retry, time.unknown, time.overhead), (599_905, 0, 95));
    // Where its end is unknown, it was last seen when it tried for the last time.
    turn.gone = None;
    assert_eq!(fuse(turn, &found).end, after(12_000));
    assert_eq!(TimeSplit::of(&fuse(turn, &found)).retry, 11_905);
    assert_eq!(fuse(turn, &[]).end, turn.end);
}
