//! Spans of imports beside those of live tracing, and the search in their texts.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;

use otlp_model::turn::{Agent, Step, ToolCall};
use otlp_model::{SpanBatch, SpanKind, TreeOptions, Turn, UnixNanos};
use tempfile::TempDir;
use trace_store::usage::{Pass, SourceProgress};
use trace_store::{TraceStore, index_file};

fn open(folder: &TempDir) -> TraceStore {
    TraceStore::open(folder.path().join("traces.db")).unwrap()
}

/// The spans of a turn with one tool.
fn spans(name: &str, second: u64, prompt: &str, output: &str) -> SpanBatch {
    let tool = ToolCall {
        call_id: "call".to_owned(),
        name: "shell".to_owned(),
        start: UnixNanos(second * 1_000_000_000),
        arguments: Some(r#"{"command":["cargo","nextest"]}"#.to_owned()),
        output: Some(output.to_owned()),
        ..ToolCall::default()
    };
    let turn = Turn {
        agent: Agent { name: "codex".into(), ..Agent::default() },
        thread_id: "thread".to_owned(),
        key: name.to_owned(),
        start: UnixNanos(second * 1_000_000_000),
        prompt: Some(prompt.to_owned()),
        steps: vec![Step::Tool(tool)],
        ..Turn::default()
    };
    SpanBatch::of(&turn, "p", &TreeOptions::default())
}

fn output(store: &TraceStore, batch: &SpanBatch) -> String {
    let spans = store.trace(batch.spans[0].trace_id).unwrap();
    let tool = spans.iter().find(|span| span.kind == SpanKind::Tool).unwrap();
    tool.text("output.value").unwrap().to_owned()
}

fn found(store: &TraceStore, query: &str) -> Vec<String> {
    let hits = store.search(query, None, 10).unwrap();
    hits.into_iter().map(|hit| format!("{} {}", hit.kind.as_str(), hit.snippet)).collect()
}

#[test]
fn live_tracing_replaces_what_an_import_stored_and_not_the_other_way_round() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    let [imported, again, live] =
        ["from the file", "from the file, more", "live"].map(|text| spans("a", 1, "Do it", text));
    assert_eq!(store.insert_imported(std::slice::from_ref(&imported), &[]).unwrap().spans, 2);
    store.insert_imported(&[again], &[]).unwrap();
    assert_eq!(output(&store, &live), "from the file, more");
    store.insert(&live).unwrap();
    assert_eq!(output(&store, &live), "live");
    assert_eq!(store.insert_imported(&[imported], &[]).unwrap().spans, 0);
    store.insert(&spans("a", 1, "Do it", "live once more")).unwrap();
    assert_eq!(output(&store, &live), "live");
    assert_eq!(store.counts().unwrap().spans, 2);
}

#[test]
fn words_are_found_in_prompts_commands_and_outputs() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    assert_eq!(found(&store, "anything"), Vec::<String>::new(), "there is no index");
    store.insert(&spans("a", 1, "Rename the crate", "error[E0432]: unresolved import")).unwrap();
    store.insert(&spans("b", 2, "Test it", "test result: ok. 3 passed")).unwrap();
    assert_eq!(store.index().unwrap(), 4);
    assert_eq!(store.index().unwrap(), 0);
    assert_eq!(found(&store, "renam"), ["AGENT Rename the crate"]);
    assert_eq!(found(&store, "E0432 unresolved").len(), 1);
    assert_eq!(found(&store, "\"unresolved import\"").len(), 1);
    assert_eq!(found(&store, "\"import unresolved\"").len(), 0);
    // Both commands; the turn that began last first, and the next page goes on behind it.
    let all = store.search("nextest", None, 10).unwrap();
    assert_eq!(all.iter().map(|hit| hit.start.0 / 1_000_000_000).collect::<Vec<_>>(), [2, 1]);
    let next = store.search("nextest", Some((all[0].start, all[0].row)), 10).unwrap();
    assert_eq!(next, all[1..]);
    for hostile in ["\"", "*", "a OR", "NEAR(a b)", "^x", "text:error", "-", "'; DROP TABLE spans"]
    {
        store.search(hostile, None, 10).unwrap();
    }
}

#[test]
fn what_was_replaced_is_found_by_its_new_words_only() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    store.insert_imported(&[spans("a", 1, "Do it", "oldword")], &[]).unwrap();
    store.index().unwrap();
    assert_eq!(found(&store, "oldword").len(), 1);
    store.insert(&spans("a", 1, "Do it", "newword")).unwrap();
    store.index().unwrap();
    assert_eq!((found(&store, "oldword").len(), found(&store, "newword").len()), (0, 1));
    // A reader that cannot write finds the same.
    let reader = TraceStore::open_read_only(store.path()).unwrap();
    assert_eq!(found(&reader, "newword").len(), 1);
}

#[test]
fn an_index_that_is_lost_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    store.insert(&spans("a", 1, "Do it", "word")).unwrap();
    store.index().unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(index_file(store.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    store.drop_index().unwrap();
    assert!(!index_file(store.path()).exists());
    assert_eq!(found(&store, "word").len(), 0);
    store.index().unwrap();
    assert_eq!(found(&store, "word").len(), 1);
    drop(store);
    fs::write(index_file(&folder.path().join("traces.db")), "no database").unwrap();
    let mut store = open(&folder);
    store.index().unwrap();
    assert_eq!(found(&store, "word").len(), 1);
}

#[test]
fn progress_of_contents_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    let source = SourceProgress { path: "/a".to_owned(), offset: 7, ..SourceProgress::default() };
    store.insert_imported(&[], std::slice::from_ref(&source)).unwrap();
    assert_eq!(store.sources(Pass::Contents).unwrap(), [source]);
    assert_eq!(store.sources(Pass::Numbers).unwrap(), []);
}

/// What an import stores needs not be read again for records, and what live tracing stores does.
#[test]
fn spans_of_an_import_are_recorded_already() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    store.insert(&spans("a", 1, "Do it", "live")).unwrap();
    // The first are not recorded yet: nothing is passed over.
    store.insert_imported(&[spans("b", 2, "Do it", "old")], &[]).unwrap();
    assert_eq!(store.record_spans(&|_| ()).unwrap().new, 1);
    store.insert_imported(&[spans("c", 3, "Do it", "old")], &[]).unwrap();
    let watermark = |store: &TraceStore| -> (i64, i64) {
        let connection = rusqlite::Connection::open(store.path()).unwrap();
        let sql =
            "SELECT upto, (SELECT max(rowid) FROM spans) FROM watermarks WHERE name = 'spans'";
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    assert_eq!(watermark(&store), (6, 6));
    store.insert(&spans("d", 4, "Do it", "live")).unwrap();
    assert_eq!(watermark(&store), (6, 8));
    assert_eq!(store.record_spans(&|_| ()).unwrap().new, 1);
}
