//! Turns for a place that the environment of one run names: they wait for that place.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::backend::{Backend, Does};
use crate::delivery::Scene;
use crate::home::until;

const ENDPOINT: &str = "CODEX_OTLP_ENDPOINT";

/// A run of the hook for the recorded turn, in this environment.
fn run(scene: &Scene, environment: &[(&str, &str)]) -> Command {
    let mut command = scene.home.command();
    command.arg(scene.payload()).envs(environment.iter().copied());
    command
}

/// The names of the queues of the target.
fn queues(scene: &Scene) -> Vec<String> {
    let entries = fs::read_dir(scene.home.harness("state/codex/outbox")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("otlp@")).collect()
}

fn only_queue(scene: &Scene) -> String {
    let mut queues = queues(scene);
    assert_eq!(queues.len(), 1, "{queues:?}\n{}", scene.home.log());
    queues.remove(0)
}

#[test]
fn a_turn_waits_for_the_place_of_its_run_and_not_for_the_configured_one() {
    let (configured, there) = (Backend::that(Does::Take), Backend::that(Does::Answer(503, "")));
    let scene = Scene::to(&configured.url(), "");
    run(&scene, &[(ENDPOINT, &there.url())]).output().unwrap();
    let queue = only_queue(&scene);
    assert_eq!(scene.outbox(&queue).queued, 1, "{}", scene.home.log());
    // Another turn goes where it belongs, and takes the first one with it to its own place.
    scene.notify_of(2);
    assert_eq!(configured.turns().len(), 1);
    there.now(Does::Take);
    scene.flush(&queue);
    assert_eq!((configured.turns().len(), there.turns().len()), (1, 1));
    assert_eq!(there.spans().1, 0);
}

#[test]
fn a_run_with_another_place_sends_what_waits_for_the_configured_one_there() {
    let (configured, there) = (Backend::that(Does::Answer(503, "")), Backend::that(Does::Take));
    let scene = Scene::to(&configured.url(), "");
    scene.notify_of(2);
    assert_eq!(scene.outbox("otlp").queued, 1);
    configured.now(Does::Take);
    let elsewhere = || {
        let mut command = scene.home.command();
        command.arg("--flush").env(ENDPOINT, there.url()).output().unwrap();
        (scene.outbox("otlp").queued == 0).then_some(())
    };
    until(elsewhere).unwrap_or_else(|| panic!("{}", scene.home.log()));
    assert_eq!((configured.turns().len(), there.turns().len()), (1, 0));
}

#[test]
fn another_project_at_the_same_address_is_a_place_of_its_own() {
    let backend = Backend::that(Does::Answer(503, ""));
    let scene = Scene::to(&backend.url(), "");
    run(&scene, &[("ARIZE_PROJECT_NAME", "other")]).output().unwrap();
    let queue = only_queue(&scene);
    let note = fs::read_to_string(
        scene.home.harness("state/codex/outbox").join(&queue).join("target.json"),
    );
    assert!(note.as_ref().is_ok_and(|note| note.contains("project `other`")), "{note:?}");
    backend.now(Does::Take);
    scene.flush(&queue);
    assert_eq!(backend.turns().len(), 1);
}

#[test]
fn no_credential_is_stored_and_the_turn_waits_for_a_run_that_has_it() {
    let (configured, there) = (Backend::that(Does::Take), Backend::that(Does::Answer(503, "")));
    let scene = Scene::to(&configured.url(), "");
    let url = there.url();
    let environment = [(ENDPOINT, &*url), ("CODEX_OTLP_HEADERS", "authorization=hunter2")];
    run(&scene, &environment).output().unwrap();
    let queue = only_queue(&scene);
    there.now(Does::Take);
    scene.home.flush(&[]);
    let queued = scene.outbox(&queue);
    assert_eq!(queued.queued, 1);
    assert!(queued.last_error.unwrap().contains("CODEX_OTLP_HEADERS, which is not stored"));
    assert_eq!((configured.turns().len(), there.turns().len()), (0, 0));
    assert_eq!(files_with(scene.home.path(), b"hunter2"), Vec::<String>::new());
    let with_it = || {
        let mut command = scene.home.command();
        command.arg("--flush").envs(environment).output().unwrap();
        (scene.outbox(&queue).queued == 0).then_some(())
    };
    until(with_it).unwrap_or_else(|| panic!("{}", scene.home.log()));
    assert_eq!((configured.turns().len(), there.turns().len()), (0, 1));
    assert_eq!(there.authorization().as_deref(), Some("hunter2"));
}

#[test]
fn a_turn_whose_run_was_killed_still_waits_for_the_place_of_that_run() {
    let (configured, there) = (Backend::that(Does::Take), Backend::that(Does::Hang));
    let scene = Scene::to(&configured.url(), "");
    let mut killed = run(&scene, &[(ENDPOINT, &there.url())]).spawn().unwrap();
    until(|| (there.requests() > 0).then_some(())).unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    there.now(Does::Take);
    scene.notify();
    scene.flush(&only_queue(&scene));
    assert_eq!((configured.turns().len(), there.turns().len()), (0, 1));
}

#[test]
fn a_place_that_the_files_name_by_now_is_the_configured_one() {
    let (before, there) = (Backend::that(Does::Take), Backend::that(Does::Answer(503, "")));
    let scene = Scene::to(&before.url(), "");
    let url = there.url();
    let headers = ("CODEX_OTLP_HEADERS", "authorization=hunter2");
    run(&scene, &[(ENDPOINT, &*url), headers]).output().unwrap();
    let queue = only_queue(&scene);
    there.now(Does::Take);
    scene.configure_one(&url, "");
    scene.flush("otlp");
    scene.flush(&queue);
    assert_eq!((before.turns().len(), there.turns().len()), (0, 1));
}

/// The files below a folder that hold these bytes.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if fs::read(&path).unwrap().windows(bytes.len()).any(|part| part == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}
