//! The store through its public API, on real files.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use otlp_model::{
    Attribute, Span, SpanBatch, SpanEvent, SpanId, SpanKind, SpanStatus, TraceId, UnixNanos, Value,
};
use tempfile::TempDir;
use trace_store::usage::PicoUsd;
use trace_store::{FindTraceError, OpenError, StoreCounts, TraceCost, TraceStore};

/// Names the file that a copy of this test program, started by a test, writes to.
const CHILD_STORE: &str = "TRACE_STORE_TEST_FILE";
const CHILD_NUMBER: &str = "TRACE_STORE_TEST_NUMBER";

fn store_path(folder: &TempDir) -> PathBuf {
    folder.path().join("home/harness/traces.db")
}

fn span(trace: &str, name: &str, parent: Option<&str>, start: u64) -> Span {
    Span {
        trace_id: TraceId::derive(&[trace]),
        span_id: SpanId::derive(&[trace, name]),
        parent_id: parent.map(|parent| SpanId::derive(&[trace, parent])),
        name: name.to_owned(),
        kind: SpanKind::Tool,
        start: UnixNanos(start),
        end: UnixNanos(start + 10),
        attributes: vec![Attribute::new("session.id", format!("session of {trace}"))],
        events: vec![],
        status: SpanStatus::Ok,
    }
}

fn llm(trace: &str, name: &str, start: u64, input: i64, output: i64) -> Span {
    let mut span = span(trace, name, Some("Turn"), start);
    span.kind = SpanKind::Llm;
    span.attributes.extend([
        Attribute::new("llm.model_name", "gpt-5.1-codex"),
        Attribute::new("llm.token_count.prompt", input),
        Attribute::new("llm.token_count.completion", output),
    ]);
    span
}

fn turn(trace: &str, start: u64) -> SpanBatch {
    let mut root = span(trace, "Turn", None, start);
    root.kind = SpanKind::Agent;
    root.end = UnixNanos(start + 100);
    // A root may repeat its children's usage; it must not be counted twice.
    root.attributes.push(Attribute::new("llm.token_count.prompt", 1_000_000_i64));
    SpanBatch {
        resource: vec![Attribute::new("openinference.project.name", "my project")],
        spans: vec![
            root,
            llm(trace, "first call", start + 1, 1000, 50),
            span(trace, "exec_command", Some("first call"), start + 20),
            llm(trace, "second call", start + 40, 1100, 70),
        ],
    }
}

#[test]
fn a_span_comes_back_exactly_as_it_was() {
    let folder = TempDir::new().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let mut rich = span("t", "rich \"name\" ü", Some("missing"), 1_795_214_071_793_568_495);
    rich.status = SpanStatus::Error("no such file".to_owned());
    rich.attributes = vec![
        Attribute::new("z", "text"),
        Attribute::new("a", 1_i64),
        Attribute::new("b", 1.0),
        Attribute::new("c", false),
        Attribute::new("d", Value::Strings(vec!["x".to_owned(), String::new()])),
        Attribute::new("e", "1"),
    ];
    rich.events = vec![SpanEvent {
        name: "exception".into(),
        time: UnixNanos(7),
        attributes: vec![Attribute::new("exception.message", "bad"), Attribute::new("n", 2.0)],
    }];
    let mut plain = span("t", "plain", None, 1);
    plain.status = SpanStatus::Unset;
    plain.attributes.clear();
    let spans = vec![plain, rich];

    store.insert(&SpanBatch { resource: vec![], spans: spans.clone() }).unwrap();

    let reader = TraceStore::open_read_only(store_path(&folder)).unwrap();
    assert_eq!(reader.trace(TraceId::derive(&["t"])).unwrap(), spans);
    assert_eq!(reader.trace(TraceId::derive(&["other"])).unwrap(), []);
}

/// The record of a turn says what its calls cost, or else its spans do.
#[test]
fn the_cost_of_a_trace_is_that_of_its_calls() {
    let folder = TempDir::new().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let mut batch = turn("t", 100);
    batch.spans[1].attributes.push(Attribute::new("llm.cost.total", 0.25));
    let id = batch.spans[0].trace_id;
    store.insert(&batch).unwrap();
    let outline = store.outline(id).unwrap();
    let expected = TraceCost { cost: PicoUsd(250_000_000_000), unpriced: 1 };
    let by_spans = store.cost(id, &outline).unwrap();
    store.record_spans(&|_| ()).unwrap();
    assert_eq!([by_spans, store.cost(id, &outline).unwrap()], [expected; 2]);
    // A span that came later is in no record yet.
    let mut late = llm("t", "late", 150, 10, 1);
    late.attributes.push(Attribute::new("llm.cost.total", 1_i64));
    store.insert(&SpanBatch { resource: vec![], spans: vec![late] }).unwrap();
    let expected = TraceCost { cost: PicoUsd(1_250_000_000_000), unpriced: 1 };
    assert_eq!(store.cost(id, &store.outline(id).unwrap()).unwrap(), expected);
}

#[test]
fn the_first_write_of_a_span_wins() {
    let folder = TempDir::new().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let batch = turn("t", 100);
    assert_eq!(store.insert(&batch).unwrap().spans, 4);

    let mut again = batch.clone();
    again.spans[0].name = "changed".to_owned();
    again.spans.push(span("t", "late", Some("Turn"), 150));
    assert_eq!(store.insert(&again).unwrap().spans, 1);
    assert_eq!(store.insert(&again).unwrap().spans, 0);

    let names: Vec<_> =
        store.trace(batch.spans[0].trace_id).unwrap().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["Turn", "first call", "exec_command", "second call", "late"]);
    assert_eq!(store.counts().unwrap(), StoreCounts { traces: 1, spans: 5 });
}

#[test]
fn a_summary_says_what_the_turn_was_and_used() {
    let folder = TempDir::new().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    store.insert(&turn("t", 100)).unwrap();

    let [summary] = &store.last_traces(10).unwrap()[..] else { panic!("one trace") };

    assert_eq!(summary.trace_id, TraceId::derive(&["t"]));
    assert_eq!(summary.name, "Turn");
    assert_eq!(summary.session_id.as_deref(), Some("session of t"));
    assert_eq!(summary.project.as_deref(), Some("my project"));
    assert_eq!((summary.start, summary.end), (UnixNanos(100), UnixNanos(200)));
    assert_eq!(summary.status, SpanStatus::Ok);
    assert_eq!(summary.spans, 4);
    assert_eq!((summary.input_tokens, summary.output_tokens), (Some(2100), Some(120)));
    assert_eq!(summary.model.as_deref(), Some("gpt-5.1-codex"));
}

#[test]
fn the_latest_traces_come_first_with_or_without_a_root() {
    let folder = TempDir::new().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    for (trace, start) in [("b", 2000), ("a", 1000), ("d", 4000)] {
        store.insert(&turn(trace, start)).unwrap();
    }
    let rootless = SpanBatch {
        resource: vec![],
        spans: vec![span("c", "late", Some("lost"), 3050), span("c", "early", Some("lost"), 3000)],
    };
    store.insert(&rootless).unwrap();

    let latest = store.last_traces(3).unwrap();

    let ids: Vec<_> = latest.iter().map(|summary| summary.trace_id).collect();
    assert_eq!(ids, ["d", "c", "b"].map(|name| TraceId::derive(&[name])));
    assert_eq!(latest[1].name, "early");
    assert_eq!((latest[1].input_tokens, latest[1].model.as_deref()), (None, None));
    assert_eq!(store.last_traces(0).unwrap(), []);
}

#[test]
fn a_nonsensical_token_count_does_not_break_the_list() {
    let folder = TempDir::new().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let spans = (0..3).map(|n| llm("t", &format!("call {n}"), n, i64::MAX, 5)).collect();
    store.insert(&SpanBatch { resource: vec![], spans }).unwrap();

    let summary = &store.last_traces(1).unwrap()[0];

    assert_eq!((summary.input_tokens, summary.output_tokens), (None, Some(15)));
}

#[test]
fn a_trace_is_found_by_the_start_of_its_id() {
    let folder = TempDir::new().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let ids = ["abc0", "abc1", "ffff"]
        .map(|start| TraceId::from_hex(&format!("{start}{}", "7".repeat(28))).unwrap());
    for (number, id) in ids.iter().enumerate() {
        let mut span = span("t", &number.to_string(), None, 1);
        span.trace_id = *id;
        store.insert(&SpanBatch { resource: vec![], spans: vec![span] }).unwrap();
    }

    assert_eq!(store.find_trace("abc0").unwrap(), ids[0]);
    assert_eq!(store.find_trace("ABC1").unwrap(), ids[1]);
    assert_eq!(store.find_trace("f").unwrap(), ids[2]);
    assert_eq!(store.find_trace(&ids[1].to_string()).unwrap(), ids[1]);
    match store.find_trace("abc") {
        Err(FindTraceError::Ambiguous { matches, .. }) => assert_eq!(matches, ids[..2]),
        other => panic!("{other:?}"),
    }
    let message = store.find_trace("abc").unwrap_err().to_string();
    assert!(message.contains(&ids[0].to_string()) && message.contains(&ids[1].to_string()));
    assert!(matches!(store.find_trace("abc2"), Err(FindTraceError::Missing { .. })));
    for prefix in ["", "xyz", "+1", "é", &"a".repeat(33)] {
        assert!(matches!(store.find_trace(prefix), Err(FindTraceError::NotHex { .. })), "{prefix}");
    }
}

#[cfg(unix)]
#[test]
fn files_and_folders_are_private() {
    let folder = TempDir::new().unwrap();
    let path = store_path(&folder);
    let mut store = TraceStore::open(&path).unwrap();
    store.insert(&turn("t", 1)).unwrap();

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&folder.path().join("home")), 0o700);
    for suffix in ["", "-wal", "-shm"] {
        let file = PathBuf::from(format!("{}{suffix}", path.display()));
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_others_could_read_is_taken_from_them() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("traces.db");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();

    TraceStore::open(&path).unwrap();

    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("traces.db");
    fs::write(&path, "this is no database, but it is long enough to look like one".repeat(100))
        .unwrap();

    for error in
        [TraceStore::open(&path).unwrap_err(), TraceStore::open_read_only(&path).unwrap_err()]
    {
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert!(matches!(&error, OpenError::Sqlite { .. }) && !error.is_transient(), "{error:?}");
    }
}

#[test]
fn a_page_damaged_later_is_an_error_that_names_the_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("traces.db");
    let mut store = TraceStore::open(&path).unwrap();
    for number in 0..50 {
        store.insert(&turn(&format!("t{number}"), number)).unwrap();
    }
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();

    let error = TraceStore::open_read_only(&path).unwrap().counts().unwrap_err();

    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn a_file_of_a_newer_release_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("traces.db");
    drop(TraceStore::open(&path).unwrap());
    let raw = rusqlite::Connection::open(&path).unwrap();
    let ours: usize = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let before = fs::read(&path).unwrap();

    for error in
        [TraceStore::open(&path).unwrap_err(), TraceStore::open_read_only(&path).unwrap_err()]
    {
        assert!(
            matches!(error, OpenError::Newer { found: 99, known, .. } if known == ours),
            "{error:?}"
        );
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn reading_needs_a_file_but_not_its_tables() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("traces.db");
    assert!(matches!(TraceStore::open_read_only(&path), Err(OpenError::Missing { .. })));
    assert!(!path.exists());

    fs::write(&path, "").unwrap();
    let mut store = TraceStore::open_read_only(&path).unwrap();

    assert_eq!(store.last_traces(5).unwrap(), []);
    assert!(store.insert(&turn("t", 1)).is_err());
}

#[test]
fn sums_by_session_project_model_and_time_use_an_index() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("traces.db");
    drop(TraceStore::open(&path).unwrap());
    let raw = rusqlite::Connection::open(&path).unwrap();
    for filter in [
        "session_id = 's'",
        "project = 'p' AND start_ns > 5",
        "model = 'm' AND start_ns > 5",
        "start_ns BETWEEN 5 AND 9",
        "trace_id = x'00'",
    ] {
        let plan: String = raw
            .query_row(
                &format!("EXPLAIN QUERY PLAN SELECT sum(input_tokens) FROM spans WHERE {filter}"),
                [],
                |row| row.get("detail"),
            )
            .unwrap();
        assert!(plan.starts_with("SEARCH spans USING INDEX"), "{filter}: {plan}");
    }
}

#[test]
fn several_threads_can_make_and_fill_the_same_file() {
    for round in 0..10 {
        let folder = TempDir::new().unwrap();
        let path = store_path(&folder);
        let start = Barrier::new(8);
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    start.wait();
                    write_turns(path, writer, 5);
                });
            }
        });
        let counts = TraceStore::open_read_only(&path).unwrap().counts().unwrap();
        // Every writer adds its own turns, and all of them the same shared one.
        assert_eq!(counts, StoreCounts { traces: 41, spans: 164 }, "round {round}");
    }
}

#[test]
fn several_processes_can_make_and_fill_the_same_file() {
    if let Some(path) = std::env::var_os(CHILD_STORE) {
        let number = std::env::var(CHILD_NUMBER).unwrap().parse().unwrap();
        return write_turns(Path::new(&path), number, 20);
    }
    let folder = TempDir::new().unwrap();
    let path = store_path(&folder);
    let test = "several_processes_can_make_and_fill_the_same_file";

    let children: Vec<_> = (0..4).map(|number| start_child(test, &path, number)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }

    let counts = TraceStore::open_read_only(&path).unwrap().counts().unwrap();
    assert_eq!(counts, StoreCounts { traces: 81, spans: 324 });
}

#[test]
fn a_killed_writer_leaves_whole_batches() {
    if let Some(path) = std::env::var_os(CHILD_STORE) {
        return write_turns(Path::new(&path), 0, u64::MAX);
    }
    let folder = TempDir::new().unwrap();
    let path = store_path(&folder);
    let mut child = start_child("a_killed_writer_leaves_whole_batches", &path, 0);
    let deadline = Instant::now() + Duration::from_secs(20);
    while stored_spans(&path) < 100 {
        assert!(Instant::now() < deadline, "the writer wrote nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let mut store = TraceStore::open(&path).unwrap();
    let counts = store.counts().unwrap();
    assert_eq!(counts.spans, 4 * counts.traces);
    assert_eq!(store.insert(&turn("after", 1)).unwrap().spans, 4);
}

/// Spans in a file that another process is making; 0 while it is not there.
fn stored_spans(path: &Path) -> u64 {
    TraceStore::open_read_only(path).map_or(0, |store| store.counts().unwrap().spans)
}

fn start_child(test: &str, path: &Path, number: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD_STORE, path)
        .env(CHILD_NUMBER, number.to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

fn write_turns(path: &Path, writer: u64, turns: u64) {
    let mut store = TraceStore::open(path).unwrap();
    store.insert(&turn("shared", 1)).unwrap();
    for number in 0..turns {
        let inserted = store.insert(&turn(&format!("{writer}/{number}"), number)).unwrap();
        assert_eq!(inserted.spans, 4);
    }
}

/// A link that leads nowhere in the place of the file by which processes would share memory, which there
/// is none of then, as on some file systems of networks and virtual machines.
#[cfg(unix)]
fn without_shared_memory(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", format!("{}-shm", path.display())).unwrap();
}

#[cfg(unix)]
#[test]
fn a_file_system_without_shared_memory_holds_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = store_path(&folder);
    without_shared_memory(&path);
    for (number, trace) in ["a", "b"].into_iter().enumerate() {
        let mut store = TraceStore::open(&path).unwrap();
        store.insert(&turn(trace, 1000)).unwrap();
        // A reader beside the writer.
        let reader = TraceStore::open_read_only(&path).unwrap();
        assert_eq!(reader.counts().unwrap().traces, number as u64 + 1);
        drop((store, reader));
    }
    let writers: Vec<_> = (0..4)
        .map(|number| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut store = TraceStore::open(path).unwrap();
                store.insert(&turn(&format!("writer {number}"), 2000)).unwrap();
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let store = TraceStore::open_read_only(&path).unwrap();
    assert_eq!(store.counts().unwrap().traces, 6);
    assert!(!fs::exists(format!("{}-wal", path.display())).unwrap(), "there is a log");
}

/// As where a home moves to a network.
#[cfg(unix)]
#[test]
fn a_store_may_move_to_a_file_system_without_shared_memory() {
    for reads_first in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = store_path(&folder);
        let store = {
            let mut store = TraceStore::open(&path).unwrap();
            store.insert(&turn("a", 1000)).unwrap();
            store
        };
        // As it is while the log still has what was written.
        let moved = folder.path().join("moved.db");
        for file in ["", "-wal"] {
            fs::copy(format!("{}{file}", path.display()), format!("{}{file}", moved.display()))
                .unwrap();
        }
        drop(store);
        without_shared_memory(&moved);
        if reads_first {
            let store = TraceStore::open_read_only(&moved).unwrap();
            assert_eq!(store.counts().unwrap().traces, 1);
        }
        let mut store = TraceStore::open(&moved).unwrap();
        store.insert(&turn("b", 2000)).unwrap();
        assert_eq!(store.counts().unwrap().traces, 2);
    }
}
