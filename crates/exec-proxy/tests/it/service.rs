//! The buffer service before Codex.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::codex::{Home, says};

/// A home in which the service is looked for at this port.
fn home(port: u16) -> Home {
    let home = Home::with_codex("exit 3");
    home.file(
        ".arize/harness/config.yaml",
        &format!("harnesses: {{codex: {{collector: {{port: {port}}}}}}}\n"),
    );
    home
}

#[test]
fn it_is_started_where_no_program_listens() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for command in ["exec", "resume"] {
        let home = home(free);
        home.script("ours/arize-codex-buffer", "echo \"$@\" > \"$HOME/started\"");
        let status = home.proxy().arg(command).status().unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(says(&home.path("started")), "ensure --no-wait\n");
    }
}

#[test]
fn it_is_not_started_where_a_program_listens_or_nothing_is_traced() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().port();
    for (port, enabled) in [(taken, "true"), (1, "false")] {
        let home = home(port);
        home.script("ours/arize-codex-buffer", "echo > \"$HOME/started\"");
        let mut proxy = home.proxy();
        proxy.arg("resume").env("ARIZE_TRACE_ENABLED", enabled);
        assert_eq!(proxy.status().unwrap().code(), Some(3));
        // The proxy waits for the program that starts the service: it would be there by now.
        assert!(!home.path("started").exists());
    }
}

#[test]
fn a_start_that_hangs_does_not_hold_codex_up() {
    let home = home(1);
    home.script("ours/arize-codex-buffer", "echo $$ > \"$HOME/started\"; exec sleep 20");
    let begun = Instant::now();
    assert_eq!(home.proxy().arg("exec").status().unwrap().code(), Some(3));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let starter = says(&home.path("started"));
    assert!(Command::new("kill").arg(starter.trim()).status().unwrap().success());
}

#[test]
fn a_service_that_is_not_installed_is_a_line_in_the_log() {
    let home = home(1);
    assert_eq!(home.proxy().arg("exec").status().unwrap().code(), Some(3));
    assert!(home.log().contains("arize-codex-buffer` cannot be started"), "{}", home.log());
}
