//! Lists of turns, on real files.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use otlp_model::turn::{Agent, LlmCall, Outcome, Step, ToolCall, Usage};
use otlp_model::{SpanBatch, SpanId, TraceId, TreeOptions, Turn, UnixNanos};
use tempfile::TempDir;
use trace_store::TraceStore;
use trace_store::usage::{
    CallRecord, PicoUsd, Place, Rate, RecordSource, ThreadName, ToolUse, TurnFilter, TurnRecord,
    TurnRow, TurnStatus,
};

const MINUTE: u64 = 60_000_000_000;

fn call(model: &str, cost: i64) -> CallRecord {
    CallRecord {
        end: UnixNanos(MINUTE),
        usage: Usage { input: 100, output: 10, ..Usage::default() },
        rate: Rate {
            model: model.to_owned(),
            prices: (cost > 0).then(|| "v1".to_owned()),
            ..Rate::default()
        },
        cost: PicoUsd(cost),
    }
}

fn turn(name: &str, minute: u64) -> TurnRecord {
    TurnRecord {
        span_id: SpanId::derive(&[name]),
        trace_id: TraceId::derive(&[name]),
        thread: ThreadName {
            thread_id: format!("thread-{name}"),
            session_id: format!("thread-{name}"),
            parent_id: None,
        },
        place: Place {
            project: "p".to_owned(),
            repository: "github.com/a/b".to_owned(),
            branch: "main".to_owned(),
            folder: "/work/one".to_owned(),
            ..Place::default()
        },
        turn_id: name.to_owned(),
        number: Some(1),
        start: UnixNanos(minute * MINUTE),
        end: UnixNanos((minute + 1) * MINUTE),
        status: TurnStatus::Completed,
        version: None,
        commit: None,
        human_ms: None,
        calls: vec![call("m", 5)],
        tools: Some(ToolUse { names: ["shell".to_owned()].into(), calls: 2, failed: 1 }),
        source: RecordSource::Transcript,
    }
}

fn store() -> (TempDir, TraceStore) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(folder.path().join("traces.db")).unwrap();
    let other_folder = Place { folder: "/work/one-more".to_owned(), ..Place::default() };
    let mut below = turn("below", 4);
    below.thread.parent_id = Some("thread-c".to_owned());
    below.trace_id = TraceId::derive(&["c"]);
    let turns = [
        turn("a", 0),
        TurnRecord { status: TurnStatus::Failed, end: UnixNanos(9 * MINUTE), ..turn("b", 1) },
        TurnRecord {
            calls: vec![call("n", 0), call("m", 7), call("n", 0)],
            place: Place { folder: "/work/one/deeper".to_owned(), ..Place::default() },
            ..turn("c", 2)
        },
        below,
        TurnRecord {
            status: TurnStatus::Interrupted,
            place: other_folder,
            calls: Vec::new(),
            tools: None,
            ..turn("d", 3)
        },
        // At the same time as another.
        TurnRecord { tools: None, ..turn("e", 3) },
    ];
    store.record(&turns, &[], &[]).unwrap();
    (folder, store)
}

fn names(rows: &[TurnRow]) -> Vec<&str> {
    rows.iter().map(|row| &*row.turn_id).collect()
}

#[test]
fn pages_have_each_turn_once_from_the_newest_on() {
    let (_folder, store) = store();
    let filter = TurnFilter { with_sub_agents: true, ..TurnFilter::default() };
    let all = store.turns(&filter, None, 100).unwrap();
    assert_eq!(names(&all), ["below", "e", "d", "c", "b", "a"]);
    for size in 1..4 {
        let mut pages: Vec<TurnRow> = Vec::new();
        loop {
            let behind = pages.last().map(|row| row.key);
            let page = store.turns(&filter, behind, size).unwrap();
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= size);
            pages.extend(page);
        }
        assert_eq!(pages, all, "{size}");
    }
}

#[test]
fn a_row_says_what_a_turn_used() {
    let (_folder, store) = store();
    let rows = store.turns(&TurnFilter::default(), None, 100).unwrap();
    let row = |name: &str| rows.iter().find(|row| row.turn_id == name).unwrap();
    let c = row("c");
    assert_eq!(c.models, ["m", "n"]);
    assert_eq!((c.sums.calls, c.sums.tokens(), c.unpriced), (3, 330, 2));
    assert_eq!(c.cost(), Some(PicoUsd(7)));
    assert_eq!(c.sub_agents, 1);
    assert!(!c.has_spans);
    let tools = row("a").tools.clone().unwrap();
    assert_eq!((tools.calls, tools.failed), (2, 1));
    assert_eq!((row("d").cost(), &row("d").tools), (None, &None));
}

#[test]
fn each_filter_leaves_what_it_says() {
    let (_folder, store) = store();
    let check = |filter: TurnFilter, expected: &[&str]| {
        let rows = store.turns(&filter, None, 100).unwrap();
        assert_eq!(names(&rows), expected, "{filter:?}");
    };
    let all = TurnFilter::default;
    let word = |text: &str| Some(text.to_owned());
    check(all(), &["e", "d", "c", "b", "a"]);
    check(TurnFilter { statuses: vec![TurnStatus::Failed], ..all() }, &["b"]);
    let ended_badly = vec![TurnStatus::Failed, TurnStatus::Interrupted];
    check(TurnFilter { statuses: ended_badly, ..all() }, &["d", "b"]);
    check(TurnFilter { since: Some(UnixNanos(2 * MINUTE)), ..all() }, &["e", "d", "c"]);
    check(TurnFilter { until: Some(UnixNanos(2 * MINUTE)), ..all() }, &["b", "a"]);
    check(TurnFilter { folder: word("/work/one"), ..all() }, &["e", "c", "b", "a"]);
    check(TurnFilter { folder: word("/work/one/"), ..all() }, &["e", "c", "b", "a"]);
    check(TurnFilter { folder: word("/work/%"), ..all() }, &[]);
    check(TurnFilter { repository: word("github.com/a/b"), ..all() }, &["e", "b", "a"]);
    check(TurnFilter { branch: word("main"), project: word("p"), ..all() }, &["e", "b", "a"]);
    check(TurnFilter { model: word("n"), ..all() }, &["c"]);
    check(TurnFilter { tool: word("shell"), ..all() }, &["c", "b", "a"]);
    check(TurnFilter { thread: word("thread-a"), ..all() }, &["a"]);
    check(TurnFilter { min_cost: Some(PicoUsd(6)), ..all() }, &["c"]);
    check(TurnFilter { max_cost: Some(PicoUsd(4)), ..all() }, &["d"]);
    check(TurnFilter { min_duration: Some(2 * MINUTE), ..all() }, &["b"]);
    check(TurnFilter { max_duration: Some(MINUTE), ..all() }, &["e", "d", "c", "a"]);
    check(TurnFilter { has_sub_agents: Some(true), ..all() }, &["c"]);
    check(TurnFilter { has_sub_agents: Some(false), ..all() }, &["e", "d", "b", "a"]);
    check(TurnFilter { text: word("word"), ..all() }, &[]);
}

fn traced() -> Turn {
    let tool = |name: &str, outcome| ToolCall {
        call_id: name.to_owned(),
        name: name.to_owned(),
        outcome,
        nested: vec![ToolCall { name: "inner".to_owned(), ..ToolCall::default() }],
        ..ToolCall::default()
    };
    Turn {
        agent: Agent::named("codex"),
        thread_id: "t".to_owned(),
        session_id: "t".to_owned(),
        key: "1".to_owned(),
        prompt: Some("  Mend the flaky test".to_owned()),
        outcome: Outcome::Ok,
        start: UnixNanos(MINUTE),
        end: UnixNanos(2 * MINUTE),
        steps: vec![
            Step::Llm(LlmCall {
                model: Some("m".to_owned()),
                usage: Some(Usage { input: 9, output: 1, ..Usage::default() }),
                tools: vec![
                    tool("shell", Outcome::Ok),
                    tool("apply_patch", Outcome::Failed("no".to_owned())),
                ],
                ..LlmCall::default()
            }),
            Step::Tool(tool("user_shell", Outcome::Ok)),
        ],
        ..Turn::default()
    }
}

#[test]
fn spans_become_rows_of_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(folder.path().join("traces.db")).unwrap();
    let turn = traced();
    store.insert(&SpanBatch::of(&turn, "project", &TreeOptions::default())).unwrap();
    // A program that names no agent.
    let mut foreign = SpanBatch::of(
        &Turn { key: "2".to_owned(), start: UnixNanos(5 * MINUTE), ..turn.clone() },
        "other",
        &TreeOptions::default(),
    );
    for span in &mut foreign.spans {
        span.attributes.retain(|attribute| attribute.key != "agent.name");
    }
    store.insert(&foreign).unwrap();
    store.record_spans(&|_| ()).unwrap();
    store.index().unwrap();

    let rows = store.turns(&TurnFilter::default(), None, 10).unwrap();

    assert_eq!(rows.len(), 2);
    assert_eq!((&*rows[0].place.project, rows[0].status), ("other", TurnStatus::Completed));
    let row = &rows[1];
    assert_eq!(row.trace_id, turn.trace_id());
    assert_eq!(row.prompt.as_deref(), Some("Mend the flaky test"));
    assert_eq!((row.sums.tokens(), &*row.models), (10, &["m".to_owned()][..]));
    let tools = row.tools.as_ref().unwrap();
    assert_eq!((tools.calls, tools.failed), (3, 1));
    assert!(tools.names.iter().eq(["apply_patch", "shell", "user_shell"]));
    assert!(row.has_spans);
    let found = |text: &str| {
        let filter = TurnFilter { text: Some(text.to_owned()), ..TurnFilter::default() };
        store.turns(&filter, None, 10).unwrap().len()
    };
    assert_eq!((found("flak"), found("nothing"), found("")), (2, 0, 0));
}

/// Run by hand: `cargo test --release -p trace-store --test turns -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn a_page_of_a_large_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(folder.path().join("traces.db")).unwrap();
    let models = ["m", "n", "o", "rare"];
    for piece in 0..100_u64 {
        let turns: Vec<TurnRecord> = (piece * 1000..(piece + 1) * 1000)
            .map(|nth| {
                let name = format!("{nth}");
                let thread = format!("thread-{}", nth / 20);
                let is_below = nth % 10 == 3;
                let model = models[(nth % 3) as usize];
                TurnRecord {
                    thread: ThreadName {
                        parent_id: is_below.then(|| thread.clone()),
                        thread_id: if is_below { format!("below-{nth}") } else { thread.clone() },
                        session_id: thread,
                    },
                    trace_id: TraceId::derive(&[&(nth - nth % 10).to_string()]),
                    place: Place {
                        folder: format!("/work/{}", nth % 300),
                        repository: format!("r{}", nth % 300),
                        ..Place::default()
                    },
                    status: if nth == 5 { TurnStatus::Denied } else { TurnStatus::Completed },
                    calls: (0..10).map(|_| call(model, 5)).collect(),
                    ..turn(&name, nth)
                }
            })
            .collect();
        store.record(&turns, &[], &[]).unwrap();
    }
    let word = |text: &str| Some(text.to_owned());
    let all = TurnFilter::default;
    for (name, filter) in [
        ("all", all()),
        ("status", TurnFilter { statuses: vec![TurnStatus::Denied], ..all() }),
        ("folder", TurnFilter { folder: word("/work/7"), ..all() }),
        ("model", TurnFilter { model: word("rare"), ..all() }),
        ("tool", TurnFilter { tool: word("rare"), ..all() }),
        ("cost", TurnFilter { min_cost: Some(PicoUsd(100)), ..all() }),
        ("duration", TurnFilter { min_duration: Some(100 * MINUTE), ..all() }),
        ("thread", TurnFilter { thread: word("thread-77"), ..all() }),
        ("sub-agents", TurnFilter { has_sub_agents: Some(true), ..all() }),
        ("none", TurnFilter { has_sub_agents: Some(false), model: word("rare"), ..all() }),
    ] {
        let begin = std::time::Instant::now();
        let rows = store.turns(&filter, None, 50).unwrap();
        eprintln!("{name}: {} in {:?}", rows.len(), begin.elapsed());
    }
}
