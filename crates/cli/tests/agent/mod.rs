//! Codex in the middle of a turn, as its files show it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

pub(crate) const THREAD: &str = "01a22d30-0b19-77d2-93c4-4ab09316ea17";

/// A home in which Codex is in the middle of a turn.
pub(crate) struct Agent {
    pub(crate) home: tempfile::TempDir,
    pub(crate) project: PathBuf,
}

impl Agent {
    /// The turn asks this model for the same call so many times; these are the budgets.
    pub(crate) fn new(calls: usize, model: &str, budgets: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let project = home.path().canonicalize().unwrap().join("project");
        fs::create_dir_all(project.join("src")).unwrap();
        let day = home.path().join(".codex/sessions/2026/12/01");
        fs::create_dir_all(&day).unwrap();
        let now = jiff::Timestamp::now().to_string();
        let mut payloads = vec![
            (
                "session_meta",
                json!({ "id": THREAD, "session_id": THREAD, "cwd": project,
                "originator": "codex_exec", "cli_version": "0.171.0" }),
            ),
            ("event_msg", json!({ "type": "task_started", "turn_id": "turn-1" })),
            ("turn_context", json!({ "turn_id": "turn-1", "model": model, "cwd": project })),
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
            json!({ "timestamp": now, "type": kind, "payload": payload }).to_string() + "\n"
        };
        let text: String = payloads.into_iter().map(line).collect();
        fs::write(day.join(format!("rollout-2026-12-01T10-00-00-{THREAD}.jsonl")), text).unwrap();
        let settings = home.path().join(".arize/harness");
        fs::create_dir_all(&settings).unwrap();
        let text = format!("harnesses:\n  codex:\n    budgets: {{{budgets}}}\n");
        fs::write(settings.join("config.yaml"), text).unwrap();
        Self { home, project }
    }

    /// Runs `arize-codex` in a folder of the project; how it ended, and what it printed.
    pub(crate) fn runs(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_arize-codex"));
        command.args(arguments).env_clear().env("TZ", "UTC");
        command.env("HOME", self.home.path()).env("USERPROFILE", self.home.path());
        command.envs(variables.iter().copied()).current_dir(self.project.join("src"));
        let output = command.output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(printed).unwrap())
    }
}
