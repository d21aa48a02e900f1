//! What is on disk: its form, its bounds, and what a crash leaves.

use super::*;

#[test]
fn a_batch_comes_out_as_it_went_in_and_only_its_owner_can_read_it() {
    let scene = Scene::new();
    let batch = batch("t", &["a", "b"]);
    scene.push("t", &["a", "b"]);
    let memory = exporters::Memory::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&scene.files()[0]), 0o600);
        assert_eq!(mode(scene.outbox.folder()), 0o700);
        assert_eq!(mode(scene.outbox.folder().parent().unwrap()), 0o700);
    }
    scene.outbox.flush(&memory, &scene.attempt(), When::Due, None).unwrap();
    assert_eq!(memory.batches(), [batch]);
}

#[test]
fn the_oldest_are_given_up_for_space_and_counted() {
    let scene = Scene::new();
    scene.push("t", &["a"]);
    let bytes = scene.summary().bytes;
    let limits = Limits { max_bytes: 3 * bytes + 500, ..Limits::default() };
    let scene = Scene { outbox: Outbox::new(scene.outbox.folder(), limits), ..scene };
    assert_eq!(["b", "c", "d", "e"].map(|name| scene.push("t", &[name])), [0, 0, 1, 1]);
    assert_eq!(scene.push("t", &["a", "larger", "than", "all", "of", "it"]), 3);
    assert_eq!((scene.summary().queued, scene.summary().dropped), (1, 5));
    let target = Target::always("a", Does::Refuse(400));
    scene.flush(&target);
    for name in ["f", "g", "h"] {
        scene.outbox.requeue(&batch("t", &[name]), &refusal(400, None), &scene.attempt()).unwrap();
    }
    assert_eq!(scene.summary().rejected.len(), 3, "the large one is gone");
}

#[test]
fn copies_that_find_no_room_are_counted() {
    let (there, here) = (Scene::new(), Scene::new());
    for name in ["a", "b", "c"] {
        there.push("t", &[name]);
    }
    let limits = Limits { max_bytes: there.summary().bytes - 1, ..Limits::default() };
    let here = Scene { outbox: Outbox::new(here.outbox.folder(), limits), ..here };
    assert_eq!(here.outbox.copy_from(there.outbox.folder()).unwrap(), 3);
    assert_eq!((here.summary().queued, here.summary().dropped), (2, 1));
    assert_eq!(there.summary().queued, 3);
}

#[test]
fn what_is_too_old_is_given_up_when_its_target_refuses_again() {
    let mut scene = Scene::new();
    scene.push("t", &["a"]);
    scene.now += Limits::default().max_age;
    scene.push("t", &["b"]);
    scene.now += SECOND;
    let flushed = scene.flush(&Target::that([Does::BeAway]));
    assert_eq!((flushed.dropped, flushed.queued), (1, 1));
    assert_eq!(scene.summary().dropped, 1);
    // A clock that jumped ahead takes nothing from a target that is there.
    scene.now += 10 * Limits::default().max_age;
    assert_eq!(scene.flush(&Target::default()), accepted(1));
}

#[test]
fn what_a_crash_left_behind_is_no_batch_and_damaged_files_block_no_other() {
    let mut scene = Scene { now: SystemTime::now(), ..Scene::new() };
    scene.push("t", &["a"]);
    let damaged = scene.files().remove(0);
    let bytes = fs::read(&damaged).unwrap();
    fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    fs::write(scene.outbox.folder.join("00000000000000000000-x.batch"), "").unwrap();
    let newer = String::from_utf8_lossy(&bytes).replace("\"version\":1", "\"version\":9");
    fs::write(scene.outbox.folder.join("00000000000000000001-y.batch"), newer).unwrap();
    let leftover = scene.outbox.folder.join(".x.new");
    fs::write(&leftover, "half").unwrap();
    for name in ["due", "standing.json"] {
        fs::write(scene.outbox.folder.join(name), "\0nonsense").unwrap();
    }
    scene.push("t", &["b"]);
    let flushed = scene.flush(&Target::default());
    assert_eq!((flushed.accepted, flushed.dead_letters.len(), flushed.queued), (1, 3, 0));
    let answers: Vec<_> = flushed.dead_letters.iter().map(|aside| aside.answer.as_str()).collect();
    assert_eq!(answers[1], "a newer release wrote it (version 9)", "{answers:?}");
    assert_eq!(scene.summary().rejected.len(), 3);
    // A process may still be writing it, if it is not old.
    assert!(leftover.exists());
    scene.push("t", &["c"]);
    scene.now = SystemTime::now() + 2 * 3600 * SECOND;
    scene.flush(&Target::default());
    assert!(!leftover.exists());
}

#[test]
fn the_folder_of_a_target_with_another_name_is_taken_over() {
    let scene = Scene::new();
    scene.push("t", &["a"]);
    let other = Outbox::new(scene.outbox.folder().with_file_name("other"), Limits::default());
    other.adopt(scene.outbox.folder()).unwrap();
    assert!(scene.outbox.is_empty().unwrap());
    let target = Target::default();
    other.flush(&target, &scene.attempt(), When::Due, None).unwrap();
    assert_eq!(target.taken(), "a");
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let outbox = Outbox::new(file.join("x"), Limits::default());
    let error = outbox.push(&batch("t", &["a"]), SystemTime::UNIX_EPOCH).unwrap_err();
    assert!(error.to_string().contains(file.join("x").to_str().unwrap()), "{error}");
    // To Windows it is only missing.
    if !cfg!(windows) {
        assert!(outbox.is_empty().is_err() && outbox.summary().is_err());
    }
}

#[test]
fn what_waits_for_one_target_can_be_sent_to_another_as_a_whole() {
    let (old, new) = (Scene::new(), Scene::new());
    old.push("t", &["a", "b"]);
    old.push("u", &["c"]);
    // The old target has a part of the first, and has refused the second for good.
    let picky =
        Target { poison: Some(("b", Does::BeAway)), ..Target::always("c", Does::Refuse(400)) };
    let small = Outbox { part_bytes: 1, ..old.outbox.clone() };
    small.flush(&picky, &old.attempt(), When::Due, None).unwrap();
    assert_eq!(picky.taken(), "a");
    old.outbox.metrics().push(&batch("v", &["d"]), old.now).unwrap();
    assert_eq!(old.outbox.move_to(&new.outbox).unwrap(), Some(2));
    assert_eq!((old.summary().queued, old.summary().rejected.len()), (0, 0));
    assert_eq!((old.summary().metrics_queued, new.summary().metrics_queued), (0, 1));
    let target = Target::default();
    new.flush(&target);
    let mut taken: Vec<String> = target.taken.lock().unwrap().clone();
    taken.sort_unstable();
    assert_eq!(taken, ["a", "b", "c"]);
}

#[test]
fn what_waits_can_be_given_up_but_not_while_it_is_offered() {
    let scene = Scene::new();
    scene.push("t", &["a"]);
    scene.outbox.requeue(&batch("u", &["b"]), &refusal(400, None), &scene.attempt()).unwrap();
    scene.outbox.metrics().push(&batch("v", &["d"]), scene.now).unwrap();
    let lock = folder::lock(&scene.outbox.folder().join("lock")).unwrap();
    assert_eq!(scene.outbox.discard().unwrap(), None);
    drop(lock);
    assert_eq!(scene.outbox.discard().unwrap(), Some(2));
    let summary = scene.summary();
    assert_eq!((summary.queued, summary.rejected.len(), summary.metrics_queued), (0, 0, 0));
    assert_eq!(summary.dropped, 2);
}
