//! Records of turns and their sums, on real files.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use otlp_model::turn::Usage;
use otlp_model::{SpanId, TraceId, UnixNanos};
use tempfile::TempDir;
use trace_store::TraceStore;
use trace_store::usage::{
    CallRecord, Pass, PicoUsd, Place, Quarter, QuarterRange, QuotaReading, Rate, RecordSource,
    Recorded, SourceProgress, Sums, ThreadName, TurnCounts, TurnRecord, TurnStatus,
};

fn store_path(folder: &TempDir) -> PathBuf {
    folder.path().join("traces.db")
}

fn call(minute: u64, model: &str, input: u64) -> CallRecord {
    CallRecord {
        end: UnixNanos(minute * 60_000_000_000),
        usage: Usage { input, cached_input: input / 2, output: 7, ..Usage::default() },
        rate: Rate {
            model: model.to_owned(),
            prices: (model != "unknown").then(|| "v1".to_owned()),
            ..Rate::default()
        },
        cost: PicoUsd(i64::try_from(input).unwrap() * 1_000_000),
    }
}

fn turn(name: &str, minute: u64, calls: Vec<CallRecord>) -> TurnRecord {
    TurnRecord {
        span_id: SpanId::derive(&[name]),
        trace_id: TraceId::derive(&[name]),
        thread: ThreadName {
            thread_id: format!("thread of {name}"),
            session_id: format!("thread of {name}"),
            parent_id: None,
        },
        place: Place { project: "p".to_owned(), folder: "/f".to_owned(), ..Place::default() },
        turn_id: name.to_owned(),
        number: Some(1),
        start: UnixNanos(minute * 60_000_000_000),
        end: UnixNanos((minute + 1) * 60_000_000_000),
        status: TurnStatus::Completed,
        version: None,
        commit: None,
        human_ms: None,
        calls,
        tools: None,
        source: RecordSource::Transcript,
    }
}

/// All that was used, once by the sums and once by the threads' calls: both must be the same.
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

#[test]
fn a_turn_counts_once_however_often_it_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let turns = [turn("a", 0, vec![call(1, "m", 100), call(20, "m", 50)]), turn("b", 30, vec![])];
    let first = store.record(&turns, &[], &[]).unwrap();
    assert_eq!(first, Recorded { new: 2, ..Recorded::default() });
    let before = totals(&store);
    assert_eq!((before.0.calls, before.0.input, before.1.turns), (2, 150, 2));

    let again = store.record(&turns, &[], &[]).unwrap();

    assert_eq!(again, Recorded { known: 2, ..Recorded::default() });
    assert_eq!(totals(&store), before);
}

#[test]
fn a_turn_becomes_more_and_never_less() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let running = |calls| TurnRecord { status: TurnStatus::Running, ..turn("a", 0, calls) };
    let check = |store: &mut TraceStore, turn: &TurnRecord, calls: i64, input: i64| {
        store.record(std::slice::from_ref(turn), &[], &[]).unwrap();
        let (sums, counts) = totals(store);
        assert_eq!((sums.calls, sums.input, counts.turns), (calls, input, 1));
    };
    check(&mut store, &running(vec![call(1, "m", 100)]), 1, 100);
    check(&mut store, &running(vec![call(1, "m", 100), call(40, "other", 10)]), 2, 110);
    let ended = turn("a", 0, vec![call(1, "m", 100), call(40, "other", 10)]);
    check(&mut store, &ended, 2, 110);
    // A transcript that shrank.
    check(&mut store, &turn("a", 0, vec![call(1, "m", 100)]), 2, 110);
    check(&mut store, &turn("a", 0, vec![]), 2, 110);
    // Spans know more of the same tokens.
    let mut of_spans = TurnRecord { source: RecordSource::Spans, ..ended.clone() };
    of_spans.status = TurnStatus::Failed;
    of_spans.human_ms = Some(500);
    of_spans.place.branch = "main".to_owned();
    check(&mut store, &of_spans, 2, 110);
    check(&mut store, &ended, 2, 110);
    let (_, counts) = totals(&store);
    assert_eq!((counts.failed, counts.human_ms), (1, 500));
    let mut branches = Vec::new();
    let places = store.places().unwrap();
    store
        .call_sums(QuarterRange::ALL, |sum| branches.push(places[&sum.place].branch.clone()))
        .unwrap();
    assert_eq!(branches, ["main", "main"]);
}

#[test]
fn quarters_are_those_in_which_calls_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let calls = vec![call(14, "m", 1), call(15, "m", 2), call(29, "m", 3), call(30, "m", 4)];
    store.record(&[turn("a", 14, calls)], &[], &[]).unwrap();
    let mut found = Vec::new();
    store.call_sums(QuarterRange::ALL, |sum| found.push((sum.quarter.0, sum.sums.input))).unwrap();
    assert_eq!(found, [(0, 1), (1, 5), (2, 4)]);
}

#[test]
fn sub_agents_belong_to_the_session_of_those_above_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let of = |thread: &str, parent: Option<&str>| TurnRecord {
        thread: ThreadName {
            thread_id: thread.to_owned(),
            session_id: thread.to_owned(),
            parent_id: parent.map(str::to_owned),
        },
        ..turn(thread, 0, vec![call(1, "m", 1)])
    };
    // The newest first: the one above comes later.
    for turn in [of("c", Some("b")), of("b", Some("a")), of("a", None), of("d", Some("gone"))] {
        store.record(&[turn], &[], &[]).unwrap();
    }
    // A further turn of theirs makes no difference.
    store.record(&[of("c", Some("b"))], &[], &[]).unwrap();
    let threads = store.threads(QuarterRange::ALL).unwrap();
    let mut sessions: Vec<(&str, &str)> = threads
        .values()
        .map(|thread| (thread.thread_id.as_str(), thread.session_id.as_str()))
        .collect();
    sessions.sort_unstable();
    assert_eq!(sessions, [("a", "a"), ("b", "a"), ("c", "a"), ("d", "d")]);
}

#[test]
fn writers_at_the_same_time_count_each_turn_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = store_path(&folder);
    let turns: Vec<TurnRecord> =
        (0..200).map(|n| turn(&format!("turn {n}"), n, vec![call(n, "m", n)])).collect();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut store = TraceStore::open(&path).unwrap();
                for piece in turns.chunks(20) {
                    store.record(piece, &[], &[]).unwrap();
                }
            });
        }
    });
    let (sums, counts) = totals(&TraceStore::open(&path).unwrap());
    assert_eq!((sums.calls, sums.input, counts.turns), (200, 199 * 200 / 2, 200));
}

#[test]
fn progress_of_sources_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let source = SourceProgress {
        path: "/a".to_owned(),
        thread_id: "t".to_owned(),
        size: 10,
        offset: 8,
        turns: Some(2),
        mark: vec![1, 2],
        is_open: true,
        ..SourceProgress::default()
    };
    store.record(&[], &[], std::slice::from_ref(&source)).unwrap();
    assert_eq!(store.sources(Pass::Numbers).unwrap(), std::slice::from_ref(&source));
    let further = SourceProgress { offset: 10, is_open: false, ..source };
    store.record(&[], &[], std::slice::from_ref(&further)).unwrap();
    assert_eq!(store.sources(Pass::Numbers).unwrap(), [further]);
}

/// A store of 0.1, as `arize-codex demo` wrote it.
#[test]
fn a_store_of_the_first_release_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = store_path(&folder);
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/version-1.db");
    fs::copy(sample, &path).unwrap();

    let mut store = TraceStore::open(&path).unwrap();

    assert_eq!(store.counts().unwrap().spans, 7);
    let recorded = store.record_spans(&|turn| turn.place.machine = "here".to_owned()).unwrap();
    assert_eq!(recorded, Recorded { new: 1, ..Recorded::default() });
    let (sums, counts) = totals(&store);
    let expected = Sums {
        calls: 3,
        input: 3003,
        cached_input: 1536,
        cache_write_input: 0,
        output: 63,
        reasoning_output: 15,
        cost: PicoUsd::from_usd(0.009993),
    };
    assert_eq!(sums, expected);
    assert_eq!(counts, TurnCounts { turns: 1, ..TurnCounts::default() });
    let places: Vec<Place> = store.places().unwrap().into_values().collect();
    let expected = Place {
        project: "codex".to_owned(),
        branch: "master".to_owned(),
        folder: "/home/dev/project".to_owned(),
        machine: "here".to_owned(),
        ..Place::default()
    };
    assert_eq!(places, [expected]);
    // What was taken in is not read again.
    assert_eq!(store.record_spans(&|_| ()).unwrap(), Recorded::default());
}

#[test]
fn only_changes_of_limits_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let reading = |at: i64, used_percent: f64, resets_at: i64| QuotaReading {
        limit: "codex".to_owned(),
        slot: 1,
        at,
        used_percent,
        minutes: Some(300),
        resets_at: Some(resets_at),
        plan: None,
    };
    let readings = [
        reading(1, 10.0, 18_000),
        reading(2, 10.0, 18_001),
        reading(3, 11.0, 18_001),
        reading(4, 11.0, 36_000),
    ];
    store.record(&[], &readings, &[]).unwrap();
    store.record(&[], &readings, &[]).unwrap();
    let kept: Vec<i64> = store.quota(0).unwrap().iter().map(|reading| reading.at).collect();
    assert_eq!(kept, [1, 3, 4]);
    assert_eq!(store.quota(4).unwrap(), readings[3..]);
}

/// The sums of threads are kept beside their calls: both say the same, whatever part of a thread is in a
/// range.
#[test]
fn sums_of_threads_are_those_of_their_calls_in_any_range() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(store_path(&folder)).unwrap();
    let of = |thread: &str, name: &str, minute: u64, calls| TurnRecord {
        thread: ThreadName {
            thread_id: thread.to_owned(),
            session_id: thread.to_owned(),
            parent_id: None,
        },
        ..turn(name, minute, calls)
    };
    let turns = [
        of("short", "a", 20, vec![call(21, "m", 100), call(22, "n", 10)]),
        of("long", "b", 1, vec![call(2, "m", 1), call(50, "m", 2), call(100, "n", 4)]),
        of("long", "c", 200, vec![call(201, "m", 8)]),
        of("idle", "d", 70, vec![]),
    ];
    store.record(&turns, &[], &[]).unwrap();
    // A turn that becomes more.
    let more = of("long", "c", 200, vec![call(201, "m", 8), call(290, "m", 16)]);
    store.record(&[more], &[], &[]).unwrap();
    drop(store);
    before_version_4(&store_path(&folder));
    for store in
        [TraceStore::open(store_path(&folder)), TraceStore::open_read_only(store_path(&folder))]
    {
        let store = store.unwrap();
        for since in 0..22 {
            for until in since..22 {
                let range = QuarterRange { since: Quarter(since), until: Quarter(until) };
                let (mut by_time, mut by_thread) = (Sums::default(), Sums::default());
                let (mut turns, mut turns_of_threads) = <(TurnCounts, TurnCounts)>::default();
                store.call_sums(range, |sum| by_time += sum.sums).unwrap();
                store.turn_sums(range, |sum| turns += sum.counts).unwrap();
                let threads = store.threads(range).unwrap();
                store
                    .thread_sums(range, |sum| {
                        assert!(threads.contains_key(&sum.thread));
                        by_thread += sum.sums;
                        turns_of_threads += sum.counts;
                    })
                    .unwrap();
                assert_eq!((by_time, turns), (by_thread, turns_of_threads), "{range:?}");
            }
        }
        assert_eq!(totals(&store).0.input, 141);
    }
}

/// Makes a file of version 3 of the tables with the same turns and calls.
fn before_version_4(path: &Path) {
    const SCRIPTS: [&str; 3] = [
        include_str!("../src/schema/1.sql"),
        include_str!("../src/schema/2.sql"),
        include_str!("../src/schema/3.sql"),
    ];
    let newer = path.with_extension("newer");
    fs::rename(path, &newer).unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    SCRIPTS.iter().for_each(|script| connection.execute_batch(script).unwrap());
    connection.execute("ATTACH ? AS newer", [newer.to_str().unwrap()]).unwrap();
    for table in ["threads", "places", "rates", "turns", "calls", "call_sums", "turn_sums"] {
        let columns = format!("SELECT group_concat(name) FROM pragma_table_info('{table}')");
        let columns: String = connection.query_row(&columns, [], |row| row.get(0)).unwrap();
        let copy =
            format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}");
        connection.execute(&copy, []).unwrap();
    }
    connection.pragma_update(None, "user_version", SCRIPTS.len()).unwrap();
}
