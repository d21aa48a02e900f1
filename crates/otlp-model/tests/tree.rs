//! What a turn's spans look like.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fmt::Write as _;

use expect_test::{ExpectFile, expect_file};
use otlp_model::encode::{Scope, export_request, to_json, to_protobuf};
use otlp_model::turn::{
    Agent, Caller, Compaction, Cost, LlmCall, Message, Outcome, ParentTurn, Part, Step, ToolCall,
    Turn, TurnEvent, Usage,
};
use otlp_model::{
    Attribute, ContentPolicy, Layout, Span, SpanBatch, SpanId, SpanStatus, TraceId, TreeOptions,
    UnixNanos, Value, span_tree,
};

fn at(millis: u64) -> UnixNanos {
    UnixNanos::from_millis(1_000 + millis)
}

fn message(role: &str, parts: Vec<Part>) -> Message {
    Message { role: role.to_owned(), parts, tool_call_id: None }
}

/// Two model calls, a tool that failed, one within it, a compaction.
fn turn() -> Turn {
    let first = LlmCall {
        start: at(10),
        end: at(200),
        model: Some("gpt-5.5".to_owned()),
        input: vec![
            message("developer", vec![Part::Text("Be kind.".to_owned())]),
            message("user", vec![Part::Text("List\0 the files".to_owned())]),
        ],
        output: vec![message(
            "assistant",
            vec![
                Part::Reasoning("They want files.".to_owned()),
                Part::ToolCall {
                    id: "call_1".to_owned(),
                    name: "exec".to_owned(),
                    arguments: r#"{"cmd":"ls"}"#.to_owned(),
                },
            ],
        )],
        usage: Some(Usage {
            input: 1000,
            cached_input: 512,
            cache_write_input: 7,
            output: 20,
            reasoning_output: 5,
        }),
        time_to_first_token: Some(50_000_000),
        cost: Some(Cost {
            input: 0.5,
            cached_input: 0.25,
            cache_write: 0.125,
            output: 2.0,
            tier: "standard".to_owned(),
            table: "2026-11-21".to_owned(),
        }),
        outcome: Outcome::Ok,
        tools: vec![ToolCall {
            call_id: "call_1".to_owned(),
            name: "exec".to_owned(),
            start: at(210),
            end: at(300),
            arguments: Some(r#"{"cmd":"ls"}"#.to_owned()),
            output: Some("no such file".to_owned()),
            outcome: Outcome::Failed("exit code 2".to_owned()),
            failed_by_exit_code: false,
            approval_wait: Some(20_000_000),
            sub_agent: None,
            nested: vec![ToolCall {
                call_id: "call_1".to_owned(),
                name: "apply_patch".to_owned(),
                start: at(290),
                end: at(280),
                arguments: Some("*** Begin Patch".to_owned()),
                outcome: Outcome::Ok,
                ..ToolCall::default()
            }],
            attributes: vec![Attribute::new("codex.tool.approval_status", "approved")],
        }],
        ..LlmCall::default()
    };
    let second = LlmCall {
        start: at(310),
        end: at(400),
        model: Some("gpt-5.5".to_owned()),
        output: vec![message("assistant", vec![Part::Text("None.".to_owned())])],
        usage: Some(Usage { input: 1100, output: 30, ..Usage::default() }),
        outcome: Outcome::Ok,
        ..LlmCall::default()
    };
    Turn {
        agent: Agent {
            name: "codex".into(),
            version: Some("0.169.0".to_owned()),
            llm_system: Some("openai".into()),
        },
        session_id: "thread".to_owned(),
        thread_id: "thread".to_owned(),
        turn_id: "turn".to_owned(),
        key: "turn".to_owned(),
        number: Some(3),
        start: at(0),
        end: at(420),
        prompt: Some("List the files".to_owned()),
        answer: Some("None.".to_owned()),
        outcome: Outcome::Ok,
        model: Some("gpt-5.5".to_owned()),
        steps: vec![
            Step::Llm(first),
            Step::Compaction(Compaction { start: at(301), end: at(305), ..Compaction::default() }),
            Step::Llm(second),
        ],
        attributes: vec![Attribute::new("codex.sandbox_mode", "read-only")],
        metadata: serde_json::Map::from_iter([("cwd".to_owned(), "/home/dev".into())]),
        ..Turn::default()
    }
}

fn check(options: &TreeOptions, expected: ExpectFile) {
    let spans = span_tree(&turn(), options);
    let mut text = String::new();
    for span in &spans {
        let parent = spans.iter().position(|other| Some(other.span_id) == span.parent_id);
        let parent = parent.map_or_else(|| "-".to_owned(), |index| index.to_string());
        writeln!(
            text,
            "{} {} under {parent} @{}..{} {:?}",
            span.kind.as_str(),
            span.name,
            span.start.since(at(0)) / 1_000_000,
            span.end.since(at(0)) / 1_000_000,
            span.status
        )
        .unwrap();
        for attribute in span.attributes.iter().filter(|attribute| !is_everywhere(attribute)) {
            writeln!(text, "    {} = {}", attribute.key, show(&attribute.value)).unwrap();
        }
        for event in &span.events {
            writeln!(text, "    event {} {:?}", event.name, event.attributes.len()).unwrap();
        }
        assert_on_every_span(span);
    }
    expected.assert_eq(&text);
}

fn is_everywhere(attribute: &Attribute) -> bool {
    [
        "session.id",
        "user.id",
        "gen_ai.conversation.id",
        "openinference.span.kind",
        "llm.system",
        "llm.provider",
        "gen_ai.provider.name",
    ]
    .contains(&attribute.key.as_ref())
}

fn assert_on_every_span(span: &Span) {
    assert_eq!(span.text("openinference.span.kind"), Some(span.kind.as_str()));
    assert_eq!(span.text("session.id"), Some("thread"));
    assert_eq!(span.text("user.id"), Some("ada"));
    assert_eq!(span.text("team"), Some("blue"));
    assert!(span.end >= span.start);
    let mut keys: Vec<_> = span.attributes.iter().map(|attribute| attribute.key.as_ref()).collect();
    keys.sort_unstable();
    let count = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), count, "a key occurs twice");
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        other => format!("{other:?}"),
    }
}

fn options(layout: Layout, content: ContentPolicy) -> TreeOptions {
    TreeOptions {
        layout,
        content,
        user_id: Some("ada".to_owned()),
        attributes: vec![Attribute::new("team", "blue"), Attribute::new("session.id", "mine")],
        ..TreeOptions::default()
    }
}

#[test]
fn layout_agent() {
    check(&options(Layout::Agent, ContentPolicy::default()), expect_file!["tree/agent.txt"]);
}

#[test]
fn layout_turn() {
    check(&options(Layout::Turn, ContentPolicy::default()), expect_file!["tree/turn.txt"]);
}

#[test]
fn nothing_said_leaves_when_it_must_not() {
    let closed = ContentPolicy {
        prompts: false,
        tool_details: false,
        tool_content: false,
        max_bytes: 1000,
        ..ContentPolicy::default()
    };
    check(&options(Layout::Agent, closed.clone()), expect_file!["tree/closed.txt"]);
    let batch = SpanBatch {
        resource: Vec::new(),
        spans: span_tree(&turn(), &options(Layout::Agent, closed)),
    };
    let wire = to_json(&export_request(&batch, &Scope { name: "test", version: "0" })).to_string();
    for secret in ["List", "None.", "kind.", "want files", "cmd", "Patch", "no such"] {
        assert!(!wire.contains(secret), "{secret} in {wire}");
    }
}

#[test]
fn a_reason_that_is_output_is_hidden_with_it() {
    let mut turn = turn();
    let Some(Step::Llm(call)) = turn.steps.first_mut() else {
        unreachable!("the first step is a call")
    };
    call.tools[0].outcome = Outcome::Failed("no such file".to_owned());
    let message = |tool_content| {
        let content = ContentPolicy { tool_content, ..ContentPolicy::default() };
        let spans = span_tree(&turn, &TreeOptions { content, ..TreeOptions::default() });
        spans.into_iter().find(|span| span.name == "exec").unwrap().status
    };
    assert_eq!(message(true), SpanStatus::Error("no such file".to_owned()));
    assert_eq!(message(false), SpanStatus::Error("failed".to_owned()));
}

#[test]
fn what_happens_within_a_turn_is_an_event_of_its_span() {
    let event = |nth: u64| TurnEvent {
        time: at(nth),
        name: "codex.network_proxy.policy_decision".to_owned(),
        attributes: vec![Attribute::new("network.policy.decision", "deny")],
        details: vec![Attribute::new("server.address", "exa\0mple.com")],
    };
    let turn = Turn {
        events: (0..200).map(event).collect(),
        outcome: Outcome::Failed("no".to_owned()),
        ..turn()
    };
    let attributes = |tool_details| {
        let content = ContentPolicy { tool_details, ..ContentPolicy::default() };
        let spans = span_tree(&turn, &TreeOptions { content, ..TreeOptions::default() });
        assert_eq!(spans[0].int("codex.turn.cut.events"), Some(200 - 128));
        assert_eq!(spans[0].events.len(), 129, "and the exception");
        assert_eq!(spans[0].events[1].time, at(1));
        assert!(spans[1].events.is_empty());
        spans[0].events[1].attributes.clone()
    };
    let decision = Attribute::new("network.policy.decision", "deny");
    let server = Attribute::new("server.address", "example.com");
    assert_eq!(attributes(true), [decision.clone(), server]);
    assert_eq!(attributes(false), [decision]);
}

#[test]
fn an_exit_code_alone_is_no_failure_where_the_user_says_so() {
    let ends = |failed_by_exit_code, ignore_exit_codes| {
        let mut turn = turn();
        let Some(Step::Llm(call)) = turn.steps.first_mut() else {
            unreachable!("the first step is a call")
        };
        call.tools[0].failed_by_exit_code = failed_by_exit_code;
        let options = TreeOptions { ignore_exit_codes, ..TreeOptions::default() };
        let span = span_tree(&turn, &options).into_iter().find(|span| span.name == "exec").unwrap();
        (span.status.clone(), span.text("codex.tool.outcome").map(str::to_owned))
    };
    let failed = || (SpanStatus::Error("exit code 2".to_owned()), Some("failed".to_owned()));
    assert_eq!(ends(true, false), failed());
    assert_eq!(ends(false, true), failed());
    assert_eq!(ends(true, true), (SpanStatus::Ok, Some("ok".to_owned())));
}

#[test]
fn a_turn_that_did_not_end_well_says_so_in_its_output() {
    let check = |answer: Option<&str>, outcome: Outcome, content: ContentPolicy, expected: &str| {
        let turn = Turn { answer: answer.map(str::to_owned), outcome, ..turn() };
        let spans = span_tree(&turn, &TreeOptions { content, ..TreeOptions::default() });
        assert_eq!(spans[0].text("output.value"), Some(expected));
        assert_eq!(spans[0].text("output.mime_type"), Some("text/plain"));
    };
    let open = ContentPolicy::default;
    let failed = || Outcome::Failed("the model is overloaded".to_owned());
    let stopped = || Outcome::Cancelled("interrupted".to_owned());
    check(None, failed(), open(), "Failed: the model is overloaded");
    check(None, stopped(), open(), "Interrupted by the user");
    let lost = Outcome::Cancelled("codex ended before the turn did".to_owned());
    check(None, lost, open(), "Interrupted: codex ended before the turn did");
    // What was said until then stays.
    check(Some("First I look."), stopped(), open(), "First I look.\n\nInterrupted by the user");
    check(Some("Done."), Outcome::Ok, open(), "Done.");
    let closed = ContentPolicy { prompts: false, ..open() };
    check(Some("Hm."), stopped(), closed, "<redacted: 3 chars>\n\nInterrupted by the user");
}

#[test]
fn a_sub_agents_turn_hangs_below_the_call_that_set_it_to_work() {
    let mut parent = turn();
    let Some(Step::Llm(call)) = parent.steps.first_mut() else {
        unreachable!("the first step is a call")
    };
    call.tools[0].sub_agent = Some("child".to_owned());
    let child = |parent_thread: &str, key: &str| Turn {
        thread_id: "child".to_owned(),
        key: "its turn".to_owned(),
        number: Some(1),
        parent: Some(ParentTurn {
            thread_id: parent_thread.to_owned(),
            key: key.to_owned(),
            nth_call: 1,
            root_thread_id: "thread".to_owned(),
            root_key: "turn".to_owned(),
        }),
        ..turn()
    };
    let above = span_tree(&parent, &TreeOptions::default());
    let below = span_tree(&child("thread", "turn"), &TreeOptions::default());
    let spawn = above.iter().find(|span| span.name == "exec").unwrap();
    assert_eq!(below[0].name, "Turn 1 (sub-agent)");
    assert_eq!((below[0].trace_id, below[0].parent_id), (spawn.trace_id, Some(spawn.span_id)));
    assert_eq!(below[0].text("session.id"), Some("thread"), "a trace has one session");
    assert_eq!(below[0].text("codex.thread_id"), Some("child"));
    // A sub-agent's own sub-agent is part of the same trace.
    let deeper = span_tree(&child("between", "its turn"), &TreeOptions::default());
    assert_eq!(deeper[0].trace_id, spawn.trace_id);
    assert_ne!(deeper[0].parent_id, Some(spawn.span_id));
}

#[test]
fn a_turn_can_join_the_trace_of_its_caller() {
    let caller = Caller { trace_id: TraceId([7; 16]), span_id: SpanId([9; 8]) };
    let spans = span_tree(&Turn { caller: Some(caller), ..turn() }, &TreeOptions::default());
    assert!(spans.iter().all(|span| span.trace_id == caller.trace_id));
    assert_eq!(spans[0].parent_id, Some(caller.span_id));
    let alone = span_tree(&turn(), &TreeOptions::default());
    assert_eq!(spans[0].span_id, alone[0].span_id);
}

#[test]
fn another_harness_has_its_own_names() {
    let agent =
        Agent { llm_system: Some("anthropic".into()), ..Agent::named(String::from("elsewhere")) };
    let mut turn = Turn { agent, ..turn() };
    turn.steps.iter_mut().for_each(|step| {
        if let Step::Llm(call) = step {
            call.provider = None;
        }
    });
    let text = |key: &str, turn: &Turn| {
        let batch = SpanBatch::of(turn, "work", &TreeOptions::default());
        assert!(batch.resource.contains(&Attribute::new("service.name", "elsewhere")));
        assert!(batch.resource.contains(&Attribute::new("openinference.project.name", "work")));
        let is_call = |span: &&Span| span.text("openinference.span.kind") == Some("LLM");
        let call = batch.spans.iter().find(is_call).unwrap();
        call.text(key).map(str::to_owned)
    };
    assert_eq!(text("llm.system", &turn).as_deref(), Some("anthropic"));
    assert_eq!(text("gen_ai.provider.name", &turn).as_deref(), Some("anthropic"));
    turn.agent.llm_system = None;
    assert_eq!(text("llm.system", &turn), None);
    assert_eq!(text("llm.provider", &turn), None);
}

#[test]
fn the_same_turn_gives_the_same_bytes_and_another_turn_other_ids() {
    let bytes = |turn: &Turn| {
        let batch =
            SpanBatch { resource: Vec::new(), spans: span_tree(turn, &TreeOptions::default()) };
        (
            batch.spans.iter().map(|span| span.span_id).collect::<Vec<_>>(),
            to_protobuf(&export_request(&batch, &Scope { name: "test", version: "0" })),
        )
    };
    let (ids, wire) = bytes(&turn());
    assert_eq!(bytes(&turn()), (ids.clone(), wire));
    let (other, _) = bytes(&Turn { key: "other".to_owned(), ..turn() });
    assert!(ids.iter().all(|id| !other.contains(id)));
    let unique: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
}

#[test]
fn otlp_json_has_hexadecimal_ids_and_typed_values() {
    let spans = span_tree(&turn(), &TreeOptions::default());
    let batch = SpanBatch { resource: vec![Attribute::new("service.name", "codex")], spans };
    let json = to_json(&export_request(&batch, &Scope { name: "arize-codex", version: "1" }));
    let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][1];
    assert_eq!(span["traceId"], batch.spans[1].trace_id.to_string());
    assert_eq!(span["parentSpanId"], batch.spans[0].span_id.to_string());
    assert_eq!(span["status"]["code"], 1);
    let attributes = span["attributes"].as_array().unwrap();
    let tokens = attributes.iter().find(|pair| pair["key"] == "llm.token_count.prompt").unwrap();
    assert_eq!(tokens["value"]["intValue"], "1000");
}

#[test]
fn an_attribute_of_the_users_keeps_no_content_of_its_name() {
    let content = ContentPolicy { numbers_only: true, ..ContentPolicy::default() };
    let attributes = ["input.value", "output.value", "team"];
    let attributes = attributes.map(|key| Attribute::new(key, "payments")).to_vec();
    let spans = span_tree(&turn(), &TreeOptions { content, attributes, ..TreeOptions::default() });
    let all = format!("{spans:?}");
    assert!(!all.contains("List the files") && all.contains("payments"), "{all}");
}

/// What a user calls an attribute does not decide which contents stay.
#[test]
fn an_attribute_of_a_user_keeps_no_content() {
    const SAID: &str = "a-secret-branch";
    let mut turn = turn();
    turn.outcome = Outcome::Failed(SAID.to_owned());
    turn.attributes.push(Attribute::new("codex.git.branch", SAID));
    let content = ContentPolicy { numbers_only: true, ..ContentPolicy::default() };
    for key in ["exception.message", "codex.git.branch", "input.value", "output.value", "metadata"]
    {
        let attributes = vec![Attribute::new(key, "x"), Attribute::new("team", "payments")];
        let options =
            TreeOptions { content: content.clone(), attributes, ..TreeOptions::default() };
        let spans = format!("{:?}", span_tree(&turn, &options));
        assert!(spans.contains("payments"), "{key}");
        assert!(!spans.contains(SAID) && !spans.contains("redacted"), "{key}: {spans}");
    }
}
