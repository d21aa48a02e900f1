//! `arize-codex self`, as an agent runs it in the middle of a turn.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends there")]

mod agent;

use std::fs;

use serde_json::{Value, json};

use agent::{Agent, THREAD};

const BUDGET: &str = "session: {tokens: 10000}";

fn asks(agent: &Agent, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let (code, text) = agent.runs(&[&["self"], arguments].concat(), variables);
    assert_eq!(code, Some(0), "{text}");
    text
}

fn learns(agent: &Agent, arguments: &[&str], variables: &[(&str, &str)]) -> Value {
    let text = asks(agent, &[&["--json"], arguments].concat(), variables);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_agent_learns_what_it_used_what_is_left_and_what_it_repeats() {
    let agent = Agent::new(5, "gpt-5.5", BUDGET);
    let found = learns(&agent, &[], &[("CODEX_SESSION_ID", THREAD)]);
    assert_eq!((&found["session"], &found["found_by"]), (&THREAD.into(), &"environment".into()));
    assert_eq!(found["used"]["session"]["tokens"], 5100);
    assert_eq!(found["used"]["turn"]["tokens"], 5100);
    assert!(found["used"]["turn"]["usd"].as_f64().unwrap() > 0.0);
    assert_eq!(found["budgets"][0]["left"], 4900);
    assert_eq!(found["hard_limit"], false);
    assert_eq!(found["tool_calls"], 5);
    let repeat = &found["repeats"][0];
    assert_eq!((&repeat["kind"], &repeat["times"]), (&"same".into(), &5.into()));
    assert_eq!(repeat["tools"], json!(["exec_command"]));
    assert_eq!(repeat["calls"][4], "call-4");
    assert_eq!(found["alerts"][0]["kind"], "loop");
    assert_eq!(found["problems"], json!([]));
    // It writes nothing.
    let harness = fs::read_dir(agent.home.path().join(".arize/harness")).unwrap();
    let files: Vec<_> = harness.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["config.yaml"]);

    let text = asks(&agent, &[], &[("CODEX_SESSION_ID", THREAD)]);
    assert!(text.contains("used in the session: $0.0") && text.contains("5100 tokens"), "{text}");
    assert!(text.contains("51 %  5100 tokens of 10000 tokens per session"), "{text}");
    assert!(text.contains("alert: loop: `exec_command` was called 5 times"), "{text}");
}

#[test]
fn the_session_is_found_by_its_thread_its_folder_or_an_option() {
    let agent = Agent::new(1, "gpt-5.5", BUDGET);
    for (arguments, variables, by) in [
        (&[][..], &[("CODEX_THREAD_ID", THREAD)][..], "environment"),
        (&[], &[], "folder"),
        (&["--session", THREAD], &[("CODEX_SESSION_ID", "another")], "option"),
    ] {
        let found = learns(&agent, arguments, variables);
        assert_eq!((&found["session"], &found["found_by"]), (&THREAD.into(), &by.into()));
        assert_eq!(found["used"]["session"]["tokens"], 1020, "{by}");
    }
}

/// What is not known is said, and is no zero and no failure.
#[test]
fn nothing_is_known_of_no_session_and_of_a_broken_store() {
    let agent = Agent::new(1, "gpt-5.5", BUDGET);
    fs::remove_dir_all(agent.home.path().join(".codex")).unwrap();
    let found = learns(&agent, &[], &[]);
    assert_eq!((&found["session"], &found["used"]["session"]), (&Value::Null, &Value::Null));
    assert!(found["problems"][0].as_str().unwrap().contains("no session of Codex"), "{found}");
    let agent = Agent::new(1, "gpt-5.5", BUDGET);
    let noise = "this is no database, whatever its name says\n".repeat(100);
    fs::write(agent.home.path().join(".arize/harness/traces.db"), noise).unwrap();
    let found = learns(&agent, &[], &[("CODEX_SESSION_ID", THREAD)]);
    assert_eq!((&found["used"]["session"], &found["budgets"]), (&Value::Null, &Value::Null));
    assert!(found["problems"][0].as_str().unwrap().contains("it is not known what was spent"));
}
