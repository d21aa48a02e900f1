//! Codex's lifecycle hooks.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::home::{Home, recorded, until};

const THREAD: &str = "01a1fb18-d745-76d3-8970-09f42d282b2f";
const TURN: &str = "01a1fb18-d78a-7131-84b5-6faa13380fc7";

/// What Codex 0.169 writes to the hook's stdin, as far as it matters.
fn payload(event: &str) -> String {
    payload_of(event, json!("/somewhere/rollout.jsonl"))
}

fn payload_of(event: &str, transcript: serde_json::Value) -> String {
    let mut payload = json!({
        "session_id": THREAD,
        "transcript_path": transcript,
        "cwd": "/home/dev/project",
        "hook_event_name": event,
    });
    if event != "SessionEnd" {
        payload["turn_id"] = TURN.into();
        payload["model"] = "gpt-5.5".into();
        payload["permission_mode"] = "bypassPermissions".into();
    }
    if event == "Stop" {
        payload["stop_hook_active"] = false.into();
        payload["last_assistant_message"] = "All done. There are files.".into();
    }
    payload.to_string()
}

/// The recorded thread, without its last record and that record, the end of the turn.
fn thread() -> (String, String) {
    let text = recorded("0.169.0/basic", "rollout.jsonl");
    let end = text.trim_end().rfind('\n').unwrap() + 1;
    (text[..end].to_owned(), text[end..].to_owned())
}

/// Codex waits for the hook; the run in the background waits for Codex.
#[test]
fn a_turn_is_traced_when_codex_has_ended_it() {
    let home = Home::new();
    let (going_on, end) = thread();
    home.append(THREAD, &going_on);
    assert!(home.lifecycle(&payload("Stop")) < Duration::from_secs(5));
    // The check for a turn's end holds the thread's lock.
    let lock = home.harness(&format!("state/codex/threads/{THREAD}.lock"));
    until(|| lock.exists().then_some(())).unwrap();
    assert_eq!(home.turns(), []);
    home.append(THREAD, &end);
    let turns = home.traced(1);
    assert_eq!(turns[0].name, "Turn 1");
    assert_eq!(turns[0].text("codex.turn.status"), Some("completed"));
}

#[test]
fn all_triggers_of_a_turn_make_one_trace() {
    let home = Home::new();
    let (going_on, end) = thread();
    home.append(THREAD, &format!("{going_on}{end}"));
    let notify = recorded("0.169.0/basic", "notify.jsonl");
    for _ in 0..2 {
        home.lifecycle(&payload("Stop"));
        home.notify(notify.trim());
        home.lifecycle(&payload("SessionEnd"));
        assert!(home.command().args(["--sweep", THREAD]).status().unwrap().success());
    }
    until(|| (home.log().matches(" turns traced, 0 left").count() == 8).then_some(())).unwrap();
    home.traced(1);
    let sent = format!("of thread {THREAD}: ");
    assert_eq!(home.log().matches(&sent).count(), 1, "{}", home.log());
}

#[test]
fn the_end_of_a_session_sends_turns_without_a_trigger_but_no_history() {
    for (began, turns) in [("2026-11-20T00:00:00Z", 1), ("2026-11-21T00:00:00Z", 0)] {
        let home = Home::new();
        let text = recorded("0.169.0/fail_400", "rollout.jsonl");
        let id = "\"id\":\"";
        let at = text.find(id).unwrap() + id.len();
        let thread = &text[at..at + 36];
        home.append(thread, &text);
        let since = home.harness("state/codex/since");
        fs::create_dir_all(since.parent().unwrap()).unwrap();
        fs::write(since, began).unwrap();
        home.lifecycle(&payload("SessionEnd").replace(THREAD, thread));
        home.logs(&format!("thread {thread}: {turns} turns traced"));
        let statuses: Vec<_> = home.traced(turns);
        assert!(statuses.iter().all(|turn| turn.text("codex.turn.status") == Some("failed")));
    }
}

#[test]
fn a_sub_agents_turn_is_looked_for_in_its_own_thread() {
    let home = Home::new();
    let (going_on, end) = thread();
    home.append(THREAD, &format!("{going_on}{end}"));
    let root = "01a1fb18-0000-76d3-8970-09f42d282b2f";
    let payload = payload("SubagentStop").replace(THREAD, root);
    let payload = payload.replacen('{', &format!("{{\"agent_id\":\"{THREAD}\","), 1);
    home.lifecycle(&payload);
    home.logs(&format!("thread {THREAD}: 1 turns traced"));
}

/// The user who started Codex's daemon may have had another `CODEX_HOME`.
#[test]
fn the_transcript_is_where_codex_says() {
    let home = Home::new();
    let (going_on, end) = thread();
    let path = home.path().join("rollout.jsonl");
    fs::write(&path, format!("{going_on}{end}")).unwrap();
    home.lifecycle(&payload_of("Stop", json!(path)));
    let turns = home.traced(1);
    assert_eq!(turns[0].name, "Turn 1");
}

/// `codex exec --ephemeral`: notify knows more, and comes a moment later.
#[test]
fn without_a_transcript_it_stands_back_behind_notify() {
    let home = Home::new();
    home.lifecycle(&payload_of("Stop", json!(null)));
    home.notify(recorded("0.169.0/basic", "notify.jsonl").trim());
    home.logs(&format!("thread {THREAD}: 0 turns traced, 0 left"));
    let turns = home.traced(1);
    assert_eq!(turns[0].text("input.value"), Some("List the files"));
}

#[test]
fn without_a_transcript_and_without_notify_there_is_the_answer() {
    let home = Home::new();
    home.lifecycle(&payload_of("Stop", json!(null)));
    let turns = home.traced(1);
    assert_eq!(turns[0].text("output.value"), Some("All done. There are files."));
    home.lifecycle(
        &payload_of("Interrupt", json!(null)).replace(TURN, &TURN.replace("6faa", "6fab")),
    );
    let turns = home.traced(2);
    let statuses: Vec<_> = turns.iter().map(|turn| turn.text("codex.turn.status")).collect();
    assert!(statuses.contains(&Some("interrupted")), "{statuses:?}");
}

#[test]
fn what_says_nothing_of_a_turns_end_is_passed_over() {
    let home = Home::new();
    for (payload, words) in [
        (payload("PostToolUse"), "`PostToolUse` ends no turn"),
        ("not JSON".to_owned(), "not a JSON object"),
        ("[]".to_owned(), "not a JSON object"),
        (String::new(), "not a JSON object"),
        (json!({ "hook_event_name": "Stop" }).to_string(), "no `session_id`"),
        // More than a pipe holds.
        (format!("{{\"hook_event_name\":\"Huge\",\"x\":\"{}\"}}", "x".repeat(1 << 20)), "`Huge`"),
    ] {
        home.lifecycle(&payload);
        home.logs(words);
    }
    assert_eq!(home.turns(), []);
}
