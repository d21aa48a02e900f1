//! What real sessions of many Codex versions decode to.
//!
//! Each case below `tests/data/<version>/<case>/` was recorded from the real CLI. `turns.txt` beside
//! it says what comes out; `UPDATE_EXPECT=1 cargo test -p codex-turn` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

mod calls;
mod compat;
mod corpus;
mod counts;
mod ends;
mod overlap;
mod privacy;
mod refusals;
mod robustness;
mod support;
mod traps;
mod user_shell;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use codex_turn::{
    Checkpoint, Transcript, events_of, fuse, nth_call, turn_from_events, turn_from_notify,
};
use expect_test::expect_file;
use otlp_model::names::{
    LLM_TOKEN_COUNT_CACHE_READ, LLM_TOKEN_COUNT_COMPLETION, LLM_TOKEN_COUNT_PROMPT,
    LLM_TOKEN_COUNT_REASONING,
};
use otlp_model::turn::{LlmCall, Outcome, ParentTurn, Step, ToolCall};
use otlp_model::{Span, SpanKind, TreeOptions, Turn, span_tree};

use support::{Recording, cases, data_dir, read, transcripts_of, versions};

/// Decodes the transcripts of a recording with its events, and without them.
fn check(case: &str) {
    let mut text = String::new();
    for file in transcripts_of(case) {
        let recording = Recording::from_file(&file);
        if file.file_name().unwrap() != "rollout.jsonl" {
            writeln!(text, "\n{}", file.file_name().unwrap().to_string_lossy()).unwrap();
        }
        let (turns, problems) = recording.transcript();
        for (index, turn) in turns.iter().enumerate() {
            let events = recording.events_of(&turns, index);
            print_turn(&mut text, &fuse(turn, &events));
        }
        for problem in problems {
            writeln!(text, "problem: {problem}").unwrap();
        }
        check_transcript_alone(case, &recording);
    }
    expect_file![data_dir(case).join("turns.txt")].assert_eq(&text);
}

/// Without events, the same steps, tokens and outcomes; only times are less exact.
fn check_transcript_alone(case: &str, recording: &Recording) {
    let (turns, _) = recording.transcript();
    for (index, transcript) in turns.iter().enumerate() {
        let events = recording.events_of(&turns, index);
        let (with, without) = (fuse(transcript, &events), fuse(transcript, &[]));
        assert_eq!(with.usage(), without.usage(), "{case}");
        assert_eq!(with.outcome, without.outcome, "{case}");
        let tools = |turn: &Turn| {
            turn.tool_calls()
                .map(|tool| (tool.call_id.clone(), tool.name.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(tools(&with), tools(&without), "{case}");
    }
}

fn print_turn(text: &mut String, turn: &Turn) {
    let number = turn.number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    writeln!(
        text,
        "turn {number} [{}] {} ms  {}  {:?} -> {:?}",
        turn.model.as_deref().unwrap_or("-"),
        turn.end.since(turn.start) / 1_000_000,
        outcome(&turn.outcome),
        turn.prompt.as_deref().unwrap_or("-"),
        turn.answer.as_deref().unwrap_or("-"),
    )
    .unwrap();
    for attribute in &turn.attributes {
        if !["codex.trace_id", "codex.parent_thread_id"].contains(&attribute.key.as_ref()) {
            writeln!(text, "  {} = {:?}", attribute.key, attribute.value).unwrap();
        }
    }
    for step in &turn.steps {
        match step {
            Step::Llm(call) => print_call(text, turn, call),
            Step::Tool(tool) => print_tool(text, turn, tool, 1),
            Step::Compaction(compaction) => {
                let at = compaction.start.since(turn.start) / 1_000_000;
                writeln!(text, "  compaction @{at}").unwrap();
            }
        }
    }
}

fn print_call(text: &mut String, turn: &Turn, call: &LlmCall) {
    let at = |time: otlp_model::UnixNanos| time.since(turn.start) / 1_000_000;
    let usage = call.usage.map_or_else(
        || "-".to_owned(),
        |u| {
            format!(
                "in {} (cached {}) out {} (reasoning {})",
                u.input, u.cached_input, u.output, u.reasoning_output
            )
        },
    );
    let other = call.model.as_ref().filter(|model| turn.model.as_ref() != Some(model));
    writeln!(
        text,
        "  llm{} @{}..{} {} {usage}  {} -> {}",
        other.map(|model| format!(" [{model}]")).unwrap_or_default(),
        at(call.start),
        at(call.end),
        outcome(&call.outcome),
        messages(&call.input),
        messages(&call.output),
    )
    .unwrap();
    for tool in &call.tools {
        print_tool(text, turn, tool, 2);
    }
}

fn print_tool(text: &mut String, turn: &Turn, tool: &ToolCall, depth: usize) {
    let at = |time: otlp_model::UnixNanos| time.since(turn.start) / 1_000_000;
    let attributes = tool.attributes.iter();
    let attributes =
        attributes.map(|a| format!("{}={:?}", a.key.rsplit('.').next().unwrap(), a.value));
    let wait = tool.approval_wait.map(|wait| format!("wait={}", wait / 1_000_000));
    let attributes: Vec<String> = attributes.chain(wait).collect();
    writeln!(
        text,
        "{}tool {} {} @{}..{} {}  {:?} -> {:?}  {}",
        "  ".repeat(depth),
        tool.name,
        tool.call_id,
        at(tool.start),
        at(tool.end),
        outcome(&tool.outcome),
        short(tool.arguments.as_deref().unwrap_or("-")),
        short(tool.output.as_deref().unwrap_or("-")),
        attributes.join(" "),
    )
    .unwrap();
    for nested in &tool.nested {
        print_tool(text, turn, nested, depth + 1);
    }
}

fn messages(messages: &[otlp_model::turn::Message]) -> String {
    let roles = messages.iter().map(|message| {
        let parts: Vec<String> = message
            .parts
            .iter()
            .map(|part| match part {
                otlp_model::turn::Part::Text(text) => short(text),
                otlp_model::turn::Part::Reasoning(text) => format!("thinks {}", short(text)),
                otlp_model::turn::Part::ToolCall { id, .. } => format!("call {id}"),
            })
            .collect();
        format!("{}:{}", message.role, parts.join("+"))
    });
    format!("{:?}", roles.collect::<Vec<_>>())
}

fn short(text: &str) -> String {
    text.chars().take(24).collect()
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Unknown => "unknown".to_owned(),
        Outcome::Ok => "ok".to_owned(),
        Outcome::Failed(reason) => format!("FAILED({})", short(reason)),
        Outcome::Denied(reason) => format!("DENIED({})", short(reason)),
        Outcome::Cancelled(reason) => format!("CANCELLED({})", short(reason)),
    }
}

/// Every recording there is, old and new.
#[test]
fn every_recording_decodes_as_before() {
    let cases = cases();
    assert!(cases.len() > 40, "only {cases:?}");
    for case in cases {
        check(&case);
    }
}

/// The basic session: the same story in every version.
#[test]
fn every_version_tells_the_basic_story() {
    for version in versions() {
        let recording = Recording::load(&format!("{version}/basic"));
        let (turns, problems) = recording.transcript();
        assert_eq!((turns.len(), problems.len()), (1, 0), "{version}");
        let events = events_of(&turns[0], None, None, &recording.events);
        let turn = fuse(&turns[0], &events);
        assert_eq!(turn.prompt.as_deref(), Some("List the files"), "{version}");
        assert_eq!(turn.answer.as_deref(), Some("All done. There are files."), "{version}");
        let usage: Vec<_> = turn
            .llm_calls()
            .filter_map(|call| call.usage)
            .map(|u| (u.input, u.cached_input, u.output, u.reasoning_output))
            .collect();
        assert_eq!(
            usage,
            [(1000, 512, 20, 5), (1001, 512, 21, 5), (1002, 512, 22, 5)],
            "{version}"
        );
        let tools: Vec<usize> = turn.llm_calls().map(|call| call.tools.len()).collect();
        assert_eq!(tools, [1, 2, 0], "{version}");
        let failed: Vec<_> =
            turn.tool_calls().map(|tool| matches!(tool.outcome, Outcome::Failed(_))).collect();
        assert!(!failed[0] && failed[1], "{version}: {failed:?}");
    }
}

/// Conservation: over all spans of a thread, tokens add up to Codex's own cumulative count, in every
/// recording and sample there is.
#[test]
fn no_token_is_lost_or_counted_twice() {
    let mut transcripts = 0;
    for file in support::transcripts().into_iter().chain(support::samples()) {
        let recording = Recording::from_file(&file);
        if !recording.is_counted() {
            continue;
        }
        let (turns, _) = recording.transcript();
        let turns = turns.iter().filter(|turn| !turn.is_copied());
        let spans = turns.flat_map(|turn| span_tree(&fuse(turn, &[]), &TreeOptions::default()));
        let mut sum = [0; 4];
        for span in spans.filter(|span| span.kind == SpanKind::Llm) {
            let names = [
                LLM_TOKEN_COUNT_PROMPT,
                LLM_TOKEN_COUNT_CACHE_READ,
                LLM_TOKEN_COUNT_COMPLETION,
                LLM_TOKEN_COUNT_REASONING,
            ];
            for (sum, name) in sum.iter_mut().zip(names) {
                *sum += span.int(name).unwrap_or(0);
            }
        }
        assert_eq!(Some(sum), recording.final_count(), "{}", file.display());
        transcripts += 1;
    }
    assert!(transcripts >= 100, "only {transcripts} transcripts found");
}

/// The turns of sub-agents hang below the calls that set them to work, in the same trace.
#[test]
fn trap_03_sub_agents_find_their_parents() {
    let spans = |file: &str| {
        let recording = Recording::from_file(&data_dir("0.169.0").join(file));
        let (turns, _) = recording.transcript();
        turns
            .iter()
            .flat_map(|turn| span_tree(&fuse(turn, &[]), &TreeOptions::default()))
            .collect::<Vec<_>>()
    };
    let parent = spans("subagent_v1/rollout.jsonl");
    let above = |child: &[Span]| {
        let call = parent.iter().find(|span| Some(span.span_id) == child[0].parent_id).unwrap();
        (call.name.clone(), call.text("tool.id").unwrap().to_owned())
    };
    let (one, other) = (spans("subagent_v1/rollout-2.jsonl"), spans("subagent_v1/rollout-3.jsonl"));
    assert_eq!(above(&one), ("spawn_agent".to_owned(), "call_p1".to_owned()));
    assert_eq!(above(&other), ("spawn_agent".to_owned(), "call_p2".to_owned()));
    let all: Vec<_> = parent.iter().chain(&one).chain(&other).collect();
    assert!(all.iter().all(|span| span.trace_id == parent[0].trace_id));
    assert!(all.iter().all(|span| span.text("session.id") == parent[0].text("session.id")));

    // The second generation: one sub-agent, set to work twice in the same turn.
    let parent = spans("subagent_v2/rollout.jsonl");
    let spawn = parent.iter().find(|span| span.name == "spawn_agent").unwrap();
    let child = spans("subagent_v2/rollout-2.jsonl");
    let turns: Vec<_> = child.iter().filter(|span| span.kind == SpanKind::Agent).collect();
    assert_eq!(turns.len(), 2);
    assert!(turns.iter().all(|turn| turn.trace_id == spawn.trace_id));
    assert_eq!(turns[0].parent_id, Some(spawn.span_id));
    assert!(turns[0].text("input.value").unwrap().contains("Task name: /root/task_a"));
}

/// Up to 0.148 a sub-agent that is forked off has its parent's history copied into its transcript.
#[test]
fn a_copied_history_is_not_sent_again() {
    let recording = Recording::from_file(&data_dir("0.130.0/fork_context").join("rollout-2.jsonl"));
    let (turns, _) = recording.transcript();
    let found: Vec<_> =
        turns.iter().map(|turn| (turn.is_copied(), fuse(turn, &[]).prompt)).collect();
    let prompt = |text: &str| Some(text.to_owned());
    assert_eq!(found, [(true, prompt("PARENTPROMPT go")), (false, prompt("CHILDTASK-A do"))]);
}

/// The service tier, on which the price depends, stands in the settings that Codex notes within the
/// first turn of a thread and before each of the others.
#[test]
fn each_turn_has_the_service_tier_that_was_set_for_it() {
    let recording = Recording::load("0.169.0/tui_multi");
    let mut nth = 0;
    let lines = recording.lines().map(|line| {
        let line = String::from_utf8(line.to_vec()).unwrap();
        if line.contains("service_tier") {
            nth += 1;
        }
        line.replace(r#""service_tier":"default""#, &format!(r#""service_tier":"tier {nth}""#))
    });
    let mut transcript = Transcript::resume(recording.meta.clone(), Checkpoint::START);
    read(&mut transcript, lines);
    let tiers = transcript
        .finish()
        .0
        .iter()
        .map(|turn| {
            let turn = fuse(turn, &[]);
            let mut tiers =
                turn.llm_calls().map(|call| call.parameters["service_tier"].to_string());
            tiers.next().unwrap()
        })
        .collect::<Vec<_>>();
    assert_eq!(tiers, [r#""tier 1""#, r#""tier 2""#, r#""tier 3""#]);
}

/// Reading from each turn's checkpoint on gives the rest of the turns, the same as before.
#[test]
fn reading_goes_on_at_any_checkpoint() {
    for case in
        ["0.169.0/tui_multi", "0.169.0/resume", "0.169.0/tui_interrupt_tool", "0.98.0/basic"]
    {
        let recording = Recording::load(case);
        let (turns, _) = recording.transcript();
        for (index, turn) in turns.iter().enumerate() {
            let (rest, problems) = recording.transcript_from(turn.checkpoint);
            assert_eq!(problems, [], "{case}");
            assert_eq!(rest, turns[index + 1..], "{case} after turn {index}");
        }
    }
}

/// A transcript whose last line is torn, or that has garbage in it, loses only that line.
#[test]
fn trap_garbage_lines_are_problems_not_failures() {
    let recording = Recording::load("0.169.0/basic");
    let mut transcript = Transcript::resume(recording.meta.clone(), Checkpoint::START);
    for (index, line) in recording.lines().enumerate() {
        read(&mut transcript, [line]);
        if index % 3 == 0 {
            let garbage: [&[u8]; 3] = [
                b"\xff\xfe garbage",
                br#"{"type":"response_item","payload":{"type":"function_call"#,
                br#"{"timestamp":"x","type":"of_tomorrow","payload":[1,2]}"#,
            ];
            read(&mut transcript, garbage);
        }
    }
    let (turns, problems) = transcript.finish();
    let clean = fuse(&recording.transcript().0[0], &[]);
    let turn = fuse(&turns[0], &[]);
    assert_eq!((turn.usage(), &turn.answer), (clean.usage(), &clean.answer));
    assert_eq!(problems.iter().filter(|p| p.what.contains("of_tomorrow")).count(), 1);
    assert!(problems.len() > 10 && problems.iter().all(|p| !p.what.contains("garbage")));
}

/// Events alone: the same calls, tokens and tools as with the transcript.
#[test]
fn events_alone_tell_calls_and_tools() {
    for version in versions() {
        let recording = Recording::load(&format!("{version}/basic"));
        let payload = &recording.payloads[0];
        let events: Vec<_> = recording.events.iter().collect();
        let now = events.last().unwrap().time;
        let turn = turn_from_events(payload, "thread", &events, now).unwrap();
        let (turns, _) = recording.transcript();
        let full = fuse(&turns[0], &events);
        assert_eq!(turn.usage(), full.usage(), "{version}");
        assert_eq!(turn.answer, full.answer, "{version}");
        for (ours, theirs) in turn.llm_calls().zip(full.llm_calls()) {
            assert_eq!(
                (ours.start, ours.end, ours.usage),
                (theirs.start, theirs.end, theirs.usage)
            );
            // Which of two parallel calls the model asked for first, no event tells.
            let calls = |call: &LlmCall| {
                call.tools
                    .iter()
                    .map(|tool| (tool.call_id.clone(), outcome(&tool.outcome)))
                    .collect::<BTreeMap<_, _>>()
            };
            assert_eq!(calls(ours), calls(theirs), "{version}");
        }
    }
}

/// The payload alone gives a flat turn, in every version's form.
#[test]
fn payload_alone_gives_a_flat_turn() {
    for version in versions() {
        let recording = Recording::load(&format!("{version}/basic"));
        let now = otlp_model::UnixNanos::from_millis(1_795_300_000_000);
        let turn = turn_from_notify(&recording.payloads[0], "thread", now);
        assert_eq!(turn.answer.as_deref(), Some("All done. There are files."), "{version}");
        // Codex 0.53 and older leave the prompts out.
        let prompt =
            (!["0.44.0", "0.53.0"].contains(&version.as_str())).then_some("List the files");
        assert_eq!(turn.prompt.as_deref(), prompt, "{version}");
        assert!(turn.steps.is_empty());
    }
}

#[test]
fn trap_02_the_title_thread_is_recognised() {
    let recording = Recording::load("0.169.0/tui_multi");
    let titles = recording.payloads.iter().filter(|payload| payload.is_title_generation()).count();
    assert_eq!((titles, recording.payloads.len()), (3, 6));
}

/// A sub-agent that is given more to do later works for the call that gave it that, whatever other
/// calls there were (a message alone starts no sub-agent).
#[test]
fn later_work_of_a_sub_agent_finds_its_call() {
    let turns =
        |case: &str, file: &str| Recording::from_file(&data_dir(case).join(file)).transcript().0;
    let cases = ["0.130.0/send_input", "0.145.0/send_input", "0.171.0/send_input"];
    for case in cases.into_iter().chain(["0.171.0/followup_task", "0.169.0/subagent_v2"]) {
        let (parents, children) = (turns(case, "rollout.jsonl"), turns(case, "rollout-2.jsonl"));
        assert_eq!((parents.len(), children.len()), (1, 2), "{case}");
        let nth: Vec<_> = children.iter().map(|child| nth_call(&parents[0], child)).collect();
        assert_eq!(nth, [1, 2], "{case}");
        let parent = fuse(&parents[0], &[]);
        let above = span_tree(&parent, &TreeOptions::default());
        let names = children.iter().zip(nth).map(|(child, nth_call)| {
            let parent = ParentTurn {
                thread_id: parent.thread_id.clone(),
                key: parent.key.clone(),
                nth_call,
                ..ParentTurn::default()
            };
            let turn = Turn { parent: Some(parent), ..fuse(child, &[]) };
            let parent_id = span_tree(&turn, &TreeOptions::default())[0].parent_id;
            above.iter().find(|span| Some(span.span_id) == parent_id).unwrap().name.to_string()
        });
        let names: Vec<String> = names.collect();
        assert_eq!(names[0], "spawn_agent", "{case}");
        let later = if case.contains("send_input") { "send_input" } else { "followup_task" };
        assert_eq!(names[1], later, "{case}");
    }
}
