//! How long turns and calls took, on real files.

use otlp_model::turn::{Agent, LlmCall, Outcome, Step, Usage};
use otlp_model::{Attribute, SpanBatch, TreeOptions, Turn, UnixNanos, names};
use trace_store::TraceStore;
use trace_store::usage::{TurnFilter, TurnStatus};

const SECOND: u64 = 1_000_000_000;

/// A turn of calls that took so many seconds, with the first token after a quarter of that.
fn turn(key: &str, model: &str, outcome: Outcome, seconds: &[u64]) -> Turn {
    let start = UnixNanos(100 * SECOND);
    let call = |seconds: &u64| {
        Step::Llm(LlmCall {
            start,
            end: start.plus(seconds * SECOND),
            model: Some(model.to_owned()),
            usage: Some(Usage { input: 5, ..Usage::default() }),
            attributes: first_token(*seconds),
            ..LlmCall::default()
        })
    };
    Turn {
        agent: Agent::named("codex"),
        thread_id: key.to_owned(),
        key: key.to_owned(),
        outcome,
        start,
        end: start.plus(20 * SECOND),
        steps: seconds.iter().map(call).collect(),
        ..Turn::default()
    }
}

fn first_token(seconds: u64) -> Vec<Attribute> {
    let name = names::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK;
    let measured = (seconds < 8).then(|| Attribute::new(name, seconds as f64 / 4.0));
    measured.into_iter().collect()
}

#[test]
fn times_are_those_of_the_turns_that_are_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = TraceStore::open(folder.path().join("traces.db")).unwrap();
    let failed = Outcome::Failed("no".to_owned());
    for (project, turn) in [
        ("one", turn("a", "m", Outcome::Ok, &[1, 2, 3, 4])),
        ("two", turn("b", "m", failed, &[8])),
        ("two", turn("c", "other", Outcome::Ok, &[2])),
    ] {
        let batch = SpanBatch::of(&turn, project, &TreeOptions::default());
        store.insert(&batch).unwrap();
        // What comes twice counts once.
        store.insert(&batch).unwrap();
    }
    store.record_spans(&|_| ()).unwrap();
    let of = |filter: TurnFilter| {
        let found = store.latencies(&TurnFilter { with_sub_agents: true, ..filter }).unwrap();
        let calls = found.calls.into_iter().map(|(model, times)| {
            let (whole, first) = (times.whole, times.first_token);
            (model, whole.count, whole.median, whole.longest, first.count, first.median)
        });
        (found.turns.count, calls.collect::<Vec<_>>())
    };
    let m = |count, median, longest, first, first_median| {
        ("m".to_owned(), count, median, longest, first, first_median)
    };
    let other = ("other".to_owned(), 1, 2000, 2000, 1, 500);
    assert_eq!(of(TurnFilter::default()), (3, vec![m(5, 3000, 8000, 4, 500), other.clone()]));
    let project =
        |name: &str| TurnFilter { project: Some(name.to_owned()), ..TurnFilter::default() };
    assert_eq!(of(project("one")), (1, vec![m(4, 2000, 4000, 4, 500)]));
    assert_eq!(of(project("two")), (2, vec![m(1, 8000, 8000, 0, 0), other.clone()]));
    let model = TurnFilter { model: Some("other".to_owned()), ..TurnFilter::default() };
    assert_eq!(of(model), (1, vec![other]));
    let failed = TurnFilter { statuses: vec![TurnStatus::Failed], ..TurnFilter::default() };
    assert_eq!(of(failed), (1, vec![m(1, 8000, 8000, 0, 0)]));
    let later = TurnFilter { since: Some(UnixNanos(101 * SECOND)), ..TurnFilter::default() };
    assert_eq!(of(later), (0, vec![]));
}
