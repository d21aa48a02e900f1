//! The notify payload: the one argument that Codex passes to the `notify` program.

use otlp_model::turn::Outcome;
use otlp_model::{SpanId, Turn, UnixNanos};
use serde_json::Value as Json;

use crate::{agent, json};

/// What Codex says when a turn has ended well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotifyPayload {
    /// The thread; Codex 0.44 does not say.
    pub thread_id: Option<String>,
    /// The turn: a UUID since Codex 0.104, before that a counter of the process that repeats after
    /// a resume.
    pub turn_id: Option<String>,
    /// Codex's working directory.
    pub cwd: Option<String>,
    /// The front end, such as `codex_exec` or `codex-tui`; none for sub-agents and reviews.
    pub client: Option<String>,
    /// All prompts of the thread so far, the newest last (but for a compaction's summary).
    pub input_messages: Vec<String>,
    /// The answer.
    pub last_assistant_message: Option<String>,
}

/// Why a notify payload is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// Not JSON, or not an object.
    #[error("the notify payload is not a JSON object")]
    NotJson,
    /// Of another kind; Codex may add some.
    #[error("the notify payload is of type `{0}`, not `agent-turn-complete`")]
    OtherType(String),
}

impl NotifyPayload {
    /// Reads a payload in any of its historical forms.
    pub fn decode(payload: &str) -> Result<Self, NotifyError> {
        let value: Json = serde_json::from_str(payload).map_err(|_| NotifyError::NotJson)?;
        if !value.is_object() {
            return Err(NotifyError::NotJson);
        }
        let kind = json::text(&value, &["type"]).unwrap_or_default();
        if kind != "agent-turn-complete" {
            return Err(NotifyError::OtherType(kind.to_owned()));
        }
        let text = |keys: &[&str]| json::text_of(&value, keys).map(str::to_owned);
        Ok(Self {
            thread_id: text(&["thread-id", "thread_id", "conversation-id", "conversation_id"]),
            turn_id: text(&["turn-id", "turn_id"]),
            cwd: text(&["cwd"]),
            client: text(&["client"]),
            input_messages: match value.get("input-messages").or(value.get("input_messages")) {
                Some(Json::String(message)) => vec![message.clone()],
                Some(Json::Array(messages)) => {
                    messages.iter().filter_map(json::content_text).collect()
                }
                _ => Vec::new(),
            },
            last_assistant_message: text(&["last-assistant-message", "last_assistant_message"]),
        })
    }

    /// The payload in the form of current versions, to be decoded again later.
    pub fn encode(&self) -> String {
        serde_json::json!({
            "type": "agent-turn-complete",
            "thread-id": self.thread_id,
            "turn-id": self.turn_id,
            "cwd": self.cwd,
            "client": self.client,
            "input-messages": self.input_messages,
            "last-assistant-message": self.last_assistant_message,
        })
        .to_string()
    }

    /// The turn id where it names one turn of the thread and no other.
    pub fn unique_turn_id(&self) -> Option<&str> {
        self.turn_id
            .as_deref()
            .filter(|id| id.len() == 36 && id.bytes().filter(|b| *b == b'-').count() == 4)
    }

    /// Whether the payload may be about the turn of this id: it is not where it names another one.
    pub fn names(&self, turn_id: &str) -> bool {
        self.unique_turn_id().is_none_or(|named| named == turn_id)
    }

    /// Whether this is the end of a turn that Codex runs for itself: the terminal UI has a hidden
    /// thread make up a title for each new session (since Codex 0.157). Such a thread has no
    /// transcript; a user's own thread with the same prompt has one.
    pub fn is_title_generation(&self) -> bool {
        let first = self.input_messages.first().map_or("", String::as_str);
        first.starts_with("Generate a concise, single-line task title")
    }

    /// What tells this turn from others of its thread; it is written down, and says nothing of what was
    /// said.
    pub fn key(&self) -> String {
        match self.unique_turn_id() {
            Some(id) => id.to_owned(),
            // The counter repeats, but not with as many prompts and the same answer.
            None => format!(
                "notify {} {} {}",
                self.turn_id.as_deref().unwrap_or_default(),
                self.input_messages.len(),
                SpanId::derive(&[self.last_assistant_message.as_deref().unwrap_or_default()]),
            ),
        }
    }
}

/// The turn as far as the payload alone tells: a prompt, an answer, and that it ended by `now`.
pub fn turn_from_notify(payload: &NotifyPayload, thread_id: &str, now: UnixNanos) -> Turn {
    let mut metadata = serde_json::Map::new();
    if let Some(cwd) = &payload.cwd {
        metadata.insert("cwd".to_owned(), cwd.clone().into());
    }
    Turn {
        agent: agent(None),
        session_id: thread_id.to_owned(),
        thread_id: thread_id.to_owned(),
        parent: None,
        caller: None,
        turn_id: payload.turn_id.clone().unwrap_or_default(),
        key: payload.key(),
        number: None,
        start: payload.unique_turn_id().and_then(uuid_v7_time).filter(|t| *t <= now).unwrap_or(now),
        end: now,
        silent_since: None,
        prompt: payload.input_messages.last().cloned(),
        answer: payload.last_assistant_message.clone(),
        outcome: Outcome::Ok,
        model: None,
        steps: Vec::new(),
        events: Vec::new(),
        environment: None,
        attributes: Vec::new(),
        metadata,
    }
}

/// When a thread was begun, as its id (a version 7 UUID) tells; none for ids of other kinds.
pub fn thread_begun(thread_id: &str) -> Option<UnixNanos> {
    uuid_v7_time(thread_id)
}

/// The time that a version 7 UUID carries.
pub(crate) fn uuid_v7_time(id: &str) -> Option<UnixNanos> {
    let hex: String = id.split('-').take(2).collect();
    let version = id.split('-').nth(2)?.starts_with('7');
    let millis = u64::from_str_radix(&hex, 16).ok()?;
    (version && hex.len() == 12).then(|| UnixNanos::from_millis(millis))
}
