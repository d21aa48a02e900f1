//! `arize-codex alerts`: what was given, and whether the channels work.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

mod agent;

use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use agent::Agent;

#[test]
fn the_last_alerts_are_listed_with_their_turns() {
    let agent = Agent::new(0, "gpt-5.5", "");
    assert_eq!(agent.runs(&["alerts"], &[]), (Some(0), "no alert was given yet\n".to_owned()));
    let folder = agent.home.path().join(".arize/harness/state/codex/alerts");
    fs::create_dir_all(&folder).unwrap();
    let given = |at: u64, text: &str, trace: &str| {
        serde_json::json!({ "at": at, "kind": "loop", "subject": "s", "text": text, "session": "s",
            "trace_id": trace })
    };
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let memory = serde_json::json!({ "given": [
        given(1_796_000_000_000, "loop: the first", trace),
        given(1_796_000_060_000, "loop: \u{1b}[31mthe second", ""),
    ] });
    fs::write(folder.join("shown.json"), memory.to_string()).unwrap();
    let (_, text) = agent.runs(&["alerts"], &[]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].ends_with("the second") && !text.contains('\u{1b}'), "{text}");
    assert_eq!(lines[1], "2026-11-30 00:53  loop: the first  (`arize-codex show 0af76519`)");
    let (_, text) = agent.runs(&["alerts", "--json", "--limit", "1"], &[]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((json.as_array().unwrap().len(), &json[0]["kind"]), (1, &"loop".into()));
}

#[test]
fn a_test_says_which_channel_took_it() {
    let agent = Agent::new(0, "gpt-5.5", "");
    let (code, text) = agent.runs(&["alerts", "--test"], &[]);
    assert!(code == Some(0) && text.contains("no channel is set"), "{text}");
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (key, value) in
        [("command", "/bin/true"), ("webhook", &*format!("http://{nowhere}/secret"))]
    {
        let key = format!("harnesses.codex.notices.{key}");
        assert_eq!(agent.runs(&["config", "set", &key, value], &[]).0, Some(0));
    }
    let (code, text) = agent.runs(&["alerts", "--test"], &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("the command: taken"), "{text}");
    assert!(text.contains("the webhook: failed: it cannot be reached"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}
