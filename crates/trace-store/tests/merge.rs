//! Taking in the store of another machine.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;

use otlp_model::turn::{Agent, LlmCall, Step, ToolCall, Usage};
use otlp_model::{SpanBatch, SpanKind, TreeOptions, Turn, UnixNanos};
use tempfile::TempDir;
use trace_store::usage::{QuarterRange, Recorded, Sums, TurnRecord};
use trace_store::{OpenError, Retention, TraceStore};

fn at(minute: u64) -> UnixNanos {
    UnixNanos(minute * 60_000_000_000)
}

/// A turn of a minute, with a command.
fn spans(minute: u64, tokens: u64, output: &str) -> SpanBatch {
    let tool = ToolCall {
        call_id: "call".to_owned(),
        name: "shell".to_owned(),
        start: at(minute),
        output: Some(output.to_owned()),
        ..ToolCall::default()
    };
    let call = LlmCall {
        model: Some("m".to_owned()),
        usage: Some(Usage { input: tokens, ..Usage::default() }),
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

fn store(folder: &TempDir, name: &str) -> TraceStore {
    TraceStore::open(folder.path().join(name)).unwrap()
}

fn on(machine: &'static str) -> impl Fn(&mut TurnRecord) {
    move |turn| {
        if turn.place.machine.is_empty() {
            turn.place.machine = machine.to_owned();
        }
    }
}

fn live(store: &mut TraceStore, machine: &'static str, batches: &[SpanBatch]) {
    for batch in batches {
        store.insert(batch).unwrap();
    }
    store.record_spans(&on(machine)).unwrap();
}

fn tokens(store: &TraceStore) -> i64 {
    let mut sums = Sums::default();
    store.call_sums(QuarterRange::ALL, |sum| sums += sum.sums).unwrap();
    sums.input
}

fn output(store: &TraceStore, batch: &SpanBatch) -> String {
    let spans = store.trace(batch.spans[0].trace_id).unwrap();
    let tool = spans.iter().find(|span| span.kind == SpanKind::Tool);
    tool.map_or_else(String::new, |tool| tool.text("output.value").unwrap().to_owned())
}

#[test]
fn each_turn_counts_once_and_what_knows_more_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ours, mut theirs) = (store(&folder, "ours.db"), store(&folder, "theirs.db"));
    // Both have the first; the second is larger there; the third only there, the fourth only here.
    live(&mut ours, "desk", &[spans(1, 10, "same"), spans(2, 10, "short"), spans(4, 10, "ours")]);
    live(&mut theirs, "laptop", &[spans(1, 10, "same"), spans(3, 5, "theirs")]);
    theirs.insert_imported(&[spans(2, 15, "from a file")], &[]).unwrap();
    // An import there of what is live here changes no span, and one here is replaced.
    ours.insert_imported(&[spans(5, 10, "from a file")], &[]).unwrap();
    live(&mut theirs, "laptop", &[spans(5, 10, "live")]);

    let expected = ours.mergeable(&theirs).unwrap();
    assert_eq!((expected.turns.new, expected.spans), (2, 3));
    let merged = ours.merge(&theirs, &on("laptop")).unwrap();
    assert_eq!(merged.turns, Recorded { new: 2, known: 1, ..Recorded::default() });
    assert_eq!(tokens(&ours), 45);
    for (minute, text) in [(1, "same"), (2, "short"), (3, "theirs"), (4, "ours"), (5, "live")] {
        assert_eq!(output(&ours, &spans(minute, 0, "")), text);
    }
    ours.record_spans(&on("desk")).unwrap();
    let machines: Vec<String> =
        ours.places().unwrap().into_values().map(|place| place.machine).collect();
    assert_eq!(machines.iter().filter(|machine| *machine == "laptop").count(), 1, "{machines:?}");
    ours.index().unwrap();
    assert_eq!(ours.search("theirs", None, 10).unwrap().len(), 1);

    // Again, and nothing changes.
    let again = ours.merge(&theirs, &on("laptop")).unwrap();
    assert_eq!((again.turns.new, again.turns.changed, again.spans), (0, 0, 0));
    assert_eq!(tokens(&ours), 45);
}

#[test]
fn what_was_dropped_here_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ours, mut theirs) = (store(&folder, "ours.db"), store(&folder, "theirs.db"));
    live(&mut theirs, "laptop", &[spans(1, 10, "old"), spans(70, 10, "new")]);
    ours.prune(&Retention { before: Some(at(60)), ..Retention::default() }).unwrap();
    ours.merge(&theirs, &on("laptop")).unwrap();
    assert_eq!(
        (output(&ours, &spans(1, 0, "")), output(&ours, &spans(70, 0, ""))),
        (String::new(), "new".to_owned())
    );
    assert_eq!(tokens(&ours), 20);
}

#[test]
fn the_other_file_stays_as_it_is_whatever_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let mut ours = store(&folder, "ours.db");
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/version-1.db");
    let copy = folder.path().join("old.db");
    fs::copy(old, &copy).unwrap();
    let before = fs::read(&copy).unwrap();
    let theirs = TraceStore::open_other(&copy, &folder.path().join("scratch.db")).unwrap();
    assert!(ours.merge(&theirs, &on("laptop")).unwrap().spans > 0);
    assert_eq!(fs::read(&copy).unwrap(), before);

    // No store at all.
    let empty = folder.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    for (path, scratch) in [("empty.db", "1.db"), ("nowhere.db", "2.db")] {
        let path = folder.path().join(path);
        let opened = TraceStore::open_other(&path, &folder.path().join(scratch));
        assert!(matches!(opened, Err(OpenError::Missing { .. })), "{opened:?}");
    }
    fs::write(&empty, "not a database, but a text").unwrap();
    let opened = TraceStore::open_other(&empty, &folder.path().join("3.db"));
    assert!(matches!(opened, Err(OpenError::Sqlite { .. })), "{opened:?}");
}
