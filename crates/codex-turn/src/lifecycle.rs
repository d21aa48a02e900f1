//! The payload of Codex's lifecycle hooks, which it writes to the hook's stdin (since 0.115).

use serde_json::Value as Json;

use crate::{NotifyPayload, json};

/// What a lifecycle hook of Codex says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecyclePayload {
    /// What happened.
    pub event: LifecycleEvent,
    /// The thread: that of the sub-agent where it is about one.
    pub thread_id: String,
    /// The turn, in the form in which notify tells of one; without its prompt.
    pub turn: NotifyPayload,
    /// The transcript of the thread; none with `--ephemeral`.
    pub transcript: Option<String>,
}

/// The lifecycle events that say something about a turn's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleEvent {
    /// A turn is about to end well. Another hook may yet make it go on.
    Stop,
    /// The same, of a sub-agent.
    SubagentStop,
    /// A turn is being stopped by the user.
    Interrupt,
    /// Codex ends; whatever was going on has ended, well or not.
    SessionEnd,
}

/// Why a lifecycle payload is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LifecycleError {
    /// Not JSON, or not an object.
    #[error("the lifecycle payload on stdin is not a JSON object")]
    NotJson,
    /// Of an event that says nothing about a turn's end.
    #[error("the lifecycle event `{0}` ends no turn")]
    OtherEvent(String),
    /// It names no thread.
    #[error("the lifecycle payload has no `session_id`")]
    NoThread,
}

impl LifecyclePayload {
    /// Reads a payload.
    pub fn decode(payload: &str) -> Result<Self, LifecycleError> {
        let value: Json = serde_json::from_str(payload).map_err(|_| LifecycleError::NotJson)?;
        if !value.is_object() {
            return Err(LifecycleError::NotJson);
        }
        let text = |key| json::text(&value, &[key]).map(str::to_owned);
        let name = text("hook_event_name").unwrap_or_default();
        let event = match name.as_str() {
            "Stop" => LifecycleEvent::Stop,
            "SubagentStop" => LifecycleEvent::SubagentStop,
            "Interrupt" => LifecycleEvent::Interrupt,
            "SessionEnd" => LifecycleEvent::SessionEnd,
            _ => return Err(LifecycleError::OtherEvent(name)),
        };
        // A sub-agent's hooks carry the session of the thread at the root.
        let thread_id =
            text("agent_id").or_else(|| text("session_id")).ok_or(LifecycleError::NoThread)?;
        let turn = NotifyPayload {
            thread_id: Some(thread_id.clone()),
            turn_id: text("turn_id"),
            cwd: text("cwd"),
            last_assistant_message: text("last_assistant_message"),
            ..NotifyPayload::default()
        };
        let transcript = text("agent_transcript_path").or_else(|| text("transcript_path"));
        Ok(Self { event, thread_id, turn, transcript })
    }
}

/// A lifecycle hook that Codex runs before something, and by whose answer it does not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleQuestion {
    /// What is about to happen.
    pub about: LifecycleStep,
    /// The thread at the root of the tree of sub-agents.
    pub session_id: String,
    /// The thread, which may be a sub-agent's.
    pub thread_id: String,
    /// The turn.
    pub turn_id: Option<String>,
    /// The transcript of one of both threads; none with `--ephemeral`.
    pub transcript: Option<String>,
    /// The working directory.
    pub cwd: Option<String>,
}

/// What is about to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleStep {
    /// A prompt begins a turn (`UserPromptSubmit`).
    Prompt,
    /// A tool is called (`PreToolUse`).
    ToolCall,
}

impl LifecycleQuestion {
    /// Reads a payload; none where Codex does not ask, or no thread is named.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let value: Json = serde_json::from_slice(payload).ok()?;
        let text = |key| json::text(&value, &[key]).map(str::to_owned);
        let about = match text("hook_event_name")?.as_str() {
            "UserPromptSubmit" => LifecycleStep::Prompt,
            "PreToolUse" => LifecycleStep::ToolCall,
            _ => return None,
        };
        let session_id = text("session_id")?;
        Some(Self {
            about,
            thread_id: text("agent_id").unwrap_or_else(|| session_id.clone()),
            session_id,
            turn_id: text("turn_id"),
            transcript: text("transcript_path"),
            cwd: text("cwd"),
        })
    }

    /// The answer by which Codex does not do it, and gives the reason to the model or the user.
    pub fn refusal(about: LifecycleStep, reason: &str) -> String {
        let answer = match about {
            LifecycleStep::Prompt => serde_json::json!({
                "decision": "block", "reason": reason, "systemMessage": reason,
            }),
            LifecycleStep::ToolCall => serde_json::json!({ "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "deny",
                "permissionDecisionReason": reason,
            }}),
        };
        answer.to_string()
    }

    /// The answer by which Codex goes on and shows a message.
    pub fn message(text: &str) -> String {
        serde_json::json!({ "systemMessage": text }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Codex 0.171.0 sends them.
    #[test]
    fn questions_of_codex() {
        let ask = |payload: &str| LifecycleQuestion::decode(payload.as_bytes());
        let prompt = ask(r#"{"session_id":"t","turn_id":"u","transcript_path":"/a","cwd":"/w",
            "hook_event_name":"UserPromptSubmit","model":"gpt-5.5","prompt":"go on"}"#);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            prompt,
            Some(LifecycleQuestion {
                about: LifecycleStep::Prompt,
                session_id: "t".to_owned(),
                thread_id: "t".to_owned(),
                turn_id: text("u"),
                transcript: text("/a"),
                cwd: text("/w"),
            })
        );
        let call = ask(r#"{"session_id":"t","agent_id":"c","hook_event_name":"PreToolUse"}"#);
        let call = call.map(|call| (call.about, call.session_id, call.thread_id));
        assert_eq!(call, Some((LifecycleStep::ToolCall, "t".to_owned(), "c".to_owned())));
        for other in ["", "[]", "{}", r#"{"session_id":"t","hook_event_name":"Stop"}"#] {
            assert_eq!(ask(other), None, "{other}");
        }
    }

    fn decode(payload: &str) -> (LifecycleEvent, String, Option<String>, Option<String>) {
        let payload = LifecyclePayload::decode(payload).unwrap();
        (payload.event, payload.thread_id, payload.turn.turn_id, payload.transcript)
    }

    #[test]
    fn payloads_of_codex() {
        let thread = || "t".to_owned();
        assert_eq!(
            decode(
                r#"{"session_id":"t","turn_id":"u","transcript_path":"/a","cwd":"/",
                "hook_event_name":"Stop","stop_hook_active":false,"unheard_of":[]}"#
            ),
            (LifecycleEvent::Stop, thread(), Some("u".to_owned()), Some("/a".to_owned()))
        );
        assert_eq!(
            decode(r#"{"session_id":"t","transcript_path":null,"hook_event_name":"SessionEnd"}"#),
            (LifecycleEvent::SessionEnd, thread(), None, None)
        );
        assert_eq!(
            decode(
                r#"{"session_id":"root","agent_id":"t","turn_id":"u","transcript_path":null,
                "agent_transcript_path":"/a","hook_event_name":"SubagentStop"}"#
            ),
            (LifecycleEvent::SubagentStop, thread(), Some("u".to_owned()), Some("/a".to_owned()))
        );
    }

    #[test]
    fn what_is_of_no_use() {
        let error = |payload| LifecyclePayload::decode(payload).unwrap_err();
        assert_eq!(error("[1]"), LifecycleError::NotJson);
        assert_eq!(error("{}"), LifecycleError::OtherEvent(String::new()));
        assert_eq!(error(r#"{"hook_event_name":"Stop"}"#), LifecycleError::NoThread);
    }
}
