//! Numbers about turns, beside their spans.

use std::fs;

use crate::backend::{Backend, Does};
use crate::delivery::Scene;
use crate::home::until;

const METRICS: &str = "metrics: true";

fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The metrics of exactly one turn.
fn assert_one_turn(backend: &Backend) {
    let metrics = until(|| Some(backend.metrics()).filter(|metrics| !metrics.is_empty()));
    let metrics = metrics.expect("metrics arrive");
    assert_eq!(metrics.len(), 1);
    for name in
        ["gen_ai.client.token.usage", "gen_ai.client.operation.duration", "codex.tool.calls"]
    {
        assert!(holds(&metrics[0], name), "{name}");
    }
    assert!(!holds(&metrics[0], "List the files"), "no contents");
}

#[test]
fn they_follow_the_spans_once() {
    let backend = Backend::that(Does::Take);
    let scene = Scene::to(&backend.url(), METRICS);
    scene.notify();
    assert_one_turn(&backend);
    scene.notify();
    scene.home.flush(&[]);
    assert_one_turn(&backend);
    assert_eq!(backend.turns().len(), 1);
}

#[test]
fn a_turn_that_is_sent_again_does_not_count_again() {
    let backend = Backend::that(Does::Take);
    let scene = Scene::to(&backend.url(), METRICS);
    scene.notify();
    assert_one_turn(&backend);
    // As where the hook was killed before it remembered.
    fs::remove_dir_all(scene.home.harness("state/codex/threads")).unwrap();
    scene.notify();
    assert_eq!(backend.turns().len(), 2);
    assert_one_turn(&backend);
    assert_eq!(scene.outbox("otlp").metrics_lost, 0);
}

#[test]
fn they_are_not_sent_unless_they_are_wanted() {
    let backend = Backend::that(Does::Take);
    let scene = Scene::to(&backend.url(), "");
    scene.notify();
    assert!(until(|| (backend.turns().len() == 1).then_some(())).is_some());
    scene.home.flush(&[]);
    assert_eq!(backend.metrics().len(), 0);
}

#[test]
fn they_wait_with_the_spans_for_a_target_that_is_away() {
    let address = Backend::nowhere();
    let scene = Scene::to(&format!("http://{address}"), METRICS);
    scene.notify();
    scene.home.logs("is queued for otlp http://");
    let backend = Backend::at(address, Does::Take);
    scene.flush("otlp");
    assert_one_turn(&backend);
}

#[test]
fn a_target_that_takes_none_is_no_matter() {
    let backend = Backend::that(Does::Take);
    backend.answer_metrics_with(404);
    let scene = Scene::to(&backend.url(), METRICS);
    scene.notify();
    scene.home.flush(&[]);
    assert_one_turn(&backend);
    assert!(!scene.home.log().contains("lost"), "{}", scene.home.log());
    assert_eq!(scene.outbox("otlp").metrics_lost, 0);
}

#[test]
fn numbers_that_are_refused_for_the_moment_wait_and_are_sent_once() {
    for status in [429, 503] {
        let backend = Backend::that(Does::Take);
        backend.answer_metrics_with(status);
        let scene = Scene::to(&backend.url(), METRICS);
        scene.notify();
        scene.home.logs("the metrics of 1 turn are queued (`http://");
        let queued = || (scene.outbox("otlp").metrics_queued, scene.outbox("otlp").metrics_lost);
        assert_eq!((queued(), backend.turns().len()), ((1, 0), 1));
        // One that follows waits behind.
        scene.notify_of(1);
        assert!(until(|| (queued() == (2, 0)).then_some(())).is_some(), "{:?}", queued());
        let refused = backend.metrics().len();
        backend.answer_metrics_with(200);
        let sent = until(|| {
            scene.home.flush(&[]);
            (queued() == (0, 0)).then_some(())
        });
        assert!(sent.is_some(), "{}", scene.home.log());
        scene.home.flush(&[]);
        assert_eq!(backend.metrics().len() - refused, 2);
        assert_eq!(backend.turns().len(), 2);
    }
}

#[test]
fn numbers_that_wait_are_given_up_when_no_more_are_wanted() {
    let backend = Backend::that(Does::Take);
    backend.answer_metrics_with(503);
    let scene = Scene::to(&backend.url(), METRICS);
    scene.notify();
    scene.home.logs("the metrics of 1 turn are queued (`http://");
    scene.configure_one(&backend.url(), "");
    scene.home.flush(&[]);
    assert!(until(|| (scene.outbox("otlp").metrics_queued == 0).then_some(())).is_some());
    assert_eq!(scene.outbox("otlp").metrics_lost, 1);
}

#[test]
fn what_may_have_arrived_is_not_sent_again_but_counted() {
    let backend = Backend::that(Does::Take);
    backend.answer_metrics_with(500);
    let scene = Scene::to(&backend.url(), METRICS);
    scene.notify();
    scene.home.logs("the metrics of 1 turn are lost (`http://");
    backend.answer_metrics_with(200);
    scene.notify();
    scene.home.flush(&[]);
    assert_one_turn(&backend);
    assert_eq!(scene.outbox("otlp").metrics_lost, 1);
    assert_eq!(scene.outbox("otlp").queued, 0);
}

#[test]
fn a_file_gets_a_line_of_them_behind_that_of_the_turn() {
    let scene = Scene::to("http://127.0.0.1:9", "");
    let file = scene.home.path().join("turns.jsonl");
    scene.home.configure(&format!(
        "harnesses:\n  codex:\n    target: file\n    path: {}\n    metrics: true\n",
        file.display()
    ));
    for _ in 0..2 {
        scene.notify();
        let text = fs::read_to_string(&file).unwrap();
        let [spans, metrics] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert!(spans.starts_with("{\"resourceSpans\"") && spans.contains("List the files"));
        assert!(metrics.starts_with("{\"resourceMetrics\""), "{metrics}");
        assert!(metrics.contains("codex.tool.calls") && !metrics.contains("List the files"));
    }
}
