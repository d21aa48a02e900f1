//! `arize-codex self`, as an agent runs it in the middle of a turn.

#![expect(clippy::unwrap_used, reason = "a test ends there")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

const THREAD: &str = "01a22d30-0b19-77d2-93c4-4ab09316ea17";

struct Agent {
    home: tempfile::TempDir,
    project: PathBuf,
}

impl Agent {
    /// In the middle of a turn with the same call so many times.
    fn new(calls: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        let project = home.path().canonicalize().unwrap().join("project");
        fs::create_dir_all(project.join("src")).unwrap();
        let day = home.path().join(".codex/sessions/2026/12/01");
        fs::create_dir_all(&day).unwrap();
        let mut payloads = vec![
            (
                "session_meta",
                json!({ "id": THREAD, "session_id": THREAD, "cwd": project,
                "originator": "codex_exec", "cli_version": "0.171.0" }),
            ),
            ("event_msg", json!({ "type": "task_started", "turn_id": "turn-1" })),
            ("turn_context", json!({ "turn_id": "turn-1", "model": "gpt-5.5", "cwd": project })),
        ];
        for nth in 0..calls {
            let usage = |calls: usize| {
                json!({ "input_tokens": 1000 * calls, "output_tokens": 20 * calls,
                    "cached_input_tokens": 0, "total_tokens": 1020 * calls })
            };
            let id = format!("call-{nth}");
            payloads.push((
                "response_item",
                json!({ "type": "function_call", "call_id": id,
                "name": "exec_command", "arguments": "{\"cmd\":\"make\"}" }),
            ));
            payloads.push((
                "response_item",
                json!({ "type": "function_call_output",
                "call_id": id, "output": "make: *** No rule" }),
            ));
            payloads.push((
                "event_msg",
                json!({ "type": "token_count", "info": {
                "last_token_usage": usage(1), "total_token_usage": usage(nth + 1) } }),
            ));
        }
        let line = |(kind, payload): (&str, Value)| {
            json!({ "timestamp": "2026-12-01T10:00:00Z", "type": kind, "payload": payload })
                .to_string()
                + "\n"
        };
        let text: String = payloads.into_iter().map(line).collect();
        fs::write(day.join(format!("rollout-2026-12-01T10-00-00-{THREAD}.jsonl")), text).unwrap();
        let settings = home.path().join(".arize/harness");
        fs::create_dir_all(&settings).unwrap();
        let text = "harnesses:\n  codex:\n    budgets: {session: {tokens: 10000}}\n";
        fs::write(settings.join("config.yaml"), text).unwrap();
        Self { home, project }
    }

    fn asks(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
        command.arg("self").args(arguments).env_clear().env("TZ", "UTC");
        command.env("HOME", self.home.path()).env("USERPROFILE", self.home.path());
        command.envs(variables.iter().copied()).current_dir(self.project.join("src"));
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn learns(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Value {
        let arguments = [&["--json"], arguments].concat();
        serde_json::from_str(&self.asks(&arguments, variables)).unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        let harness = fs::read_dir(self.home.path().join(".arize/harness")).unwrap();
        harness.map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn an_agent_learns_what_it_used_what_is_left_and_what_it_repeats() {
    let agent = Agent::new(5);
    let found = agent.learns(&[], &[("CODEX_SESSION_ID", THREAD)]);
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
    assert_eq!(agent.files(), [agent.home.path().join(".arize/harness/config.yaml")]);

    let text = agent.asks(&[], &[("CODEX_SESSION_ID", THREAD)]);
    assert!(text.contains("used in the session: $0.0") && text.contains("5100 tokens"), "{text}");
    assert!(text.contains("51 %  5100 tokens of 10000 tokens per session"), "{text}");
    assert!(text.contains("alert: loop: `exec_command` was called 5 times"), "{text}");
}

#[test]
fn the_session_is_found_by_its_thread_its_folder_or_an_option() {
    let agent = Agent::new(1);
    for (arguments, variables, by) in [
        (&[][..], &[("CODEX_THREAD_ID", THREAD)][..], "environment"),
        (&[], &[], "folder"),
        (&["--session", THREAD], &[("CODEX_SESSION_ID", "another")], "option"),
    ] {
        let found = agent.learns(arguments, variables);
        assert_eq!((&found["session"], &found["found_by"]), (&THREAD.into(), &by.into()));
        assert_eq!(found["used"]["session"]["tokens"], 1020, "{by}");
    }
}

/// What is not known is said, and is no zero and no failure.
#[test]
fn nothing_is_known_of_no_session_and_of_a_broken_store() {
    let agent = Agent::new(1);
    fs::remove_dir_all(agent.home.path().join(".codex")).unwrap();
    let found = agent.learns(&[], &[]);
    assert_eq!((&found["session"], &found["used"]["session"]), (&Value::Null, &Value::Null));
    assert!(found["problems"][0].as_str().unwrap().contains("no session of Codex"), "{found}");
    let agent = Agent::new(1);
    let noise = "this is no database, whatever its name says\n".repeat(100);
    fs::write(agent.home.path().join(".arize/harness/traces.db"), noise).unwrap();
    let found = agent.learns(&[], &[("CODEX_SESSION_ID", THREAD)]);
    assert_eq!((&found["used"]["session"], &found["budgets"]), (&Value::Null, &Value::Null));
    assert!(found["problems"][0].as_str().unwrap().contains("it is not known what was spent"));
}
