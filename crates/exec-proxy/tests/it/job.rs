//! Jobs whose processes end with Codex.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command};

use crate::codex::{Home, says, until};

/// Says when it is ready, and then which signals come.
const LISTEN: &str = r#"for name in HUP INT QUIT USR1 USR2; do
    trap "echo $name >> heard" $name
done
trap 'exit 9' TERM
echo $$ > ready
while :; do sleep 0.02; done"#;

/// A home with an `arize-codex` that says how it was called, on both of its streams.
fn home(codex: &str) -> Home {
    let home = Home::with_codex(codex);
    home.script("ours/arize-codex", "echo \"$@\" > \"$HOME/called\"; echo sent");
    home
}

fn in_ci(home: &Home) -> Command {
    let mut proxy = home.proxy();
    proxy.env("CI", "true").arg("exec");
    proxy
}

fn kill(signal: &str, pid: &str) {
    let status = Command::new("kill").args(["-s", signal, "--", pid]).status();
    assert!(status.unwrap().success(), "kill -s {signal} {pid}");
}

#[test]
fn turns_are_sent_before_the_job_ends_and_codex_has_the_last_word() {
    let home = home("echo answer; exit 3");
    let output = in_ci(&home).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "answer\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "sent\n");
    let called = says(&home.path("called"));
    assert!(called.starts_with("flush --run --wait 30 --since-ms "), "{called}");
}

#[test]
fn the_wait_is_a_setting() {
    for (variables, wait) in [
        (vec![("ARIZE_CODEX_WAIT", "7")], Some("--wait 7 ")),
        (vec![("CI", "true"), ("ARIZE_CODEX_WAIT", "0")], None),
        (vec![("CI", "true"), ("ARIZE_TRACE_ENABLED", "false")], None),
        // The Codex of a Codex.
        (vec![("CI", "true"), ("ARIZE_CODEX_PROXY_DEPTH", "1")], None),
        (vec![], None),
    ] {
        let home = home("exit 0");
        assert!(home.proxy().envs(variables.clone()).status().unwrap().success());
        let called = fs::read_to_string(home.path("called")).ok();
        assert_eq!(called.is_some(), wait.is_some(), "{variables:?}");
        assert!(called.is_none_or(|called| called.contains(wait.unwrap())), "{variables:?}");
    }
}

#[test]
fn what_fails_after_codex_does_not_change_its_result() {
    let home = Home::with_codex("exit 0");
    assert!(in_ci(&home).status().unwrap().success());
    assert!(home.log().contains("arize-codex` cannot be started"), "{}", home.log());
    home.script("ours/arize-codex", "exit 1");
    assert!(in_ci(&home).status().unwrap().success());
}

fn started(home: &Home) -> (Child, String) {
    let proxy = in_ci(home).spawn().unwrap();
    let codex = says(&home.path("ready"));
    (proxy, codex.trim().to_owned())
}

#[test]
fn a_signal_for_the_proxy_is_for_codex() {
    let home = home(LISTEN);
    let (mut proxy, _) = started(&home);
    let mut expected = String::new();
    for signal in ["HUP", "INT", "QUIT", "USR1", "USR2"] {
        kill(signal, &proxy.id().to_string());
        expected.push_str(signal);
        expected.push('\n');
        let heard = home.path("heard");
        until(
            || format!("SIG{signal}"),
            || fs::read_to_string(&heard).ok().filter(|text| *text == expected),
        );
    }
    kill("TERM", &proxy.id().to_string());
    assert_eq!(proxy.wait().unwrap().code(), Some(9));
    assert!(home.path("called").exists());
}

#[test]
fn the_proxy_dies_of_what_codex_died_of() {
    for (signal, number) in [("TERM", 15), ("KILL", 9), ("INT", 2), ("HUP", 1)] {
        let home = home(&format!("kill -s {signal} $$"));
        let status = in_ci(&home).status().unwrap();
        assert_eq!(status.signal(), Some(number), "{signal}");
        assert!(home.path("called").exists());
    }
}

#[test]
fn what_the_caller_ignores_codex_ignores() {
    let home = home("kill -s HUP $$; exit 5");
    let mut shell = home.command(Path::new("/bin/sh"));
    shell.env("CI", "true");
    let status =
        shell.args(["-c", "trap '' HUP; exec ours/arize-codex-proxy exec"]).status().unwrap();
    assert_eq!(status.code(), Some(5));
}
