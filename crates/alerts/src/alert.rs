//! What a person is to know.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Why a person should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Calls repeat one another.
    Loop,
    /// A turn uses far more than turns do.
    RunawayTurn,
    /// A session does.
    RunawaySession,
    /// Most calls fail.
    ToolFailures,
    /// Much was used since a file was changed last.
    NoProgress,
    /// A person let the agent wait.
    LongWait,
    /// Little is left of a subscription's limit.
    Quota,
    /// A budget is used up, or to a large part.
    Budget,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Loop,
        Self::RunawayTurn,
        Self::RunawaySession,
        Self::ToolFailures,
        Self::NoProgress,
        Self::LongWait,
        Self::Quota,
        Self::Budget,
    ];

    /// Its word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::RunawayTurn => "runaway_turn",
            Self::RunawaySession => "runaway_session",
            Self::ToolFailures => "tool_failures",
            Self::NoProgress => "no_progress",
            Self::LongWait => "long_wait",
            Self::Quota => "quota",
            Self::Budget => "budget",
        }
    }
}

/// A call, without what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallName {
    /// The call, as the model names it.
    pub id: String,
    /// The tool.
    pub tool: String,
}

/// Something that a person should know, with its evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Why.
    pub kind: Kind,
    /// What it is about: of each there is one alert of a kind within a cool-down.
    pub subject: String,
    /// The same for the same evidence: it is given once.
    pub key: String,
    /// For a person; holds no content of a session.
    pub text: String,
    /// The session, where it is about one.
    pub session: String,
    /// The thread, where it is about one.
    pub thread: String,
    /// The turn, where it is about one.
    pub turn: String,
    /// The trace of that turn, in hexadecimal digits.
    pub trace_id: String,
    /// How many calls it is about.
    pub count: usize,
    /// The first of them.
    pub calls: Vec<CallName>,
    /// What these were called with: content of a session.
    pub arguments: Vec<String>,
}

impl Alert {
    /// For a program; what calls were made with only if it is asked for.
    pub fn json(&self, with_content: bool) -> Value {
        let mut value = json!({
            "kind": self.kind.word(),
            "text": self.text,
            "session": self.session,
            "thread": self.thread,
            "turn": self.turn,
            "trace_id": self.trace_id,
            "count": self.count,
            "calls": self.calls,
        });
        if with_content {
            value["arguments"] = self.arguments.clone().into();
        }
        value
    }
}
