//! A disk without room: a small file system in a namespace of its own.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::TcpListener,
    process::{ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use buffer_api::{Client, Endpoint};

use crate::harness::{export, numbers};

/// Starts the service, fills the disk, starts it again and makes room; waits for a line before each
/// step and prints one after it.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=2m none "$HOME" || exit 9
"$BUFFER" start >&2; echo "started $?"
cat "$HOME/.arize/harness/run/codex-buffer.token"
read step
"$BUFFER" stop >&2
dd if=/dev/zero of="$HOME/fill" bs=4k 2>/dev/null; dd if=/dev/zero of="$HOME/rest" bs=1 2>/dev/null
"$BUFFER" start >&2; echo "started $?"
"$BUFFER" status >&2; echo "status $?"
read step
rm "$HOME/fill"; echo removed
read step
"$BUFFER" stop >&2; echo "stopped $?"
"#;

struct Steps {
    orders: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Steps {
    fn go_on(&mut self) {
        self.orders.write_all(b"\n").unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

fn post(endpoint: &Endpoint, number: u64) -> u16 {
    let request = ureq::post(endpoint.url("/v1/logs")).content_type("application/json");
    let request = request.config().http_status_as_error(false).build();
    request.send(export("t", [number]).to_string()).unwrap().status().as_u16()
}

/// What gives a user file systems of their own, with `unshare`.
const NEW_SPACE: [&str; 3] = ["--user", "--map-root-user", "--mount"];

/// Whether this system lets its users make file systems of their own. Where it does not, the test is
/// left out and says so, but fails where `CI` is set: what is not tested there is not tested.
fn can_mount() -> bool {
    let why = match Command::new("unshare").args(NEW_SPACE).arg("true").output() {
        Ok(done) if done.status.success() => return true,
        Ok(done) => String::from_utf8_lossy(&done.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var_os("CI").is_none(), "`CI` is set, and `unshare` is refused: {why}");
    // No macro: the test harness would keep what it prints.
    let note = format!("left out: the test of a full disk: `unshare` is refused: {why}\n");
    io::stderr().write_all(note.as_bytes()).unwrap();
    false
}

#[test]
fn the_service_starts_on_a_full_disk_and_hands_out_what_it_has() {
    if !can_mount() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = Endpoint { port, ..Endpoint::default() };
    let mut child = Command::new("unshare")
        .args(NEW_SPACE)
        .args(["/bin/sh", "-c", SCRIPT])
        .env("HOME", home.path())
        .env("BUFFER", env!("CARGO_BIN_EXE_arize-codex-buffer"))
        .env("ARIZE_CODEX_BUFFER_PORT", port.to_string())
        .env("ARIZE_CODEX_SWEEP", "false")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let mut steps = Steps { orders: child.stdin.take().unwrap(), lines };
    assert_eq!(steps.line(), "started 0");
    let client = Client::new(&endpoint, Some(steps.line()));
    let events = || numbers(&client.drain("t", 0, Duration::ZERO).unwrap().events);
    assert_eq!(post(&endpoint, 1), 200);
    steps.go_on();
    assert_eq!(steps.line(), "started 0");
    assert_eq!(steps.line(), "status 0");
    assert_eq!(events(), [1], "what is there can be read");
    // Small ones may fit into what is there.
    let large = |number| {
        let request = ureq::post(endpoint.url("/v1/logs")).content_type("application/json");
        let request = request.config().http_status_as_error(false).build();
        let mut body = export("u", [number]);
        let record = &mut body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        record["attributes"][0]["value"]["stringValue"] = "x".repeat(200_000).into();
        let mut answer = request.send(body.to_string()).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    };
    let (status, said) = large(2);
    assert_eq!(status, 503, "{said}");
    assert!(said.contains("the disk is full"), "{said}");
    steps.go_on();
    assert_eq!(steps.line(), "removed");
    assert_eq!(large(3).0, 200, "it goes on as soon as there is room");
    assert_eq!(events(), [1]);
    assert!(!client.health().unwrap().in_memory);
    steps.go_on();
    assert_eq!(steps.line(), "stopped 0");
    child.wait().unwrap();
}
