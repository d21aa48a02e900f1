//! Over TLS the hook passes bodies on, for which a script stands.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use buffer_server::config::Forwarding;

use crate::harness::{JSON, Server, export, wait_for};

/// A program that stands for the hook: it notes each run and each body, and answers with this line.
fn hook_that(folder: &Path, does: &str) -> PathBuf {
    let (text, path) = (folder.join("hook.text"), folder.join("hook"));
    let script = format!(
        r#"#!/bin/sh
cd {}
echo "$$ $*" >> runs
while read -r line; do
    printf '%s' "$line" >> lines
    bytes=${{line##*\"bytes\":}}
    dd bs=1 count="${{bytes%\}}}}" >> bodies 2> /dev/null
    {does}
done
"#,
        folder.display()
    );
    fs::write(&text, script).unwrap();
    // Not in this process: what another test starts meanwhile would have it open for writing, too.
    assert!(Command::new("cp").args([&text, &path]).status().unwrap().success());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

fn forwarding_by(hook: PathBuf) -> Server {
    Server::with(|config| config.forward = Some(Forwarding::Hook(hook)))
}

fn file(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_default()
}

#[test]
fn one_run_of_the_hook_gets_all_bodies_and_ends_with_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = forwarding_by(hook_that(folder.path(), "echo '{}'"));
    assert_eq!(file(folder.path(), "runs"), "", "nothing runs before there is something to do");
    let bodies = [export("a", [1]).to_string(), export("a", [2]).to_string()];
    for body in &bodies {
        server.send("POST /v1/logs", JSON, body.as_bytes());
    }
    wait_for(|| (server.health().forwarded == 2).then_some(()));
    assert_eq!(file(folder.path(), "bodies"), bodies.concat());
    assert!(file(folder.path(), "lines").starts_with(r#"{"content_type":"application/json","#));
    let runs = file(folder.path(), "runs");
    let (pid, arguments) = runs.trim_end().split_once(' ').unwrap();
    assert_eq!(arguments, "--pass-on");
    server.stop();
    let is_there = || {
        let kill = Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status();
        kill.unwrap().success()
    };
    wait_for(|| (!is_there()).then_some(()));
}

#[test]
fn what_the_hook_gives_up_is_counted_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = forwarding_by(hook_that(folder.path(), r#"echo '{"given_up":"not today"}'"#));
    server.post(&export("a", [1]));
    let health = wait_for(|| Some(server.health()).filter(|health| health.forward_given_up == 1));
    assert_eq!((health.forwarded, health.events), (0, 1));
    let log = fs::read_to_string(&server.paths.log).unwrap();
    assert!(log.contains("events are not passed on: not today\n"), "{log}");
}

#[test]
fn a_hook_that_was_killed_is_started_again_and_one_that_cannot_work_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    // Each run takes one body.
    let server = forwarding_by(hook_that(folder.path(), "echo '{}'; exit 0"));
    for number in 1..=3 {
        server.post(&export("a", [number]));
        wait_for(|| (server.health().forwarded == number).then_some(()));
    }
    assert_eq!(file(folder.path(), "runs").lines().count(), 3);

    let folder = tempfile::tempdir().unwrap();
    let broken = forwarding_by(hook_that(folder.path(), "exit 1"));
    let missing = forwarding_by(folder.path().join("missing"));
    for server in [&broken, &missing] {
        for number in 0..20 {
            server.post(&export("a", [number]));
        }
        wait_for(|| (server.health().forward_given_up == 20).then_some(()));
    }
    // One, and another one a second later where the machine is busy.
    let runs = file(folder.path(), "runs").lines().count();
    assert!((1..=5).contains(&runs), "{runs}");
}
