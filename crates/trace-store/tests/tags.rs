//! Tags of sessions: which turns have them, and that sums stay what they were.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as expected")]

use otlp_model::turn::Usage;
use otlp_model::{SpanId, TraceId, UnixNanos};
use tempfile::TempDir;
use trace_store::TraceStore;
use trace_store::usage::{
    CallRecord, PicoUsd, Place, QuarterRange, Rate, RecordSource, TagChange, Tags, ThreadName,
    TurnFilter, TurnRecord, TurnStatus,
};

const MINUTE: u64 = 60_000_000_000;

fn turn(thread: &str, session: &str, number: u64) -> TurnRecord {
    let id = format!("{thread}-{number}");
    TurnRecord {
        span_id: SpanId::derive(&[&id]),
        trace_id: TraceId::derive(&[session, &number.to_string()]),
        thread: ThreadName {
            thread_id: thread.to_owned(),
            session_id: session.to_owned(),
            parent_id: (thread != session).then(|| session.to_owned()),
        },
        place: Place { project: "p".to_owned(), ..Place::default() },
        turn_id: id,
        number: Some(number),
        start: UnixNanos(number * MINUTE),
        end: UnixNanos((number + 1) * MINUTE),
        status: TurnStatus::Completed,
        version: None,
        commit: None,
        human_ms: Some(5),
        calls: vec![CallRecord {
            end: UnixNanos((number + 1) * MINUTE),
            usage: Usage { input: 100, output: number, ..Usage::default() },
            rate: Rate { prices: Some("v1".to_owned()), ..Rate::default() },
            cost: PicoUsd(7),
        }],
        tools: None,
        source: RecordSource::Transcript,
    }
}

fn store(turns: &[TurnRecord]) -> (TempDir, TraceStore) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(folder.path().join("traces.db")).unwrap();
    store.record(turns, &[], &[]).unwrap();
    (folder, store)
}

fn change(add: &str, remove: &str) -> TagChange {
    TagChange { add: Tags::of_text(add), remove: Tags::of_text(remove) }
}

/// The turns with a tag.
fn tagged(store: &TraceStore, tag: &str) -> Vec<String> {
    let filter =
        TurnFilter { tag: Some(tag.to_owned()), with_sub_agents: true, ..TurnFilter::default() };
    let mut turns: Vec<_> =
        store.turns(&filter, None, 10).unwrap().into_iter().map(|turn| turn.turn_id).collect();
    turns.sort();
    turns
}

/// Tokens by tags, of the sums by place and of those by thread.
fn tokens(store: &TraceStore) -> Vec<(String, i64)> {
    let places = store.places().unwrap();
    let mut by_tags = std::collections::BTreeMap::<String, [i64; 2]>::new();
    let range = QuarterRange::ALL;
    store
        .call_sums(range, |row| {
            by_tags.entry(places[&row.place].tags.to_string()).or_default()[0] += row.sums.tokens();
        })
        .unwrap();
    store
        .thread_sums(range, |row| {
            let tags = places[&row.place].tags.to_string();
            by_tags.entry(tags).or_default()[1] += row.sums.tokens();
        })
        .unwrap();
    let sums = by_tags.into_iter().filter(|(_, sums)| *sums != [0, 0]);
    sums.map(|(tags, [places, threads])| {
        assert_eq!(places, threads, "{tags}");
        (tags, places)
    })
    .collect()
}

#[test]
fn a_session_is_tagged_with_its_sub_agents_and_its_later_turns() {
    let turns = [turn("a", "a", 1), turn("sub", "a", 2), turn("b", "b", 3)];
    let (_folder, mut store) = store(&turns);
    assert_eq!(store.tag("a", &change("ticket-1,slow", "")).unwrap(), 2);
    assert_eq!(store.tag("a", &change("slow", "")).unwrap(), 0);
    assert_eq!(tagged(&store, "ticket-1"), ["a-1", "sub-2"]);
    assert_eq!(tagged(&store, "ticket"), [""; 0], "a part of a tag is another tag");
    store.record(&[turn("a", "a", 4), turn("b", "b", 5)], &[], &[]).unwrap();
    assert_eq!(tagged(&store, "slow"), ["a-1", "a-4", "sub-2"]);
    assert_eq!(store.tags("a").unwrap().to_string(), "slow, ticket-1");

    assert_eq!(tokens(&store), [(String::new(), 208), ("slow, ticket-1".to_owned(), 307)]);
    assert_eq!(store.tag("a", &change("", "slow")).unwrap(), 3);
    assert_eq!(tokens(&store), [(String::new(), 208), ("ticket-1".to_owned(), 307)]);
}

#[test]
fn a_turn_of_which_more_is_known_keeps_its_tags() {
    let (_folder, mut store) = store(&[turn("a", "a", 1)]);
    store.tag("a", &change("x", "")).unwrap();
    let mut more = turn("a", "a", 1);
    more.calls.push(more.calls[0].clone());
    store.record(&[more], &[], &[]).unwrap();
    assert_eq!(tagged(&store, "x"), ["a-1"]);
    assert_eq!(tokens(&store), [("x".to_owned(), 202)]);
}

#[test]
fn a_session_is_found_by_the_beginning_of_any_of_its_ids() {
    let (_folder, store) = store(&[turn("a1", "a1", 1), turn("a2", "a2", 2), turn("b", "a1", 3)]);
    let trace = TraceId::derive(&["a2", "2"]).to_string();
    assert_eq!(store.sessions_like("a").unwrap(), ["a1", "a2"]);
    assert_eq!(store.sessions_like("b").unwrap(), ["a1"]);
    assert_eq!(store.sessions_like(&trace[..12]).unwrap(), ["a2"]);
    assert_eq!(store.sessions_like("zz").unwrap(), [""; 0]);
}
