//! What is sent when, and what becomes of it.

use super::*;

#[test]
fn what_waits_is_offered_in_its_order_and_is_gone_when_it_was_accepted() {
    let scene = Scene::new();
    assert!(scene.outbox.is_empty().unwrap());
    for (trace, name) in [("t", "a"), ("u", "b"), ("t", "c")] {
        scene.push(trace, &[name]);
    }
    assert!(!scene.outbox.is_empty().unwrap());
    let summary = scene.summary();
    assert_eq!((summary.queued, summary.oldest), (3, Some(scene.now)));
    assert!(summary.bytes > 3000, "{summary:?}");
    let target = Target::default();
    assert_eq!(scene.flush(&target), accepted(3));
    assert_eq!(target.taken(), "a b c");
    assert!(scene.outbox.is_empty().unwrap());
    assert_eq!(scene.summary().accepted, 3);
    assert_eq!(scene.flush(&target), accepted(0));
    assert_eq!(target.received(), "a b c");
}

#[test]
fn the_same_batch_waits_once_and_order_survives_a_clock_that_goes_back() {
    let mut scene = Scene::new();
    scene.push("t", &["a"]);
    scene.push("t", &["a", "more"]);
    scene.now -= 3600 * SECOND;
    scene.push("t", &["b"]);
    let target = Target::default();
    scene.flush(&target);
    assert_eq!(target.taken(), "a b");
}

#[test]
fn a_target_that_is_away_is_left_alone_for_longer_and_longer() {
    let mut scene = Scene::new();
    scene.push("t", &["a"]);
    scene.push("t", &["b"]);
    let away = Target::that([Does::BeAway; 3]);
    for wait in [1, 2, 4] {
        let flushed = scene.flush(&away);
        assert_eq!(refused(&flushed), Some("`http://test`: cannot connect: refused"));
        assert_eq!((away.received().as_str(), flushed.queued), ("a", 2));
        assert_eq!(scene.wait(), Some(wait));
        // Not before its time.
        let Some(Stopped::NotDue(_)) = scene.flush(&away).stopped else { panic!("it is due") };
        scene.now += Duration::from_secs(wait) + SECOND / 2;
    }
    let summary = scene.summary();
    assert_eq!((summary.failures, summary.last_error.is_some()), (3, true));
    assert_eq!(scene.flush(&away), accepted(2));
    let summary = scene.summary();
    assert_eq!((summary.failures, summary.last_error, summary.next_attempt), (0, None, None));
}

#[test]
fn a_command_waits_for_no_time_and_other_settings_need_not() {
    let scene = Scene::new();
    scene.push("t", &["a"]);
    let target = Target::that([Does::BeAway, Does::BeAway]);
    scene.flush(&target);
    scene.outbox.flush(&target, &scene.attempt(), When::Now, None).unwrap();
    assert_eq!(target.received(), "a a");
    let corrected = Attempt { fingerprint: 2, ..scene.attempt() };
    assert_eq!(scene.outbox.flush(&target, &corrected, When::Due, None).unwrap(), accepted(1));
}

#[test]
fn a_clock_that_jumped_back_does_not_stop_delivery() {
    let mut scene = Scene::new();
    scene.push("t", &["a"]);
    let target = Target::that([Does::BeAway]);
    scene.flush(&target);
    scene.now -= 24 * 3600 * SECOND;
    assert_eq!(scene.flush(&target), accepted(1));
}

#[test]
fn a_wait_that_the_target_asks_for_is_kept() {
    let scene = Scene::new();
    scene.push("t", &["a"]);
    scene.flush(&Target::that([Does::BeBusy(77)]));
    assert_eq!(scene.wait(), Some(77));
}

#[test]
fn a_refusal_of_us_holds_everything_and_loses_nothing() {
    let scene = Scene::new();
    for name in ["a", "b"] {
        scene.push(name, &[name]);
    }
    let target = Target::that([Does::Refuse(401)]);
    let flushed = scene.flush(&target);
    assert_eq!((target.received().as_str(), flushed.queued), ("a", 2));
    assert_eq!(scene.wait(), Some(60));
    assert_eq!(scene.summary().rejected, []);
}

#[test]
fn a_rejected_batch_is_a_dead_letter_and_blocks_no_other() {
    for does in [Does::Refuse(400), Does::Refuse(422), Does::RejectPart] {
        let mut scene = Scene::new();
        for name in ["a", "poison", "b"] {
            scene.push("t", &[name]);
        }
        let target = Target::always("poison", does);
        let flushed = scene.flush(&target);
        assert_eq!((flushed.accepted, flushed.queued, flushed.stopped), (2, 0, None));
        assert_eq!(flushed.dead_letters.len(), 1);
        assert_eq!(target.taken(), "a b");
        let [rejected] = &scene.summary().rejected[..] else { panic!("{:?}", scene.summary()) };
        assert_eq!((rejected.spans, rejected.attempts), (1, 1));
        assert_eq!(rejected.trace_id, TraceId::derive(&["t"]).to_string());
        assert!(rejected.answer.ends_with("the answer"), "{rejected:?}");
        // It is not sent again, unless asked for.
        scene.now += 3600 * SECOND;
        assert_eq!(scene.flush(&target), accepted(0));
        assert_eq!(scene.outbox.requeue_dead_letters().unwrap(), 1);
        assert_eq!(scene.flush(&Target::default()), accepted(1));
        assert_eq!(scene.summary().rejected, []);
    }
}

#[test]
fn a_batch_that_is_too_large_is_halved_down_to_single_spans() {
    let scene = Scene::new();
    scene.push("t", &["a", "b", "c", "d", "e"]);
    let target = Target::that([Does::Limit(2); 9]);
    assert_eq!(scene.flush(&target), accepted(1));
    assert_eq!(target.received(), "a+b+c+d+e a+b c+d e");
    assert_eq!(target.taken(), "a b c d e");

    scene.push("t", &["f", "huge", "g"]);
    let flushed = scene.flush(&Target::that([
        Does::Limit(1),
        Does::Limit(1),
        Does::Limit(1),
        Does::Limit(0),
    ]));
    assert_eq!((flushed.accepted, flushed.dead_letters.len(), flushed.queued), (1, 1, 0));
    assert_eq!(scene.summary().rejected[0].spans, 1);
}

#[test]
fn spans_that_are_each_too_large_become_one_dead_letter() {
    let scene = Scene::new();
    scene.push("t", &["a", "b", "c", "d", "e"]);
    let flushed = scene.flush(&Target::that([Does::Limit(0); 9]));
    let [aside] = &flushed.dead_letters[..] else { panic!("{flushed:?}") };
    assert_eq!((flushed.accepted, aside.spans, flushed.queued), (0, 5, 0));
    assert_eq!(scene.summary().rejected.len(), 1);
    assert_eq!(scene.outbox.requeue_dead_letters().unwrap(), 1);
    let target = Target::default();
    assert_eq!(scene.flush(&target), accepted(1));
    assert_eq!(target.taken(), "a b c d e");
}

#[test]
fn a_target_that_goes_away_in_the_middle_of_a_split_does_not_get_the_first_half_again() {
    let scene = Scene::new();
    scene.push("t", &["a", "b"]);
    let target = Target::that([Does::Limit(1), Does::Take, Does::BeAway]);
    assert_eq!(scene.flush(&target).queued, 1);
    let flushed = scene.outbox.flush(&target, &scene.attempt(), When::Now, None).unwrap();
    assert_eq!(flushed, accepted(1));
    assert_eq!(target.taken(), "a b");
}

#[test]
fn a_target_that_fails_at_one_batch_gets_the_others_in_the_end() {
    let mut scene = Scene::new();
    for (trace, name) in [("t", "poison"), ("t", "behind"), ("u", "other")] {
        scene.push(trace, &[name]);
    }
    let target = Target::always("poison", Does::Refuse(500));
    let mut flushes = 0;
    while !scene.outbox.is_empty().unwrap() {
        scene.flush(&target);
        scene.now += 3600 * SECOND;
        flushes += 1;
        assert!(flushes < 10, "{:?}", scene.summary());
    }
    // Until it was known whose fault it is, nothing overtook it in its trace, and all others did.
    assert_eq!(target.received(), "poison other poison poison poison poison behind");
    let summary = scene.summary();
    assert_eq!((summary.accepted, summary.rejected.len()), (2, 1));
    assert_eq!(summary.rejected[0].attempts, 5);
}

#[test]
fn a_target_that_fails_at_everything_is_waited_for() {
    let mut scene = Scene::new();
    for name in ["a", "b", "c"] {
        scene.push(name, &[name]);
    }
    let ill = Target { next: Mutex::new([Does::Refuse(500); 60].into()), ..Target::default() };
    for _ in 0..25 {
        assert_eq!(scene.flush(&ill).queued, 3);
        scene.now += 3600 * SECOND;
    }
    assert_eq!(scene.flush(&Target::default()), accepted(3));
    // One alone is never to blame.
    scene.push("d", &["d"]);
    for _ in 0..10 {
        assert_eq!(scene.flush(&Target::always("d", Does::Refuse(500))).queued, 1);
        scene.now += 3600 * SECOND;
    }
}

#[test]
fn what_was_refused_just_now_is_taken_back() {
    let scene = Scene::new();
    let take_back = |name: &str, error: &ExportError| {
        scene.outbox.requeue(&batch("t", &[name]), error, &scene.attempt()).unwrap();
    };
    take_back("a", &refusal(403, None));
    assert_eq!((scene.wait(), scene.summary().queued), (Some(60), 1));
    take_back("b", &refusal(400, None));
    assert_eq!((scene.summary().queued, scene.summary().rejected.len()), (1, 1));

    let scene = Scene::new();
    let error = ExportError::TooLarge { url: String::new(), bytes: 1 };
    scene.outbox.requeue(&batch("t", &["a", "b"]), &error, &scene.attempt()).unwrap();
    assert_eq!(scene.flush(&Target::that([Does::Limit(1)])), accepted(1));
}

#[test]
fn only_one_offers_at_a_time() {
    let scene = Scene::new();
    scene.push("t", &["a"]);
    let lock = folder::lock(&scene.outbox.folder.join("lock")).unwrap().unwrap();
    let target = Target::default();
    assert_eq!(scene.flush(&target).stopped, Some(Stopped::Busy));
    assert_eq!(target.received(), "");
    drop(lock);
    assert_eq!(scene.flush(&target), accepted(1));
}

#[test]
fn no_offer_begins_after_the_time() {
    let scene = Scene::new();
    scene.push("t", &["a"]);
    let target = Target::default();
    let attempt = Attempt { until: Instant::now(), ..scene.attempt() };
    let flushed = scene.outbox.flush(&target, &attempt, When::Due, None).unwrap();
    assert_eq!((flushed.stopped, flushed.queued), (Some(Stopped::NoTime), 1));
    assert_eq!(target.received(), "");
    assert_eq!(scene.wait(), None, "the next one goes on at once");
}
