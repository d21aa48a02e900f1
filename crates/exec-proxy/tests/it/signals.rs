//! Every signal and way of dying: as with Codex alone.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use crate::codex::{Home, says, state, until, wait_until_stopped};

/// Says when it is ready, and then which signals come.
const LISTEN: &str = r#"for name in HUP INT QUIT USR1 USR2 WINCH; do
    trap "echo $name >> heard" $name
done
trap 'exit 9' TERM
echo $$ > ready
while :; do sleep 0.02; done"#;

/// What is done to a process or to its group, and what the process heard until it ended.
#[derive(Debug, PartialEq)]
struct Seen {
    heard: String,
    ended: ExitStatus,
    /// Whether the process that was started is the one that is Codex.
    is_codex: bool,
}

/// Runs Codex alone or through the proxy, and does something to it.
fn see(through_proxy: bool, script: &str, act: impl Fn(&mut Child, &Home)) -> Seen {
    let home = Home::with_codex(script);
    let mut command = match through_proxy {
        true => home.proxy(),
        false => {
            let mut codex = home.command(Path::new("/usr/bin/env"));
            codex.arg("--default-signal").arg(home.path("bin/codex"));
            codex
        }
    };
    // A group of its own, as a shell gives to each job.
    let mut child = command.arg("exec").process_group(0).spawn().unwrap();
    let codex = says(&home.path("ready"));
    act(&mut child, &home);
    let ended = child.wait().unwrap();
    let is_codex = codex.trim() == child.id().to_string();
    assert_eq!(state(codex.trim()), "", "a Codex is left behind");
    Seen { heard: fs::read_to_string(home.path("heard")).unwrap_or_default(), ended, is_codex }
}

fn compare(what: &str, script: &str, act: impl Fn(&mut Child, &Home)) -> Seen {
    let [alone, through] = [false, true].map(|through| see(through, script, &act));
    assert_eq!(alone, through, "{what}");
    through
}

fn kill(signal: &str, pid: &str) {
    let status = Command::new("kill").args(["-s", signal, "--", pid]).status();
    assert!(status.unwrap().success(), "kill -s {signal} {pid}");
}

#[test]
fn each_signal_arrives_once_whether_for_the_process_or_its_group() {
    for to_group in [false, true] {
        let seen = compare("signals", LISTEN, |child, home| {
            let pid = if to_group { format!("-{}", child.id()) } else { child.id().to_string() };
            let mut expected = String::new();
            for signal in ["HUP", "INT", "QUIT", "USR1", "USR2", "WINCH"] {
                kill(signal, &pid);
                expected.push_str(&format!("{signal}\n"));
                let heard = home.path("heard");
                let all = || fs::read_to_string(&heard).ok().filter(|text| *text == expected);
                until(|| format!("SIG{signal}"), all);
            }
            kill("TERM", &child.id().to_string());
        });
        assert_eq!((seen.ended.code(), seen.is_codex), (Some(9), true), "{seen:?}");
    }
}

#[test]
fn what_ends_the_process_ends_codex() {
    // It handles none, and a signal without a name is among them.
    for signal in ["HUP", "INT", "QUIT", "TERM", "KILL", "SEGV", "ABRT", "PIPE", "USR1", "40"] {
        let script = "ulimit -c 0; echo $$ > ready; exec sleep 60";
        let seen = compare(signal, script, |child, _| kill(signal, &child.id().to_string()));
        assert!(seen.is_codex && seen.ended.code().is_none(), "{signal}: {seen:?}");
    }
}

#[test]
fn what_stops_the_process_stops_codex_until_it_goes_on() {
    for signal in ["STOP", "TSTP", "TTIN", "TTOU"] {
        let seen = compare(signal, LISTEN, |child, _| {
            let pid = child.id().to_string();
            kill(signal, &pid);
            wait_until_stopped(&pid, true);
            kill("CONT", &pid);
            wait_until_stopped(&pid, false);
            kill("TERM", &pid);
        });
        assert_eq!(seen.ended.code(), Some(9), "{signal}");
    }
}

#[test]
fn a_caller_that_runs_out_of_patience_ends_codex() {
    // As `subprocess.run(timeout=…)` does.
    let seen = compare("kill -9", "echo $$ > ready; while :; do sleep 0.02; done", |child, _| {
        child.kill().unwrap();
    });
    assert!(seen.is_codex && seen.ended.code().is_none());
}

#[test]
fn what_the_caller_ignores_codex_ignores() {
    let home = Home::with_codex("kill -s HUP $$; exit 5");
    let mut shell = home.command(Path::new("/bin/sh"));
    let status =
        shell.args(["-c", "trap '' HUP; exec ours/arize-codex-proxy exec"]).status().unwrap();
    assert_eq!(status.code(), Some(5));
}
