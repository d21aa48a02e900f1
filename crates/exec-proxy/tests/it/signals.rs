//! Signals from other processes, and deaths by signals.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command};

use crate::codex::{Home, says, until, wait_until_stopped};

/// Says when it is ready, and then which signals come.
const LISTEN: &str = r#"for name in HUP INT QUIT TERM USR1 USR2; do
    trap "echo $name >> heard" $name
done
trap 'exit 9' TERM
echo $$ > ready
while :; do sleep 0.02; done"#;

fn started(home: &Home, proxy: &mut Command) -> (Child, String) {
    let proxy = proxy.arg("exec").spawn().unwrap();
    let codex = says(&home.path("ready"));
    (proxy, codex.trim().to_owned())
}

fn kill(signal: &str, pid: &str) {
    let status = Command::new("kill").args(["-s", signal, "--", pid]).status();
    assert!(status.unwrap().success(), "kill -s {signal} {pid}");
}

#[test]
fn a_signal_for_the_proxy_is_for_codex() {
    let home = Home::with_codex(LISTEN);
    let (mut proxy, _) = started(&home, &mut home.proxy());
    let mut expected = String::new();
    for signal in ["HUP", "INT", "QUIT", "USR1", "USR2"] {
        kill(signal, &proxy.id().to_string());
        expected.push_str(signal);
        expected.push('\n');
        let heard = home.path("heard");
        until(
            || format!("SIG{signal}"),
            || std::fs::read_to_string(&heard).ok().filter(|text| *text == expected),
        );
    }
    kill("TERM", &proxy.id().to_string());
    assert_eq!(proxy.wait().unwrap().code(), Some(9));
}

#[test]
fn the_proxy_dies_of_what_codex_died_of() {
    for (signal, number) in [
        ("TERM", 15),
        ("KILL", 9),
        ("INT", 2),
        ("HUP", 1),
        ("QUIT", 3),
        ("SEGV", 11),
        ("ABRT", 6),
        ("PIPE", 13),
    ] {
        let home = Home::with_codex(&format!("ulimit -c unlimited; kill -s {signal} $$"));
        let status = home.proxy().arg("exec").status().unwrap();
        assert_eq!(status.signal(), Some(number), "{signal}");
        assert!(!status.core_dumped(), "the proxy has dumped core");
    }
}

#[test]
fn a_signal_without_a_name_becomes_an_exit_code() {
    let home = Home::with_codex("kill -s 40 $$");
    let status = home.proxy().arg("exec").status().unwrap();
    assert_eq!(status.code(), Some(168));
}

#[test]
fn what_the_caller_ignores_codex_ignores() {
    let home = Home::with_codex("kill -s HUP $$; exit 5");
    let mut shell = home.command(Path::new("/bin/sh"));
    let status =
        shell.args(["-c", "trap '' HUP; exec ours/arize-codex-proxy exec"]).status().unwrap();
    assert_eq!(status.code(), Some(5));
}

#[test]
fn a_codex_that_is_stopped_by_name_goes_on_by_name() {
    let home = Home::with_codex(LISTEN);
    let (mut proxy, codex) = started(&home, &mut home.proxy());
    kill("STOP", &codex);
    kill("CONT", &codex);
    kill("TERM", &codex);
    assert_eq!(proxy.wait().unwrap().code(), Some(9));
}

#[test]
fn a_stop_for_the_proxy_stops_codex_and_both_go_on() {
    let home = Home::with_codex(LISTEN);
    // A group of its own, as a shell gives to each job: where nobody outside a group could let it go
    // on, as with tests that run in the background, the system does not stop it.
    let (mut proxy, codex) = started(&home, home.proxy().process_group(0));
    let pid = proxy.id().to_string();
    kill("TSTP", &pid);
    for pid in [&codex, &pid] {
        wait_until_stopped(pid, true);
    }
    kill("CONT", &pid);
    for pid in [&codex, &pid] {
        wait_until_stopped(pid, false);
    }
    kill("TERM", &pid);
    assert_eq!(proxy.wait().unwrap().code(), Some(9));
}
