//! What is left behind at the end of a run.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::codex::{Home, says};

const THREAD: &str = "01ffffff-ffff-76d3-8970-09f42d282b2f";

/// Leaves a transcript of a thread that began in the future, as `codex exec` would.
const CODEX: &str = r#"day="$HOME/.codex/sessions/2026/11/20"; mkdir -p "$day"
cwd="$(pwd -P)"; [ "$1" = -C ] && cwd="$2"
printf '{"type":"session_meta","payload":{"source":"exec","cwd":"%s"}}\n' "$cwd" \
    > "$day/rollout-2026-11-20T22-34-31-01ffffff-ffff-76d3-8970-09f42d282b2f.jsonl"
echo "$OTEL_RESOURCE_ATTRIBUTES" > attributes; exit 5"#;

/// Says how it was started.
const HOOK: &str = r#"{ echo "$@"; echo "$OTEL_RESOURCE_ATTRIBUTES"; ps -o sid= -p $$; } > "$HOME/new"
mv "$HOME/new" "$HOME/looked""#;

fn home() -> Home {
    let home = Home::with_codex(CODEX);
    home.script("ours/arize-hook-codex-notify", HOOK);
    home
}

#[test]
fn the_hook_looks_at_the_threads_that_began_in_a_run() {
    let home = home();
    let mut proxy = home.proxy();
    proxy.arg("exec").env("OTEL_RESOURCE_ATTRIBUTES", "team=tracing");
    assert_eq!(proxy.status().unwrap().code(), Some(5));
    let attributes = says(&home.path("attributes"));
    let (users, run) = attributes.trim().split_once(',').unwrap();
    assert_eq!(users, "team=tracing");
    assert_eq!(run.strip_prefix("arize.codex.run_id=").map(str::len), Some(32), "{run}");

    let looked = says(&home.path("looked"));
    let [arguments, environment, session] = looked.lines().collect::<Vec<_>>()[..] else {
        panic!("{looked}")
    };
    let [order, began, thread] = arguments.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{arguments}")
    };
    assert_eq!((order, thread), ("--ended", THREAD));
    let began = Duration::from_nanos(began.parse().unwrap());
    let ago = std::time::UNIX_EPOCH.elapsed().unwrap() - began;
    assert!(ago < Duration::from_secs(60), "{ago:?}");
    assert_eq!(environment, "team=tracing", "the hook gets the user's own environment");
    let mut ps = Command::new("ps");
    let ours = ps.args(["-o", "sid=", "-p", &std::process::id().to_string()]).output().unwrap();
    assert_ne!(session.trim(), String::from_utf8_lossy(&ours.stdout).trim());
}

#[test]
fn codex_may_work_in_another_folder() {
    let home = home();
    let other = home.path("other");
    std::fs::create_dir(&other).unwrap();
    let mut proxy = home.proxy();
    proxy.arg("-C").arg(other.canonicalize().unwrap()).arg("exec");
    assert_eq!(proxy.status().unwrap().code(), Some(5));
    assert!(says(&home.path("looked")).contains(THREAD));
}

#[test]
fn nobody_waits_for_what_is_left_behind() {
    let home = home();
    home.script("ours/arize-hook-codex-notify", "echo $$ > \"$HOME/looked\"; exec sleep 20");
    let begun = Instant::now();
    // Not even somebody who waits for the end of the output.
    let output = home.proxy().arg("exec").output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let hook = says(&home.path("looked"));
    assert!(Command::new("kill").arg(hook.trim()).status().unwrap().success());
}

#[test]
fn a_hook_that_is_not_installed_is_a_line_in_the_log() {
    let home = Home::with_codex(CODEX);
    assert_eq!(home.proxy().arg("exec").status().unwrap().code(), Some(5));
    crate::codex::until(
        || home.log(),
        || home.log().contains("arize-hook-codex-notify` cannot be started").then_some(()),
    );
}
