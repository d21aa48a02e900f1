//! The turns whose end has not been read yet, and which of them a record belongs to.
//!
//! Mostly there is one. Two front ends can work on one thread at once, each with a turn of its own
//! (openai/codex#40446), and write to the same file. Since Codex 0.145 nearly every record names its
//! turn. Of the others, a tool's output goes to the turn with the call, and what a model said to the
//! turn of the next record that names one, because Codex writes a response's cost after its items.

use otlp_model::UnixNanos;
use otlp_model::turn::{Message, Part};
use serde_json::Value as Json;

use super::Checkpoint;
use super::open_turn::OpenTurn;
use super::responses::Entry;
use crate::json;

#[derive(Debug, Clone, Default)]
pub(super) struct OpenTurns {
    /// In the order in which they began.
    turns: Vec<OpenTurn>,
    /// The place of the turn that the last record was about.
    current: usize,
    /// Messages to the model that no response has followed yet.
    pending: Vec<Pending>,
    /// Entries of one of several turns that no record has named yet.
    unclaimed: Vec<(Entry, UnixNanos)>,
}

#[derive(Debug, Clone)]
struct Pending {
    message: Message,
    /// Where its record stands, and what was counted up to there.
    at: Checkpoint,
    /// The turn that it is for; none where that is the next one to take it.
    turn_id: Option<String>,
}

impl OpenTurns {
    /// Makes the turn that a record names the current one. A record without a name is about the
    /// current turn. Says whether there is such a turn; otherwise it has ended, or is a reviewer's.
    pub(super) fn select(&mut self, record: &Json) -> bool {
        let Some(name) = turn_named_by(record) else { return !self.turns.is_empty() };
        let named = self.turns.iter().rposition(|turn| turn.turn_id.as_deref() == Some(name));
        // Up to 0.98 some records have a counter, and turns no id.
        let nameless = || self.turns.iter().rposition(|turn| turn.turn_id.is_none());
        let Some(at) = named.or_else(nameless) else { return false };
        self.current = at;
        self.turns[at].is_superseded = false;
        if !says_nothing_of_a_response(record) {
            self.claim();
        }
        true
    }

    /// Whether the turn that a record names is open.
    pub(super) fn is_open(&self, record: &Json) -> bool {
        let name = turn_named_by(record);
        name.is_some() && self.turns.iter().any(|turn| turn.turn_id.as_deref() == name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &OpenTurn> {
        self.turns.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut OpenTurn> {
        self.turns.iter_mut()
    }

    pub(super) fn current(&self) -> Option<&OpenTurn> {
        self.turns.get(self.current)
    }

    pub(super) fn current_mut(&mut self) -> Option<&mut OpenTurn> {
        self.turns.get_mut(self.current)
    }

    /// The current turn, in which something happens at a time.
    pub(super) fn touch(&mut self, time: UnixNanos) -> Option<&mut OpenTurn> {
        let turn = self.current_mut()?;
        turn.last = time.max(turn.last);
        Some(turn)
    }

    /// The review that is going on.
    pub(super) fn review(&mut self) -> Option<&mut OpenTurn> {
        self.turns.iter_mut().rfind(|turn| turn.review.is_some())
    }

    pub(super) fn begin(&mut self, turn: OpenTurn) {
        self.claim();
        self.turns.iter_mut().for_each(|older| older.is_superseded = true);
        self.turns.push(turn);
        self.current = self.turns.len() - 1;
    }

    /// Takes the current turn out, with the messages to the model that nothing followed.
    pub(super) fn end(&mut self) -> Option<(OpenTurn, Vec<Message>)> {
        let unanswered = self.take_pending();
        let turn = (self.current < self.turns.len()).then(|| self.turns.remove(self.current))?;
        self.current = self.turns.len().saturating_sub(1);
        Some((turn, unanswered))
    }

    /// Takes all turns out.
    pub(super) fn end_all(&mut self) -> Vec<OpenTurn> {
        self.claim();
        self.current = 0;
        std::mem::take(&mut self.turns)
    }

    /// Keeps a message to the model for the turn that it is for.
    pub(super) fn hold(&mut self, record: &Json, message: Message, at: Checkpoint) {
        let is_for_current = self.turns.len() > 1 || turn_named_by(record).is_some();
        let current = self.current().filter(|_| is_for_current);
        let turn_id = current.and_then(|turn| turn.turn_id.clone());
        self.pending.push(Pending { message, at, turn_id });
    }

    /// Where the first message stands that waits for the next turn.
    pub(super) fn pending_from(&self) -> Option<Checkpoint> {
        self.pending.iter().find(|held| held.turn_id.is_none()).map(|held| held.at)
    }

    /// Adds an entry to the turn that it belongs to, after the messages that came before it.
    pub(super) fn push(&mut self, record: &Json, entry: Entry, time: UnixNanos) {
        if self.turns.len() > 1 && turn_named_by(record).is_none() {
            let Some(at) = self.turn_with_the_call_of(&entry) else {
                self.unclaimed.push((entry, time));
                return;
            };
            self.current = at;
        }
        self.push_to_current(entry, time);
    }

    /// Of several turns, makes the one current whose cumulative count a new count goes on from: each
    /// front end has its own. Codex writes a response's count after its items.
    pub(super) fn select_by_total(&mut self, total: u64, added: u64) {
        let goes_on = |turn: &OpenTurn| turn.total.leads_to(total, added);
        if self.turns.len() < 2 {
            return;
        }
        if !self.current().is_some_and(goes_on)
            && let Some(at) = self.turns.iter().rposition(goes_on)
        {
            self.current = at;
            self.turns[at].is_superseded = false;
        }
        self.claim();
    }

    pub(super) fn push_to_current(&mut self, entry: Entry, time: UnixNanos) {
        let inputs = self.take_pending();
        if let Some(turn) = self.touch(time).filter(|turn| turn.review.is_none()) {
            turn.entries.extend(inputs.into_iter().map(Entry::Input));
            turn.entries.push(entry);
        }
    }

    /// Gives the current turn what no record has named.
    fn claim(&mut self) {
        for (entry, time) in std::mem::take(&mut self.unclaimed) {
            self.push_to_current(entry, time);
        }
    }

    fn turn_with_the_call_of(&self, entry: &Entry) -> Option<usize> {
        let Entry::Output { call_id, .. } = entry else { return None };
        self.turns.iter().rposition(|turn| turn.has_call(call_id))
    }

    /// Whether Codex is about to tell the model where it works, as it is when a session begins: what the
    /// user says next does not go into a turn of the session before, which failed or was killed.
    pub(super) fn has_session_begun(&self) -> bool {
        let texts = self.pending.iter().flat_map(|held| &held.message.parts);
        let mut texts = texts.filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Reasoning(_) | Part::ToolCall { .. } => None,
        });
        texts.any(|text| text.starts_with("<environment_context>"))
    }

    /// The messages for the current turn.
    fn take_pending(&mut self) -> Vec<Message> {
        let current = self.current().and_then(|turn| turn.turn_id.clone());
        let is_others = |held: &Pending| held.turn_id.is_some() && held.turn_id != current;
        let (others, ours) = std::mem::take(&mut self.pending).into_iter().partition(is_others);
        self.pending = others;
        ours.into_iter().map(|held: Pending| held.message).collect()
    }
}

/// The id of the turn that a record is about; items of the model carry it since Codex 0.145.
pub(super) fn turn_named_by(record: &Json) -> Option<&str> {
    const OF_ITEM: [&str; 2] = ["internal_chat_message_metadata_passthrough", "turn_id"];
    json::text(record, &["turn_id"]).or_else(|| json::text(record, &OF_ITEM))
}

/// Whether a record that names a turn stands before what the model says in it.
fn says_nothing_of_a_response(record: &Json) -> bool {
    let kind = json::text(record, &["type"]);
    let item = json::text(record, &["item", "type"]);
    let is_context = kind.is_none() && record.get("usage").is_none();
    is_context || item == Some("UserMessage")
}
