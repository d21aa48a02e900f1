//! Queued metrics: sent again where nothing was accepted, and otherwise not.

use super::*;
use otlp_model::MetricBatch;

/// What is said to the next numbers; after that they are taken.
#[derive(Default)]
struct Counter {
    next: Mutex<VecDeque<ExportError>>,
    received: Mutex<Vec<u64>>,
}

impl Counter {
    fn that(says: impl IntoIterator<Item = ExportError>) -> Self {
        Self { next: Mutex::new(says.into_iter().collect()), ..Self::default() }
    }

    /// How many spans each of the sent numbers was of.
    fn received(&self) -> Vec<u64> {
        std::mem::take(&mut *self.received.lock().unwrap())
    }
}

impl Exporter for Counter {
    fn target(&self) -> &str {
        "test"
    }

    fn export(&self, _batch: &SpanBatch) -> Result<Receipt, ExportError> {
        panic!("no spans")
    }

    fn export_metrics(&self, batch: &MetricBatch) -> Result<bool, ExportError> {
        self.received.lock().unwrap().push(batch.end.0);
        self.next.lock().unwrap().pop_front().map_or(Ok(true), Err)
    }
}

fn busy(status: u16) -> ExportError {
    let (status, wait) = (AnswerStatus::Http(status), Some(5 * SECOND));
    ExportError::answered("http://test", status, "busy".to_owned(), wait, 1)
}

/// A scene in which the numbers of so many batches wait, each of which ends at its own time.
fn scene(count: u64) -> Scene {
    let scene = Scene::new();
    for number in 1..=count {
        let mut batch = batch("t", &[&number.to_string()]);
        batch.spans[0].end = UnixNanos(number);
        scene.outbox.metrics().push(&batch, scene.now).unwrap();
    }
    scene
}

fn flush(scene: &Scene, counter: &Counter) -> Flushed {
    let metrics = scene.outbox.metrics();
    metrics.flush_metrics(counter, &scene.attempt(), When::Due).unwrap()
}

#[test]
fn numbers_that_were_refused_for_the_moment_wait_in_their_order() {
    let mut scene = scene(3);
    assert_eq!((scene.summary().queued, scene.summary().metrics_queued), (0, 3));
    let counter = Counter::that([busy(503)]);
    let flushed = flush(&scene, &counter);
    assert_eq!((flushed.accepted, flushed.dropped, flushed.queued), (0, 0, 3));
    let Some(Stopped::NotDue(_)) = flush(&scene, &counter).stopped else { panic!("too early") };
    scene.now += 6 * SECOND;
    assert_eq!(flush(&scene, &counter), accepted(3));
    assert_eq!(counter.received(), [1, 1, 2, 3]);
    assert_eq!((scene.summary().metrics_queued, scene.summary().metrics_lost), (0, 0));
}

#[test]
fn numbers_that_may_have_been_taken_are_not_offered_again_but_counted() {
    let url = || "http://test".to_owned();
    let timeout = ExportError::Timeout { url: url(), limit: SECOND, source: "late".into() };
    let broken = ExportError::Interrupted { url: url(), source: "reset".into() };
    for error in [timeout, broken, busy(502), refusal(401, None)] {
        let mut scene = scene(2);
        let counter = Counter::that([error]);
        assert_eq!(flush(&scene, &counter).queued, 1);
        scene.now += 3600 * SECOND;
        flush(&scene, &counter);
        assert_eq!(counter.received(), [1, 2]);
        assert_eq!((scene.summary().metrics_queued, scene.summary().metrics_lost), (0, 1));
    }
}

#[test]
fn numbers_that_are_offered_are_in_no_file_that_a_crash_could_leave() {
    struct Crashes<'a>(&'a Outbox);
    impl Exporter for Crashes<'_> {
        fn target(&self) -> &str {
            "test"
        }
        fn export(&self, _batch: &SpanBatch) -> Result<Receipt, ExportError> {
            panic!("no spans")
        }
        fn export_metrics(&self, _batch: &MetricBatch) -> Result<bool, ExportError> {
            assert!(self.0.is_empty().unwrap());
            Err(busy(429))
        }
    }
    let scene = scene(1);
    let metrics = scene.outbox.metrics();
    metrics.flush_metrics(&Crashes(&metrics), &scene.attempt(), When::Due).unwrap();
    assert!(!metrics.is_empty().unwrap());
}

#[test]
fn numbers_are_claimed_once_also_after_many_others() {
    let scene = Scene::new();
    let metrics = scene.outbox.metrics();
    let claim = |name: &str| metrics.claim(&batch("t", &[name])).unwrap();
    assert!(claim("a") && !claim("a") && claim("b"));
    let file = metrics.folder.join("claimed");
    let many: String = (0..5000).map(|number| format!("{number:016}\n")).collect();
    fs::write(&file, format!("{many}\u{fffd}{}", fs::read_to_string(&file).unwrap())).unwrap();
    assert!(claim("c") && !claim("b") && !claim("c"));
    assert!(fs::metadata(&file).unwrap().len() < 50_000);
}

#[test]
fn numbers_grow_too_old_and_damaged_ones_block_no_other() {
    let mut scene = scene(2);
    let damaged = scene.outbox.metrics().folder.join("00000000000000000000-x.batch");
    fs::write(damaged, "nonsense").unwrap();
    scene.now += Limits::default().max_age + SECOND;
    let flushed = flush(&scene, &Counter::that([busy(429)]));
    assert_eq!((flushed.accepted, flushed.dropped, flushed.queued), (0, 3, 0));
    assert_eq!(scene.summary().metrics_lost, 3);
}

#[test]
fn a_target_that_takes_a_batch_in_pieces_has_it_counted_once() {
    let mut scene = Scene::new();
    scene.push("t", &["a", "b"]);
    // Half of it is taken before the target goes away.
    let target = Target::that([Does::Limit(1), Does::Take, Does::BeAway]);
    let mut counted = Vec::new();
    let mut count = |batch: SpanBatch| counted.push(batch.spans.len());
    for _ in 0..2 {
        let attempt = scene.attempt();
        scene.outbox.flush(&target, &attempt, When::Due, Some(&mut count)).unwrap();
        scene.now += 60 * SECOND;
    }
    assert_eq!(counted, [2]);
    assert_eq!(target.taken(), "a b");
}
