//! What is dropped for its age or its size, and what stays.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;

use otlp_model::turn::{Agent, LlmCall, Step, ToolCall, Usage};
use otlp_model::{SpanBatch, TreeOptions, Turn, UnixNanos};
use tempfile::TempDir;
use trace_store::usage::{QuarterRange, Sums, TurnCounts, TurnFilter};
use trace_store::{Pruned, Retention, TraceStore};

fn open(folder: &TempDir) -> TraceStore {
    TraceStore::open(folder.path().join("traces.db")).unwrap()
}

fn at(minute: u64) -> UnixNanos {
    UnixNanos(minute * 60_000_000_000)
}

/// A turn that took a minute, with a model call and a command, in a thread of its own.
fn spans(minute: u64, output: &str) -> SpanBatch {
    let tool = ToolCall {
        call_id: "call".to_owned(),
        name: "shell".to_owned(),
        start: at(minute),
        output: Some(output.to_owned()),
        ..ToolCall::default()
    };
    let call = LlmCall {
        model: Some("m".to_owned()),
        usage: Some(Usage { input: 100, output: 10, ..Usage::default() }),
        start: at(minute),
        end: at(minute + 1),
        ..LlmCall::default()
    };
    let turn = Turn {
        agent: Agent { name: "codex".into(), ..Agent::default() },
        thread_id: format!("thread {minute}"),
        session_id: format!("thread {minute}"),
        key: "turn".to_owned(),
        start: at(minute),
        end: at(minute + 1),
        prompt: Some(format!("Prompt of {minute}")),
        steps: vec![Step::Llm(call), Step::Tool(tool)],
        ..Turn::default()
    };
    SpanBatch::of(&turn, "p", &TreeOptions::default())
}

/// A store with a turn of each of these minutes, recorded and indexed.
fn store_of(folder: &TempDir, minutes: std::ops::Range<u64>) -> TraceStore {
    let mut store = open(folder);
    for minute in minutes {
        store.insert(&spans(minute, &format!("output{minute} {}", noise(minute)))).unwrap();
    }
    catch_up(&mut store);
    store
}

fn catch_up(store: &mut TraceStore) {
    store.record_spans(&|_| ()).unwrap();
    store.index().unwrap();
}

/// Text that no packing makes shorter.
fn noise(seed: u64) -> String {
    let mut state = seed + 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..200).map(|_| format!("{:x} ", next())).collect()
}

fn totals(store: &TraceStore) -> (Sums, TurnCounts) {
    let (mut sums, mut counts) = (Sums::default(), TurnCounts::default());
    store.call_sums(QuarterRange::ALL, |sum| sums += sum.sums).unwrap();
    store.turn_sums(QuarterRange::ALL, |sum| counts += sum.counts).unwrap();
    let mut of_threads = (Sums::default(), TurnCounts::default());
    store
        .thread_sums(QuarterRange::ALL, |sum| {
            of_threads.0 += sum.sums;
            of_threads.1 += sum.counts;
        })
        .unwrap();
    assert_eq!((sums, counts), of_threads);
    (sums, counts)
}

/// How many model calls have a time.
fn timed(store: &TraceStore) -> u64 {
    let all = TurnFilter { with_sub_agents: true, ..TurnFilter::default() };
    let models = store.latencies(&all).unwrap().calls;
    models.values().map(|times| times.whole.count).sum()
}

fn finds(store: &TraceStore, query: &str) -> bool {
    !store.search(query, None, 10).unwrap().is_empty()
}

/// Whether any file of the store has this text.
fn is_on_disk(folder: &TempDir, text: &str) -> bool {
    let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.is_file()).any(|file| {
        let bytes = fs::read(file).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn contents_go_and_numbers_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store_of(&folder, 0..10);
    let old = spans(2, "oldsecretword");
    store.insert_imported(&[spans(20, "x")], &[]).unwrap();
    let (before, tools) = (totals(&store), store.tool_sums().unwrap());
    assert!(finds(&store, "output2") && is_on_disk(&folder, "Prompt of 2"));

    let retention = Retention { before: Some(at(5)), ..Retention::default() };
    let expected = store.prunable(&retention).unwrap();
    let pruned = store.prune(&retention).unwrap();
    // The turn of the fourth minute ended in the fifth.
    assert_eq!((pruned.traces, pruned.spans, pruned.turns), (4, 12, 0));
    assert_eq!((expected.traces, expected.spans, expected.turns), (4, 12, 0));
    assert_eq!(store.tool_sums().unwrap(), tools);
    assert_eq!(totals(&store), before);
    assert!(!finds(&store, "output2") && finds(&store, "output4"));
    assert!(store.trace(old.spans[0].trace_id).unwrap().is_empty());
    assert!(!is_on_disk(&folder, "output2") && !is_on_disk(&folder, "Prompt of 2"));

    // An import does not bring them back, and again there is nothing to be dropped.
    assert_eq!(store.insert_imported(&[old], &[]).unwrap().spans, 0);
    assert_eq!(store.prune(&retention).unwrap().spans, 0);
    assert_eq!(totals(&store), before);
    assert!(store.last_pruned().unwrap().is_some());
}

#[test]
fn the_oldest_go_until_the_rest_fits() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store_of(&folder, 0..300);
    let (before, used) = (totals(&store), store.used_bytes().unwrap());
    let retention = Retention { max_bytes: Some(used / 2), ..Retention::default() };
    let pruned = store.prune(&retention).unwrap();
    let left = store.used_bytes().unwrap();
    assert!(left <= used / 2, "{left} of {used}");
    assert!(left > used / 3 && (100..200).contains(&pruned.traces), "{left} of {used}: {pruned:?}");
    assert!(!finds(&store, "output0") && finds(&store, "output299"));
    assert_eq!(totals(&store), before);
    // What fits stays.
    assert_eq!(store.prune(&retention).unwrap().spans, 0);

    // The file becomes smaller, and what is found in it stays the same.
    let size = || fs::metadata(store_path(&folder)).unwrap().len();
    let full = size();
    store.compact().unwrap();
    assert!(size() < full * 3 / 4, "{} of {full}", size());
    let hits = store.search("output299", None, 10).unwrap();
    assert_eq!(hits.len(), 1);
    assert!(hits[0].snippet.starts_with("output299"), "{hits:?}");
    store.insert(&spans(400, "after")).unwrap();
    catch_up(&mut store);
    assert!(finds(&store, "after") && totals(&store).1.turns == 301);
}

fn store_path(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("traces.db")
}

#[test]
fn numbers_go_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store_of(&folder, 0..10);
    let retention = Retention { before: Some(at(5)), drops_numbers: true, ..Retention::default() };
    assert_eq!(store.prunable(&retention).unwrap().turns, 4);
    assert_eq!(store.prune(&retention).unwrap().turns, 4);
    let kept = totals(&store);
    assert_eq!((kept.0.calls, kept.0.input, kept.1.turns), (6, 600, 6));
    assert_eq!(timed(&store), 6);
    // Spans that come late are dropped again, and count nothing.
    store.insert(&spans(1, "late")).unwrap();
    let recorded = store.record_spans(&|_| ()).unwrap();
    assert_eq!((recorded.new, recorded.dropped), (0, 1));
    assert_eq!(totals(&store), kept);
    assert_eq!(store.prune(&retention).unwrap().traces, 1);
}

#[test]
fn what_comes_after_all_was_dropped_is_recorded_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store_of(&folder, 0..3);
    let retention = Retention { before: Some(at(60)), ..Retention::default() };
    assert_eq!(store.prune(&retention).unwrap().spans, 9);
    assert_eq!(store.counts().unwrap().spans, 0);
    assert_eq!(timed(&store), 3, "times are numbers, and stay");
    store.insert(&spans(70, "newword")).unwrap();
    assert_eq!(timed(&store), 4);
    assert_eq!(store.record_spans(&|_| ()).unwrap().new, 1);
    store.index().unwrap();
    assert!(finds(&store, "newword"));
    assert_eq!(totals(&store).1.turns, 4);
}

#[test]
fn spans_whose_numbers_are_not_recorded_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store_of(&folder, 0..2);
    store.insert(&spans(2, "not yet")).unwrap();
    let retention = Retention { before: Some(at(60)), ..Retention::default() };
    assert_eq!(store.prune(&retention).unwrap().traces, 2);
    assert_eq!(store.record_spans(&|_| ()).unwrap().new, 1);
    assert_eq!(store.prune(&retention).unwrap().traces, 1);
    assert_eq!(totals(&store).1.turns, 3);
}

#[test]
fn nothing_goes_without_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store_of(&folder, 0..2);
    let pruned = store.prune(&Retention::default()).unwrap();
    assert_eq!(Pruned { bytes: 0, ..pruned }, Pruned::default());
    assert_eq!(store.counts().unwrap().spans, 6);
}
