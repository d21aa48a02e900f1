//! The test turn, in the words of Codex 0.169: one question, one command, one answer.

use std::path::Path;
use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_millis as rfc3339;
use serde_json::{Value, json};
use uuid::{NoContext, Timestamp, Uuid};

const PROMPT: &str = "This is a test turn of arize-codex doctor.";
const ANSWER: &str = "The test turn has arrived.";

/// No price is known for it.
const MODEL: &str = "arize-codex-doctor";

/// A turn of the doctor's own, which Codex has not run.
#[derive(Debug)]
pub(super) struct TestTurn {
    pub(super) thread_id: String,
    pub(super) turn_id: String,
    start: SystemTime,
    directory: String,
}

impl TestTurn {
    /// A turn that ends now.
    pub(super) fn now(now: SystemTime, directory: &Path) -> Self {
        let start = now - Duration::from_millis(900);
        let since = start.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let id = || {
            let time = Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos());
            Uuid::new_v7(time).to_string()
        };
        let directory = directory.display().to_string();
        Self { thread_id: id(), turn_id: id(), start, directory }
    }

    /// What Codex passes to `notify`.
    pub(super) fn payload(&self) -> Value {
        json!({
            "type": "agent-turn-complete",
            "thread-id": self.thread_id,
            "turn-id": self.turn_id,
            "cwd": self.directory,
            "client": "arize_codex_doctor",
            "input-messages": [PROMPT],
            "last-assistant-message": ANSWER,
        })
    }

    /// Where the transcript belongs below Codex's folder.
    pub(super) fn transcript_path(&self) -> String {
        let time = humantime::format_rfc3339_seconds(self.start).to_string();
        let (day, second) = (&time[..10], time[..19].replace(':', "-"));
        format!("sessions/{}/rollout-{second}-{}.jsonl", day.replace('-', "/"), self.thread_id)
    }

    /// The transcript, a record per line.
    pub(super) fn transcript(&self) -> String {
        let (thread, turn) = (&self.thread_id, &self.turn_id);
        let usage = json!({
            "input_tokens": 20, "cached_input_tokens": 0, "output_tokens": 10,
            "reasoning_output_tokens": 0, "total_tokens": 30,
        });
        let message = |role: &str, kind: &str, text: &str| json!({ "type": "message", "role": role, "content": [{ "type": kind, "text": text }] });
        let records = [
            (
                0,
                "session_meta",
                json!({
                    "id": thread, "session_id": thread, "cwd": self.directory, "source": "exec",
                    "originator": "arize_codex_doctor", "cli_version": "0.169.0",
                    "model_provider": "none",
                }),
            ),
            (
                0,
                "event_msg",
                json!({
                    "type": "task_started", "turn_id": turn, "started_at": self.seconds(),
                }),
            ),
            (
                0,
                "turn_context",
                json!({
                    "turn_id": turn, "cwd": self.directory, "model": MODEL, "approval_policy": "never",
                }),
            ),
            (10, "response_item", message("user", "input_text", PROMPT)),
            (
                10,
                "event_msg",
                json!({
                    "type": "item_completed", "thread_id": thread, "turn_id": turn,
                    "item": {
                        "type": "UserMessage", "id": "test",
                        "content": [{ "type": "text", "text": PROMPT }],
                    },
                }),
            ),
            (
                400,
                "response_item",
                json!({
                    "type": "function_call", "name": "exec_command", "call_id": "call_test",
                    "arguments": r#"{"cmd":"true"}"#,
                }),
            ),
            (
                500,
                "response_item",
                json!({
                    "type": "function_call_output", "call_id": "call_test",
                    "output": "Process exited with code 0\nOutput:\n",
                }),
            ),
            (800, "response_item", message("assistant", "output_text", ANSWER)),
            (
                800,
                "event_msg",
                json!({
                    "type": "token_count",
                    "info": { "total_token_usage": usage, "last_token_usage": usage },
                }),
            ),
            (
                900,
                "event_msg",
                json!({
                    "type": "task_complete", "turn_id": turn, "last_agent_message": ANSWER,
                    "duration_ms": 900,
                }),
            ),
        ];
        let line = |(ordinal, (millis, kind, payload)): (usize, (u64, &str, Value))| {
            let record = json!({
                "timestamp": self.at(millis), "ordinal": ordinal, "type": kind, "payload": payload,
            });
            format!("{record}\n")
        };
        records.into_iter().enumerate().map(line).collect()
    }

    /// The log events, as an OTLP export.
    pub(super) fn events(&self) -> Value {
        let records = [
            (10, json!({ "event.name": "codex.user_prompt", "prompt_length": "42" })),
            (
                300,
                json!({
                    "event.name": "codex.api_request", "duration_ms": "290", "attempt": "0",
                    "http.response.status_code": "200",
                }),
            ),
            (
                500,
                json!({
                    "event.name": "codex.tool_result", "tool_name": "exec_command",
                    "call_id": "call_test", "duration_ms": "100", "success": "true",
                }),
            ),
            (
                800,
                json!({
                    "event.name": "codex.sse_event", "event.kind": "response.completed",
                    "input_token_count": "20", "output_token_count": "10", "cached_token_count": "0",
                    "reasoning_token_count": "0", "tool_token_count": "30",
                }),
            ),
        ];
        let records: Vec<Value> = records
            .into_iter()
            .map(|(millis, mut attributes)| {
                attributes["event.timestamp"] = self.at(millis).into();
                attributes["conversation.id"] = self.thread_id.clone().into();
                attributes["model"] = MODEL.into();
                json!({ "timeUnixNano": "0", "attributes": pairs(&attributes) })
            })
            .collect();
        let sender = json!({ "service.name": "arize_codex_doctor", "service.version": "0.169.0" });
        json!({
            "resourceLogs": [{
                "resource": { "attributes": pairs(&sender) },
                "scopeLogs": [{ "logRecords": records }],
            }],
        })
    }

    fn at(&self, millis: u64) -> String {
        rfc3339(self.start + Duration::from_millis(millis)).to_string()
    }

    fn seconds(&self) -> u64 {
        self.start.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}

/// Attributes as OTLP writes them.
fn pairs(attributes: &Value) -> Vec<Value> {
    let pairs = attributes.as_object().into_iter().flatten();
    pairs.map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } })).collect()
}

#[cfg(test)]
mod tests {
    use codex_turn::{Line, NotifyPayload, ThreadMeta, Transcript};

    use super::*;

    #[test]
    fn it_is_a_turn_as_codex_tells_it() {
        let turn = TestTurn::now(SystemTime::now(), Path::new("/work"));
        let text = turn.transcript();
        let (first, rest) = text.split_once('\n').unwrap();
        let meta = ThreadMeta::decode(first.as_bytes()).unwrap();
        assert_eq!(meta.thread_id, turn.thread_id);
        let mut transcript = Transcript::resume(meta, codex_turn::Checkpoint::default());
        for text in rest.lines() {
            let mut line = Line::new(transcript.text_limit());
            line.push(text.as_bytes());
            transcript.read(&line);
        }
        let (turns, problems) = transcript.finish();
        assert!(problems.is_empty(), "{problems:?}");
        let [decoded] = &turns[..] else { panic!("{turns:#?}") };
        assert!(decoded.has_ended(), "{decoded:#?}");
        assert_eq!(decoded.key(), turn.turn_id, "by which the trace is found");
        let payload = NotifyPayload::decode(&turn.payload().to_string()).unwrap();
        assert!(decoded.is_subject_of(&payload));
        assert!(turn.transcript_path().ends_with(&format!("-{}.jsonl", turn.thread_id)));
    }
}
