//! What the table of states says is what a queue does.

use super::*;
use exporters::RetryClass;

/// The state of the only batch of a scene.
fn state(scene: &Scene) -> BatchState {
    let states = scene.outbox.states(scene.now, 1).unwrap();
    let summary = scene.summary();
    match (&*states, summary.accepted, summary.dropped) {
        ([(_, state)], 0, 0) => *state,
        ([], 1, 0) => BatchState::Accepted,
        ([], 0, 1) => BatchState::Dropped,
        other => panic!("{other:?}"),
    }
}

/// A scene whose only batch is in this state.
fn scene_in(state_of_batch: BatchState) -> Scene {
    let scene = Scene::new();
    scene.push("trace", &["a", "b"]);
    let does = match state_of_batch {
        BatchState::Queued => None,
        BatchState::BackingOff => Some(Does::BreakOff),
        BatchState::Blocked => Some(Does::BeAway),
        BatchState::DeadLetter => Some(Does::Refuse(400)),
        other => panic!("{other:?} is not on disk"),
    };
    if does.is_some() {
        scene.flush(&Target::that(does));
    }
    assert_eq!(state(&scene), state_of_batch);
    scene
}

#[test]
fn an_answer_changes_the_state_as_the_table_says() {
    let answers = [
        (Does::Take, BatchEvent::Accept),
        (Does::BeAway, BatchEvent::Fail(RetryClass::Retry(None))),
        (Does::BreakOff, BatchEvent::Fail(RetryClass::RetrySuspect)),
        (Does::Refuse(401), BatchEvent::Fail(RetryClass::Blocked)),
        (Does::Limit(1), BatchEvent::Fail(RetryClass::Split)),
        (Does::Refuse(400), BatchEvent::Fail(RetryClass::DeadLetter)),
    ];
    for (does, event) in answers {
        let expected = BatchState::New.after(BatchEvent::Send).unwrap().after(event);
        let batch = batch("trace", &["a", "b"]);
        if let Err(error) = Target::that([does]).export(&batch) {
            let direct = Scene::new();
            let (given, _) = direct.outbox.requeue(&batch, &error, &direct.attempt()).unwrap();
            assert_eq!(Some(given), expected, "{does:?}, sent directly");
            assert_eq!(Some(state(&direct)), expected, "{does:?}, sent directly");
            if given != BatchState::DeadLetter {
                let late = scene_in(BatchState::Queued);
                late.outbox.note_refusal(&batch, &error, &late.attempt());
                assert_eq!(Some(state(&late)), BatchState::Queued.after(event), "{does:?}, late");
            }
        }
        let queued = scene_in(BatchState::Queued);
        queued.flush(&Target::that([does]));
        let expected = match event {
            // It goes on with smaller requests at once.
            BatchEvent::Fail(RetryClass::Split) => Some(BatchState::Accepted),
            _ => expected,
        };
        assert_eq!(Some(state(&queued)), expected, "{does:?}, from the queue");
    }
}

#[test]
fn time_and_people_change_the_state_as_the_table_says() {
    let on_disk =
        [BatchState::Queued, BatchState::BackingOff, BatchState::Blocked, BatchState::DeadLetter];
    for from in on_disk {
        let check = |event, act: &dyn Fn(&mut Scene)| {
            let mut scene = scene_in(from);
            act(&mut scene);
            let expected = from.after(event).unwrap_or(from);
            assert_eq!(state(&scene), expected, "{from:?} after {event:?}");
        };
        check(BatchEvent::Due, &|scene| scene.now += 3600 * SECOND);
        check(BatchEvent::Drop, &|scene| assert!(scene.outbox.discard().is_ok()));
        check(BatchEvent::Requeue, &|scene| assert!(scene.outbox.requeue_dead_letters().is_ok()));
        check(BatchEvent::RunOut, &|scene| {
            let attempt = Attempt { until: Instant::now(), ..scene.attempt() };
            scene.outbox.flush(&Target::default(), &attempt, When::Due, None).unwrap();
        });
    }
}

#[test]
fn a_target_that_fails_at_two_traces_blocks_both() {
    let scene = scene_in(BatchState::BackingOff);
    scene.push("other", &["c"]);
    scene.flush(&Target::that([Does::BreakOff]));
    let states = scene.outbox.states(scene.now, 1).unwrap();
    let states: Vec<BatchState> = states.into_iter().map(|(_, state)| state).collect();
    let expected = BatchState::BackingOff.after(BatchEvent::TargetFail).unwrap();
    assert_eq!(states, [expected, expected]);
}

#[test]
fn a_damaged_batch_is_a_dead_letter() {
    let scene = scene_in(BatchState::Queued);
    fs::write(&scene.files()[0], "no batch").unwrap();
    scene.flush(&Target::default());
    assert_eq!(Some(state(&scene)), BatchState::Queued.after(BatchEvent::Damage));
}
