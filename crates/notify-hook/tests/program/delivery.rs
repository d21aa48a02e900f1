//! Targets that are away, ill or wrongly set, one or several, and what the next runs make of it.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use delivery::Outbox;
use delivery::{Limits, Summary};

use crate::backend::{Backend, Does};
use crate::home::{Home, recorded, until};

/// A home that sends to a backend, with a turn that has just ended.
pub(crate) struct Scene {
    pub(crate) home: Home,
    payload: String,
}

impl Scene {
    fn new() -> Self {
        let home = Home::new();
        let payload = recorded("0.169.0/basic", "notify.jsonl").trim().to_owned();
        let text = recorded("0.169.0/basic", "rollout.jsonl");
        home.append("01a1fb18-d745-76d3-8970-09f42d282b2f", &text);
        Self { home, payload }
    }

    /// One target, which has little time to answer.
    pub(crate) fn to(url: &str, more: &str) -> Self {
        let scene = Self::new();
        scene.configure_one(url, more);
        scene
    }

    pub(crate) fn configure_one(&self, url: &str, more: &str) {
        let target = format!("target: otlp\n    endpoint: {url}\n    timeout_ms: 400\n    {more}");
        self.home.configure(&format!("harnesses:\n  codex:\n    {target}\n"));
    }

    fn configure_all(&self, targets: &[&str]) {
        let list: String = targets.iter().map(|target| format!("      - {{{target}}}\n")).collect();
        self.home.configure(&format!("harnesses:\n  codex:\n    targets:\n{list}"));
    }

    pub(crate) fn payload(&self) -> &str {
        &self.payload
    }

    pub(crate) fn notify(&self) {
        self.home.notify(&self.payload);
    }

    /// Another turn of another thread.
    pub(crate) fn notify_of(&self, number: usize) {
        let thread = format!("01a1fb18-d745-76d3-8970-{number:012}");
        let known = "01a1fb18-d745-76d3-8970-09f42d282b2f";
        let text = recorded("0.169.0/basic", "rollout.jsonl").replace(known, &thread);
        self.home.append(&thread, &text);
        self.home.notify(&self.payload.replace(known, &thread));
    }

    pub(crate) fn outbox(&self, target: &str) -> Summary {
        let folder = self.home.harness("state/codex/outbox").join(target);
        Outbox::new(folder, Limits::default()).summary().unwrap()
    }

    /// Runs the hook as the buffer service does, until nothing waits any more.
    pub(crate) fn flush(&self, target: &str) {
        let delivered = || {
            self.home.flush(&[]);
            (self.outbox(target).queued == 0).then_some(())
        };
        if until(delivered).is_none() {
            panic!("{:?}\n{}", self.outbox(target), self.home.log());
        }
    }
}

/// The spans of the recorded turn.
const SPANS: usize = 7;

#[test]
fn a_turn_waits_for_a_target_that_is_not_there_and_is_sent_when_it_is() {
    let address: SocketAddr = Backend::nowhere();
    let scene = Scene::to(&format!("http://{address}"), "");
    scene.notify();
    scene.home.logs("is queued for otlp http://");
    scene.notify_of(2);
    scene.home.logs("behind earlier turns");
    let queued = scene.outbox("otlp");
    assert_eq!((queued.queued, queued.accepted), (2, 0));
    assert!(queued.last_error.unwrap().contains("cannot connect"));
    // It is not sent again: it is in the queue.
    scene.notify();
    assert_eq!(scene.outbox("otlp").queued, 2);

    let backend = Backend::at(address, Does::Take);
    scene.flush("otlp");
    assert_eq!((backend.turns().len(), backend.spans()), (2, (2 * SPANS, 0)));
    assert_eq!(scene.outbox("otlp").accepted, 2);
}

#[test]
fn a_run_for_another_turn_takes_along_what_waits_and_is_due() {
    let backend = Backend::that(Does::Answer(503, ""));
    let scene = Scene::to(&backend.url(), "");
    scene.notify();
    assert_eq!(scene.outbox("otlp").queued, 1);
    backend.now(Does::Take);
    let mut number = 1;
    let all_sent = || {
        number += 1;
        scene.notify_of(number);
        (scene.outbox("otlp").queued == 0).then_some(())
    };
    until(all_sent).expect("all is sent");
    assert_eq!(backend.spans(), (number * SPANS, 0));
}

#[test]
fn whatever_a_target_does_a_turn_arrives_once_it_is_well() {
    for does in [
        Does::Answer(500, ""),
        Does::Answer(503, ""),
        Does::Answer(429, "retry-after: 1\r\n"),
        Does::Answer(408, ""),
        Does::Hang,
    ] {
        let backend = Backend::that(does);
        let scene = Scene::to(&backend.url(), "");
        scene.notify();
        let queued = scene.outbox("otlp");
        assert_eq!((queued.queued, queued.failures), (1, 1), "{does:?}: {}", scene.home.log());
        backend.now(Does::Take);
        scene.flush("otlp");
        assert_eq!((backend.turns().len(), backend.spans()), (1, (SPANS, 0)), "{does:?}");
    }
}

#[test]
fn a_target_that_takes_a_turn_without_saying_so_gets_the_same_spans_again() {
    let backend = Backend::that(Does::TakeAndBreakOff);
    let scene = Scene::to(&backend.url(), "");
    scene.notify();
    assert_eq!(scene.outbox("otlp").queued, 1);
    backend.now(Does::Take);
    scene.flush("otlp");
    // Of each id, every target keeps one.
    assert_eq!(backend.spans(), (SPANS, SPANS));
}

#[test]
fn a_wait_that_a_target_asks_for_is_kept() {
    let backend = Backend::that(Does::Answer(429, "retry-after: 300\r\n"));
    let scene = Scene::to(&backend.url(), "");
    scene.notify();
    backend.now(Does::Take);
    for _ in 0..3 {
        scene.home.flush(&[]);
    }
    assert_eq!((backend.requests(), scene.outbox("otlp").queued), (1, 1));
}

#[test]
fn a_refusal_of_the_key_holds_the_turns_until_the_key_is_another() {
    let backend = Backend::that(Does::Answer(401, ""));
    let scene = Scene::to(&backend.url(), "headers: {authorization: Bearer wrong}");
    scene.notify();
    scene.notify_of(2);
    assert_eq!((backend.requests(), scene.outbox("otlp").queued), (1, 2));
    assert!(scene.home.log().contains("http status 401"), "{}", scene.home.log());
    assert!(!scene.home.log().contains("Bearer wrong"));
    backend.now(Does::Take);
    scene.home.flush(&[]);
    assert_eq!(backend.requests(), 1, "the same key would be refused again");

    scene.configure_one(&backend.url(), "headers: {authorization: Bearer right}");
    let mut dry_run = scene.home.command();
    assert!(dry_run.env("ARIZE_DRY_RUN", "true").arg("--flush").status().unwrap().success());
    assert_eq!(backend.requests(), 1, "a dry run sends nothing");
    scene.home.flush(&[]);
    assert_eq!(backend.authorization().as_deref(), Some("Bearer right"));
    assert_eq!((backend.spans(), scene.outbox("otlp").queued), ((2 * SPANS, 0), 0));
}

#[test]
fn dead_letters_may_be_sent_again() {
    let backend = Backend::that(Does::Answer(400, ""));
    let scene = Scene::to(&backend.url(), "");
    scene.notify();
    scene.home.logs("was rejected by otlp");
    backend.now(Does::Take);
    scene.notify_of(2);
    scene.home.flush(&[]);
    assert_eq!(backend.spans(), (SPANS, 0), "the next one is not held up");
    let summary = scene.outbox("otlp");
    assert_eq!((summary.queued, summary.rejected.len()), (0, 1));
    assert!(summary.rejected[0].answer.contains("the answer"), "{summary:?}");
    scene.home.flush(&["--rejected"]);
    assert_eq!(backend.spans(), (2 * SPANS, 0));
    assert_eq!(scene.outbox("otlp").rejected, []);
}

#[test]
fn a_turn_that_is_too_large_arrives_in_pieces() {
    let backend = Backend::that(Does::Limit(2));
    let scene = Scene::to(&backend.url(), "");
    scene.notify();
    scene.flush("otlp");
    assert_eq!(backend.spans(), (SPANS, 0));
    assert_eq!(scene.outbox("otlp").rejected, []);
}

#[test]
fn a_wrong_setting_keeps_turns_for_the_right_one() {
    let backend = Backend::that(Does::Take);
    let scene = Scene::to("localhost:4318", "");
    scene.notify();
    let expected = "`harnesses.codex.endpoint` is `localhost:4318`, which does not start with";
    scene.home.logs(expected);
    assert_eq!(scene.outbox("otlp").queued, 1);
    scene.configure_one(&backend.url(), "");
    scene.home.flush(&[]);
    assert_eq!(backend.spans(), (SPANS, 0));
}

#[test]
fn turns_of_a_target_without_a_valid_name_are_queued_until_it_has_one() {
    let backend = Backend::that(Does::Take);
    let scene = Scene::new();
    scene.home.configure("harnesses: {codex: {target: oltp}}");
    scene.notify();
    scene.home.logs("`harnesses.codex.target` is `oltp`; known targets are");
    assert_eq!(scene.outbox("unknown-0").queued, 1);
    scene.configure_one(&backend.url(), "");
    scene.home.flush(&[]);
    assert_eq!((backend.spans(), scene.outbox("unknown-0").queued), ((SPANS, 0), 0));
}

#[test]
fn no_target_waits_for_another() {
    let good = Backend::that(Does::Take);
    let hung = Backend::that(Does::Hang);
    let away = Backend::nowhere();
    let scene = Scene::new();
    scene.configure_all(&[
        &format!("target: otlp, name: hung, endpoint: '{}', timeout_ms: 3000", hung.url()),
        &format!("target: otlp, name: away, endpoint: 'http://{away}'"),
        "target: phoenix, name: wrong, endpoint: nowhere",
        &format!("target: otlp, name: good, endpoint: '{}'", good.url()),
        "target: local",
    ]);
    let begun = Instant::now();
    let mut run = scene.home.command().arg(&scene.payload).spawn().unwrap();
    until(|| (good.spans().0 == SPANS && scene.home.turns().len() == 1).then_some(())).unwrap();
    // The turn counts as sent while the one that hangs has not answered.
    let ledger = scene.home.harness("state/codex/ledger");
    until(|| fs::read_dir(&ledger).ok()?.next().map(drop)).expect("the turn is remembered");
    assert!(begun.elapsed() < Duration::from_millis(2900), "{:?}", begun.elapsed());
    assert!(run.try_wait().unwrap().is_none(), "it waits for the one that hangs");
    assert!(run.wait().unwrap().success());
    for (name, queued) in [("hung", 1), ("away", 1), ("wrong", 1), ("good", 0), ("local", 0)] {
        assert_eq!(scene.outbox(name).queued, queued, "{name}\n{}", scene.home.log());
    }
    scene.notify();
    assert_eq!((good.requests(), scene.home.turns().len()), (1, 1));
}

#[test]
fn a_target_that_answers_late_gets_a_turn_once() {
    let slow = Backend::that(Does::TakeAndWait);
    let good = Backend::that(Does::Take);
    let scene = Scene::new();
    scene.configure_all(&[
        &format!("target: otlp, name: slow, endpoint: '{}', timeout_ms: 5000", slow.url()),
        &format!("target: otlp, name: good, endpoint: '{}'", good.url()),
    ]);
    let mut run = scene.home.command().arg(&scene.payload).spawn().unwrap();
    until(|| (scene.outbox("slow").queued == 1).then_some(())).expect("it is queued");
    slow.now(Does::Take);
    assert!(run.wait().unwrap().success());
    scene.home.logs("accepted late by slow");
    assert_eq!(scene.outbox("slow").queued, 0);
    assert_eq!((slow.spans(), good.spans()), ((SPANS, 0), (SPANS, 0)));
}

/// The target is slow once, and meanwhile the turn reaches it from the outbox.
#[test]
fn a_turn_that_was_delivered_before_a_late_answer_counts_once() {
    // Once the answer comes, once the time is over before.
    for timeout_ms in [8000, 1500] {
        let slow = Backend::that(Does::TakeAndWaitOnce);
        let good = Backend::that(Does::Take);
        let scene = Scene::new();
        let slow_url = slow.url();
        scene.configure_all(&[
            &format!(
                "target: otlp, name: slow, endpoint: '{slow_url}', timeout_ms: {timeout_ms}, metrics: true"
            ),
            &format!("target: otlp, name: good, endpoint: '{}'", good.url()),
        ]);
        let mut run = scene.home.command().arg(&scene.payload).spawn().unwrap();
        until(|| (scene.outbox("slow").queued == 1).then_some(())).expect("it is queued");
        scene.flush("slow");
        if timeout_ms > 5000 {
            slow.now(Does::Take);
        }
        assert!(run.wait().unwrap().success());
        assert_eq!(scene.outbox("slow").queued, 0, "{}", scene.home.log());
        assert_eq!((slow.requests(), slow.metrics().len()), (2, 1), "{}", scene.home.log());
    }
}

#[test]
fn without_an_outbox_only_those_that_lack_a_turn_get_it_again() {
    let good = Backend::that(Does::Take);
    let ill = Backend::that(Does::Answer(503, ""));
    let scene = Scene::new();
    scene.configure_all(&[
        &format!("target: otlp, name: good, endpoint: '{}'", good.url()),
        &format!("target: otlp, name: ill, endpoint: '{}'", ill.url()),
    ]);
    // As on a disk that is full: nothing can be queued for this target.
    fs::create_dir_all(scene.home.harness("state/codex/outbox")).unwrap();
    fs::write(scene.home.harness("state/codex/outbox/ill"), "").unwrap();
    scene.notify();
    scene.home.logs("could not be sent to ill");
    assert_eq!((good.requests(), ill.requests()), (1, 1));

    fs::remove_file(scene.home.harness("state/codex/outbox/ill")).unwrap();
    ill.now(Does::Take);
    scene.notify();
    assert_eq!((good.requests(), ill.spans()), (1, (SPANS, 0)));
    scene.notify();
    assert_eq!((good.requests(), ill.requests()), (1, 2));
}

#[test]
fn what_waits_for_a_target_that_is_no_longer_named_is_kept() {
    let backend = Backend::that(Does::Answer(503, ""));
    let scene = Scene::to(&backend.url(), "");
    scene.notify();
    scene.home.configure("harnesses: {codex: {target: local}}");
    backend.now(Does::Take);
    scene.home.flush(&[]);
    let summary = scene.outbox("otlp");
    assert_eq!((summary.queued, backend.turns().len()), (1, 0));
    scene.configure_one(&backend.url(), "");
    scene.flush("otlp");
    assert_eq!(backend.spans(), (SPANS, 0));
}

#[test]
fn settings_that_cannot_be_read_stop_delivery_and_lose_nothing() {
    let backend = Backend::that(Does::Take);
    let scene = Scene::new();
    scene.home.configure("logging: {prompts: false}\nharnesses: [\n");
    scene.notify();
    scene.home.logs("the turn could not be sent");
    assert!(!scene.home.harness("state/codex/outbox").exists());
    scene.configure_one(&backend.url(), "");
    scene.notify();
    assert_eq!(backend.spans(), (SPANS, 0));
}
