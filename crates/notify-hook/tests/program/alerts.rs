//! Alerts about turns, and the channels by which they reach a person.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::home::{Home, until};
use crate::pass_on::server_side;

const THREAD: &str = "01a22d30-0b19-77d2-93c4-4ab09316ea17";
const SECRET: &str = "a word of the session";

/// A turn of now with the same call so many times, as Codex 0.171 writes it.
fn looping(turn: &str, calls: usize) -> String {
    looping_in(THREAD, turn, calls)
}

fn looping_in(thread: &str, turn: &str, calls: usize) -> String {
    let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let usage = |calls: usize| {
        json!({ "input_tokens": 1000 * calls, "output_tokens": 20 * calls,
            "cached_input_tokens": 0, "reasoning_output_tokens": 0, "total_tokens": 1020 * calls })
    };
    let mut payloads = vec![
        (
            "session_meta",
            json!({ "id": thread, "session_id": thread, "cwd": "/home/dev/project",
            "originator": "codex_exec", "cli_version": "0.171.0", "timestamp": now }),
        ),
        ("event_msg", json!({ "type": "task_started", "turn_id": turn })),
        (
            "turn_context",
            json!({ "turn_id": turn, "model": "gpt-5.5", "cwd": "/home/dev/project" }),
        ),
    ];
    for nth in 0..calls {
        let id = format!("{turn}-{nth}");
        let arguments = json!({ "cmd": format!("make '{SECRET}'") }).to_string();
        payloads.push((
            "response_item",
            json!({ "type": "function_call", "name": "exec_command",
            "arguments": arguments, "call_id": id }),
        ));
        payloads.push((
            "response_item",
            json!({ "type": "function_call_output", "call_id": id,
            "output": "make: *** No rule" }),
        ));
        payloads.push((
            "event_msg",
            json!({ "type": "token_count",
            "info": { "last_token_usage": usage(1), "total_token_usage": usage(nth + 1) },
            "rate_limits": { "limit_id": "codex", "primary": { "used_percent": 95.0,
                "window_minutes": 10080, "resets_at": 1_900_000_000 } } }),
        ));
    }
    payloads.push(("event_msg", json!({ "type": "task_complete", "turn_id": turn })));
    let line = |(kind, payload): (&str, Value)| {
        json!({ "timestamp": now, "type": kind, "payload": payload }).to_string() + "\n"
    };
    payloads.into_iter().map(line).collect()
}

fn notify(home: &Home, turn: &str) {
    notify_with(&mut home.command(), turn);
}

fn notify_with(command: &mut std::process::Command, turn: &str) {
    let payload = json!({ "type": "agent-turn-complete", "thread-id": THREAD, "turn-id": turn,
        "cwd": "/home/dev/project", "input-messages": ["Go on"], "last-assistant-message": null });
    let output = command.arg(payload.to_string()).output().unwrap();
    let printed = [&output.stdout[..], &output.stderr[..]].concat();
    assert_eq!((output.status.code(), printed.len()), (Some(0), 0));
}

fn alerts(home: &Home) -> usize {
    home.log().matches(": alert: ").count()
}

/// Answers each request with this status, and hands out its head and body.
fn inbox<S: Read + Write>(
    status: u16,
    open: impl Fn(TcpStream) -> S + Send + 'static,
) -> (u16, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = open(stream.unwrap());
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                head.extend(byte);
            }
            let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let Some(length) = length else { continue };
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let _ = sender.send((head, String::from_utf8(body).unwrap()));
            let answer =
                format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, requests)
}

fn plain(status: u16) -> (u16, Receiver<(String, String)>) {
    inbox(status, |stream| stream)
}

fn next(requests: &Receiver<(String, String)>) -> (String, String) {
    requests.recv_timeout(Duration::from_secs(20)).expect("a request")
}

fn settings(lines: &str) -> String {
    format!("harnesses:\n  codex:\n{lines}")
}

#[test]
fn a_loop_and_a_low_quota_are_in_the_log_once_without_content() {
    let home = Home::new();
    home.append(THREAD, &looping("turn-1", 5));
    notify(&home, "turn-1");
    notify(&home, "turn-1");
    home.logs("alert: loop: `exec_command` was called 5 times with the same arguments");
    home.logs("alert: quota: 5 % of codex (weekly) are left");
    assert_eq!(alerts(&home), 2, "{}", home.log());
    assert!(!home.log().contains(SECRET));
    let shown = fs::read_to_string(home.harness("state/codex/alerts/shown.json")).unwrap();
    assert!(shown.contains("\"kind\":\"loop\"") && !shown.contains(SECRET), "{shown}");
    // Another turn of the session within the pause says nothing new.
    home.append(THREAD, &looping("turn-2", 5));
    notify(&home, "turn-2");
    home.traced(2);
    assert_eq!(alerts(&home), 2, "{}", home.log());
}

#[test]
fn thresholds_and_the_switch_are_settings() {
    for (lines, count) in [
        ("    alerts: {enabled: false}\n", 0),
        ("    alerts: {loop: {same: 6}, quota_percent: 4}\n", 0),
        ("    alerts: {loop: {same: 0, alike: 0, rounds: 0}}\n", 1),
        ("    alerts: {turn: {calls: 5}, quota_percent: 0}\n", 2),
    ] {
        let home = Home::new();
        home.configure(&settings(lines));
        home.append(THREAD, &looping("turn-1", 5));
        notify(&home, "turn-1");
        home.traced(1);
        assert_eq!(alerts(&home), count, "{lines}: {}", home.log());
    }
}

#[test]
fn a_turn_that_ended_long_ago_is_no_news() {
    let home = Home::new();
    let text = looping("turn-1", 5);
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let now = first["timestamp"].as_str().unwrap();
    home.append(THREAD, &text.replace(now, "2026-11-20T10:00:00.000Z"));
    notify(&home, "turn-1");
    home.traced(1);
    assert_eq!(alerts(&home), 0, "{}", home.log());
}

#[test]
fn every_channel_gets_an_alert_and_a_webhook_content_only_when_asked() {
    let (webhook, posts) = plain(200);
    let (ntfy, texts) = plain(200);
    let home = Home::new();
    let said = home.path().join("said");
    let command = home.script("say", &format!("echo \"$1\" >> {}", said.display()));
    let desktop = home.path().join("desktop");
    fs::create_dir(home.path().join("fake")).unwrap();
    home.script("fake/notify-send", &format!("echo \"$@\" >> {}", desktop.display()));
    let channels = format!(
        "    notices:\n      desktop: true\n      command: {command}\n      \
         webhook: http://127.0.0.1:{webhook}/hook?token=hunter2\n      \
         ntfy: http://127.0.0.1:{ntfy}/topic\n"
    );
    for (content, turn) in [("false", "turn-1"), ("true", "turn-2")] {
        let alerts =
            format!("    alerts: {{quota_percent: 0, content: {content}, cool_down_minutes: 0}}\n");
        home.configure(&settings(&(channels.clone() + &alerts)));
        home.append(THREAD, &looping(turn, 5));
        let mut command = home.command();
        let path = format!("{}:/usr/bin:/bin", home.path().join("fake").display());
        notify_with(command.env("PATH", path), turn);
        let (head, body) = next(&posts);
        assert!(head.starts_with("post /hook?token=hunter2 http/1.1"), "{head}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["kind"], "loop");
        assert_eq!((&body["session"], &body["turn"]), (&THREAD.into(), &turn.into()));
        assert_eq!(body["calls"][4], json!({ "id": format!("{turn}-4"), "tool": "exec_command" }));
        assert_eq!(body["trace_id"].as_str().unwrap().len(), 32);
        assert_eq!(body.to_string().contains(SECRET), content == "true", "{body}");
        let (_, text) = next(&texts);
        assert!(text.starts_with("loop: `exec_command`") && !text.contains(SECRET), "{text}");
    }
    let lines = |file| {
        let text = fs::read_to_string(file).unwrap_or_default();
        (text.lines().count() == 2).then_some(text)
    };
    let text = until(|| lines(&said)).expect("two lines");
    assert!(text.starts_with("loop: ") && !text.contains(SECRET), "{text}");
    let text = until(|| lines(&desktop)).expect("two lines");
    assert!(text.starts_with("--app-name=arize-codex -- Codex loop: "), "{text}");
    assert!(!home.log().contains("hunter2"), "{}", home.log());
}

#[test]
fn a_machine_without_contents_sends_none_whatever_alerts_want() {
    let (webhook, posts) = plain(200);
    let home = Home::new();
    let lines = format!(
        "    alerts: {{content: true}}\n    notices: {{webhook: 'http://127.0.0.1:{webhook}/'}}\n"
    );
    home.configure(&format!("logging: {{content: none}}\n{}", settings(&lines)));
    home.append(THREAD, &looping("turn-1", 5));
    notify(&home, "turn-1");
    for _ in 0..2 {
        let body = next(&posts).1;
        assert!(body.contains("\"kind\"") && !body.contains(SECRET), "{body}");
    }
}

#[test]
fn a_webhook_with_tls_wants_its_authority_and_the_certificate() {
    let (port, posts) = inbox(200, |stream| {
        let connection = ServerConnection::new(server_side::config()).unwrap();
        StreamOwned::new(connection, stream)
    });
    let notices = |files: &[(&str, &str)]| {
        let mut text = format!(
            "    alerts: {{quota_percent: 0}}\n    notices:\n      webhook: https://127.0.0.1:{port}/\n"
        );
        for (key, name) in files {
            text += &format!("      {key}: {}\n", server_side::file(name).display());
        }
        settings(&text)
    };
    let home = Home::new();
    home.configure(&notices(&[
        ("ca_file", "ca.pem"),
        ("client_certificate", "client.pem"),
        ("client_key", "client.key"),
    ]));
    home.append(THREAD, &looping("turn-1", 5));
    notify(&home, "turn-1");
    assert!(next(&posts).1.contains("\"kind\":\"loop\""));
    let stranger = Home::new();
    stranger.configure(&notices(&[]));
    stranger.append(THREAD, &looping("turn-1", 5));
    notify(&stranger, "turn-1");
    stranger.logs("a notice does not reach the webhook: it cannot be reached");
}

/// Neither Codex, nor the delivery of the turn, nor another channel waits for one that does not work.
#[test]
fn channels_that_fail_are_named_and_hold_nothing_up() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let (refusing, refused) = plain(503);
    let home = Home::new();
    let command = home.script("fails", "exit 3");
    let port = hanging.local_addr().unwrap().port();
    home.configure(&settings(&format!(
        "    alerts: {{quota_percent: 0}}\n    notices:\n      desktop: true\n      \
         command: {command}\n      webhook: http://127.0.0.1:{port}/secret\n      \
         ntfy: http://127.0.0.1:{refusing}/topic\n"
    )));
    home.append(THREAD, &looping("turn-1", 5));
    let begun = Instant::now();
    notify_with(home.command().env("PATH", home.path()), "turn-1");
    let took = begun.elapsed();
    home.traced(1);
    next(&refused);
    home.logs("a notice does not reach ntfy: http status 503");
    home.logs("a notice does not reach the command: exit status: 3");
    home.logs("a notice does not reach the desktop: it cannot be run");
    home.logs("a notice does not reach the webhook: no answer in time");
    // The channel has ten seconds; the hook has not waited for it.
    assert!(took < Duration::from_secs(9), "{took:?}");
    assert!(!home.log().contains("/secret"), "{}", home.log());
}

/// Codex says that a prompt begins a turn, of which this much is written.
fn begin(home: &Home, turn: &str, calls: usize) -> String {
    let text = looping(turn, calls);
    let end = text.trim_end().rfind('\n').unwrap() + 1;
    home.append(THREAD, &text[..end]);
    let payload = json!({ "session_id": THREAD, "transcript_path": null, "cwd": home.path(),
        "hook_event_name": "UserPromptSubmit", "turn_id": turn, "prompt": SECRET });
    assert!(home.lifecycle(&payload.to_string()) < Duration::from_secs(5));
    text[end..].to_owned()
}

#[test]
fn a_loop_is_noticed_while_the_turn_runs() {
    let (webhook, posts) = plain(200);
    let home = Home::new();
    home.configure(&settings(&format!(
        "    alerts: {{quota_percent: 0}}\n    notices: {{webhook: 'http://127.0.0.1:{webhook}/'}}\n"
    )));
    let end = begin(&home, "turn-1", 5);
    let body: Value = serde_json::from_str(&next(&posts).1).unwrap();
    assert_eq!((&body["kind"], &body["turn"]), (&"loop".into(), &"turn-1".into()));
    assert_eq!(home.turns(), [], "it goes on");
    home.append(THREAD, &end);
    notify(&home, "turn-1");
    let trace = home.traced(1)[0].trace_id.to_string();
    assert_eq!(body["trace_id"], trace.as_str());
    assert_eq!(alerts(&home), 1, "{}", home.log());
}

#[test]
fn a_notice_of_a_budget_goes_through_the_same_channels_and_waits_for_none() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let (ntfy, texts) = plain(200);
    let home = Home::new();
    home.configure(&settings(&format!(
        "    budgets: {{session: {{tokens: 4000}}}}\n    alerts: {{enabled: false}}\n    \
         notices: {{webhook: 'http://{}/', ntfy: 'http://127.0.0.1:{ntfy}/topic'}}\n",
        hanging.local_addr().unwrap()
    )));
    let end = begin(&home, "turn-1", 5);
    assert_eq!(next(&texts).1, "budget used up: 5100 tokens of 4000 tokens per session");
    let shown = fs::read_to_string(home.harness("state/codex/alerts/shown.json")).unwrap();
    assert!(shown.contains("\"kind\":\"budget\""), "{shown}");
    home.append(THREAD, &end);
    home.logs("a notice does not reach the webhook: no answer in time");
}

/// What another session uses while it runs counts in the day of this one as soon as a watch has read it:
/// when a turn begins, and every minute. A turn that should not have begun is then stopped.
#[test]
fn a_day_has_what_other_sessions_use_while_they_run() {
    const OTHER: &str = "01a22d30-0b19-77d2-93c4-4ab09316ea18";
    let home = Home::new();
    home.configure(&settings(
        "    budgets: {day: {tokens: 9000}, hard_limit: true}\n    alerts: {enabled: false}\n",
    ));
    let others = looping_in(OTHER, "turn-of-another", 8);
    let going_on = &others[..others.trim_end().rfind('\n').unwrap() + 1];
    home.append(OTHER, going_on);
    let end = begin(&home, "turn-1", 2);
    // 8 and 2 calls of 1020 tokens.
    home.logs("budget used up: 10200 tokens of 9000 tokens per day");
    let answer = asks(&home, "turn-1");
    assert!(answer.contains("The budget is used up: 10200 tokens"), "{answer}");
    home.append(THREAD, &end);
}

#[test]
fn what_is_remembered_of_old_sessions_is_removed() {
    let home = Home::new();
    home.configure(&settings("    budgets: {day: {tokens: 9000}}\n"));
    let sessions = home.harness("state/codex/budgets/sessions");
    fs::create_dir_all(&sessions).unwrap();
    let write = |name: &str, days: u64| {
        let path = sessions.join(name);
        let file = fs::File::create(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60)).unwrap();
        path
    };
    let (old, lock, own) =
        (write("a.json", 40), write("a.watch", 40), write(&format!("{THREAD}.watch"), 40));
    let recent = write("b.json", 20);
    let end = begin(&home, "turn-1", 1);
    assert!(until(|| (!old.exists() && !lock.exists()).then_some(())).is_some());
    assert!(recent.exists() && own.exists());
    home.append(THREAD, &end);
}

/// What Codex reads before a tool call.
fn asks(home: &Home, turn: &str) -> String {
    let call = json!({ "session_id": THREAD, "transcript_path": null, "cwd": home.path(),
        "hook_event_name": "PreToolUse", "turn_id": turn, "tool_name": "Bash",
        "tool_input": {}, "tool_use_id": "x" });
    let mut command = home.command();
    command.arg("--lifecycle").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut run = command.spawn().unwrap();
    run.stdin.take().unwrap().write_all(call.to_string().as_bytes()).unwrap();
    String::from_utf8(run.wait_with_output().unwrap().stdout).unwrap()
}

/// The answer need not read a long turn again, and takes no old figures and none of another turn.
#[test]
fn what_was_just_measured_decides() {
    let home = Home::new();
    home.configure(&settings("    budgets: {session: {tokens: 9000}, hard_limit: true}\n"));
    let file = home.harness(&format!("state/codex/budgets/sessions/{THREAD}.measured"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let measured = |turn: &str, age: u64| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let spent = |tokens: u64| json!({ "tokens": tokens, "pico_usd": 0, "unpriced_calls": 0 });
        let spending = json!({ "turn": [turn, spent(1)], "session": [THREAD, spent(9500)] });
        let last = json!({ "at": now.as_millis() as u64 - age, "spending": spending });
        fs::write(&file, last.to_string()).unwrap();
        asks(&home, "turn-1")
    };
    assert_eq!(measured("turn-1", 60_000), "", "{}", home.log());
    assert_eq!(measured("another", 0), "", "{}", home.log());
    // A busy machine may take longer than what was measured is fresh.
    let refused = || measured("turn-1", 0).contains("9500 tokens of 9000 tokens").then_some(());
    assert!(until(refused).is_some(), "{}", home.log());
}
