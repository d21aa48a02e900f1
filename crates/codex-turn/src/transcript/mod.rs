//! The transcript (rollout JSONL): a fold over its lines into turns.

mod budget;
mod calls;
mod counted;
mod limits;
mod meta;
mod open;
mod open_turn;
mod record;
mod responses;
mod review;
mod tokens;
mod turn;
mod user_shell;

use std::collections::HashSet;

use otlp_model::turn::{Message, Part};
use otlp_model::{ContentPolicy, UnixNanos, cut};
use serde_json::Value as Json;
use serde_json::value::RawValue;

pub use counted::has_second_record;
pub use limits::{LimitWindow, RateLimits};
pub use meta::{HistoryBase, ThreadMeta};
pub use record::{TurnMark, TurnStart, turn_mark, turn_start};
pub(crate) use responses::{ModelItem, Response};
pub(crate) use turn::TranscriptStep;
pub use turn::{TranscriptTurn, TurnEnd};

use crate::line::{Line, ReadLine};
use crate::notify::NotifyPayload;
use crate::problem::Problem;
use crate::{json, tools};
use budget::Budget;
use open::{OpenTurns, turn_named_by};
use open_turn::OpenTurn;
use record::{Piece, Record};
use responses::Entry;
use tokens::Total;
use turn::Settings;

/// A place in a transcript from which reading can go on, between two turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// Byte offset of the next record.
    pub offset: u64,
    /// How many turns there were before it; none where reading did not begin at the first.
    pub turns: Option<u64>,
    /// The thread's cumulative token count there, to tell a repeated `token_count` record from a
    /// new one (Codex up to 0.130 writes each twice).
    pub total_tokens: Option<u64>,
}

impl Checkpoint {
    /// The beginning of the transcript.
    pub const START: Self = Self { offset: 0, turns: Some(0), total_tokens: None };
}

/// A fold over the lines of a transcript.
#[derive(Debug, Clone)]
pub struct Transcript {
    meta: ThreadMeta,
    at: Checkpoint,
    open: OpenTurns,
    /// The thread's cumulative token count.
    total: Total,
    /// Where the line that is being read begins.
    line_start: u64,
    /// The ordinal of the record that is being read.
    ordinal: Option<u64>,
    /// The settings that Codex noted last, for the turns to come.
    ahead: Settings,
    turns: Vec<TranscriptTurn>,
    unknown: HashSet<String>,
    problems: Vec<Problem>,
    limits: Vec<RateLimits>,
    budget: Budget,
}

impl Transcript {
    /// Begins, or goes on at a checkpoint.
    pub fn resume(meta: ThreadMeta, at: Checkpoint) -> Self {
        Self {
            meta,
            at,
            open: OpenTurns::default(),
            total: Total::at(at.total_tokens),
            line_start: at.offset,
            ordinal: None,
            ahead: Settings::default(),
            turns: Vec::new(),
            unknown: HashSet::new(),
            problems: Vec::new(),
            limits: Vec::new(),
            budget: Budget::new(ContentPolicy::default().max_bytes),
        }
    }

    /// Keeps up to so many bytes of each text; of turns that are too large it is less.
    pub fn with_text_limit(self, bytes: usize) -> Self {
        Self { budget: Budget::new(bytes), ..self }
    }

    /// The length at which the texts of the next line are to be cut, in bytes.
    pub fn text_limit(&self) -> usize {
        cut::with_margin(self.budget.limit())
    }

    /// Whether the turns that were read are so much that they should be sent before more is read.
    pub fn is_full(&self) -> bool {
        self.budget.is_spent()
    }

    /// Where the next line begins, and what was counted up to there.
    pub fn at(&self) -> Checkpoint {
        self.at
    }

    /// Whether the turn that a notify payload is about has been read to its end.
    pub fn has_ended(&self, payload: &NotifyPayload) -> bool {
        match payload.unique_turn_id() {
            Some(id) => self.turns.iter().any(|turn| turn.turn_id.as_deref() == Some(id)),
            // Up to 0.98 a turn ends with the answer that the payload repeats.
            None => match self.open.current() {
                Some(open) => {
                    open.is_answered() && turn::is_answer_of(open.answer.as_deref(), payload)
                }
                // A command of the user's came after it.
                None => {
                    let last = self.turns.iter().rev().find(|turn| turn.is_answered());
                    last.is_some_and(|turn| turn.is_subject_of(payload))
                }
            },
        }
    }

    /// Takes in one complete line of which long texts were cut.
    pub fn read(&mut self, line: &Line) {
        match line.read() {
            ReadLine::Kept(kept) => self.take_in(kept, line.bytes() + 1),
            ReadLine::TooLong => self.skip(line.bytes() + 1),
        }
    }

    fn take_in(&mut self, line: &[u8], bytes: u64) {
        let ended = self.turns.len();
        self.fold(line, bytes);
        self.budget.note(line.len(), self.open.iter_mut());
        if self.turns.len() > ended {
            self.budget.end(self.open.iter());
        }
    }

    fn fold(&mut self, line: &[u8], bytes: u64) {
        let offset = self.at.offset;
        self.line_start = offset;
        self.at.offset += bytes;
        if line.trim_ascii().is_empty() {
            return;
        }
        record::pieces(line, |piece| {
            let read = match piece {
                Piece::Record(record) => self.record(&record),
                Piece::Broken { bytes, error } => {
                    Err(format!("{bytes} bytes that are not a record ({error:?} error)"))
                }
            };
            let problem = |what| Problem { offset, what, is_limit: false };
            self.problems.extend(read.err().map(problem));
        });
    }

    /// Passes over a line that is too long to be taken in even so; `bytes` include its newline.
    pub fn skip(&mut self, bytes: u64) {
        let offset = self.at.offset;
        self.at.offset += bytes;
        let what = format!("a line of {bytes} bytes was ignored");
        self.problems.push(Problem { offset, what, is_limit: true });
    }

    /// Passes over a line that need not be read; `bytes` include its newline.
    pub fn pass(&mut self, bytes: u64) {
        self.at.offset += bytes;
    }

    /// Takes the turns that go on for ended: what follows of them is not read.
    pub fn give_up(&mut self) {
        for open in self.open.end_all() {
            self.close(open, TurnEnd::Unread);
        }
    }

    /// The turns, in the order in which they began, and what could not be understood. The last turn
    /// may be open, and others beside it.
    pub fn finish(mut self) -> (Vec<TranscriptTurn>, Vec<Problem>) {
        for open in self.open.end_all() {
            let end = if open.is_superseded { TurnEnd::Lost } else { TurnEnd::Open };
            self.close(open, end);
        }
        turn::order(&mut self.turns);
        (self.turns, self.problems)
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), String> {
        self.ordinal = record.ordinal;
        match record.kind.as_ref() {
            "event_msg" | "response_item" | "turn_context" | "token_usage_record" | "compacted" => {
            }
            "session_meta" | "world_state" | "inter_agent_communication_metadata" => return Ok(()),
            other if self.unknown.insert(other.to_owned()) => {
                return Err(format!("record type `{other}` is unknown"));
            }
            _ => return Ok(()),
        }
        let payload = record.payload.map_or("null", RawValue::get);
        let payload: Json = serde_json::from_str(payload).map_err(|error| {
            format!("the payload of a `{}` record: {:?} error", record.kind, error.classify())
        })?;
        let has_turn = self.open.select(&payload);
        let time = record.timestamp.as_deref().and_then(json::rfc3339);
        let time = time.or(self.open.current().map(|open| open.last)).unwrap_or_default();
        match record.kind.as_ref() {
            "event_msg" => self.event(&payload, time, has_turn),
            _ if !has_turn && turn_named_by(&payload).is_some() => {}
            "response_item" => self.response_item(&payload, time),
            "turn_context" => {
                if let Some(open) = self.open.touch(time) {
                    open.update_settings(&payload);
                }
            }
            "token_usage_record" => return self.usage_record(&payload, time),
            _ => {
                let summary = json::text(&payload, &["message"]).map(str::to_owned);
                self.open.push(&payload, Entry::Compacted { summary, at: time }, time);
            }
        }
        Ok(())
    }

    fn event(&mut self, event: &Json, time: UnixNanos, has_turn: bool) {
        if self.review(event, time, has_turn) {
            return;
        }
        let kind = json::text(event, &["type"]).unwrap_or_default();
        let message = || json::text(event, &["message"]).map(str::to_owned);
        match kind {
            "task_started" | "turn_started" => return self.begin(event, time),
            "token_count" => return self.token_count(event, time),
            "thread_settings_applied" => return self.apply_settings(event),
            // Up to 0.98 a turn begins with its prompt.
            "user_message"
                if self.meta.has_no_turn_markers()
                    && (self.open.current().is_none_or(OpenTurn::is_answered)
                        || self.open.has_session_begun()) =>
            {
                self.begin(event, time);
            }
            _ if !has_turn => return,
            _ => {}
        }
        let Some(open) = self.open.touch(time) else { return };
        match kind {
            "task_complete" | "turn_complete" => {
                let end = match json::text(event, &["error", "message"]) {
                    Some(message) => TurnEnd::Failed(provider_message(message)),
                    None => TurnEnd::Completed,
                };
                self.end(event, end);
            }
            "turn_aborted" => {
                let reason = json::text(event, &["reason"]).unwrap_or("aborted").to_owned();
                self.end(event, TurnEnd::Aborted(reason));
            }
            "user_message" => open.prompts.extend(message()),
            "agent_message" => open.answer = message().or(open.answer.take()),
            "item_completed" => open.complete_item(event),
            "error" | "stream_error" => {
                let error = message().map(|message| provider_message(&message));
                open.error = error.or(open.error.take());
            }
            _ => open.entries.extend(tools::end_event(kind, event, time).map(Entry::End)),
        }
    }

    /// Of all turns but the first they stand before the turn.
    fn apply_settings(&mut self, event: &Json) {
        let mut settings = Settings::default();
        settings.update(event.get("thread_settings").unwrap_or(&Json::Null));
        if let Some(open) = self.open.current_mut() {
            open.settings.complete(&settings);
        }
        self.ahead = settings;
    }

    /// Opens a turn, beside those that Codex has not ended: it was killed, or another front end is at
    /// work, too. Where turns have no marks, one ends where the next begins.
    fn begin(&mut self, event: &Json, time: UnixNanos) {
        if self.open.is_open(event) {
            return;
        }
        // Up to 0.98 a turn's first messages stand before the record that opens it.
        let begin = self.open.pending_from().unwrap_or(self.line());
        if self.meta.has_no_turn_markers() {
            for open in self.open.end_all() {
                self.close(open, TurnEnd::Implied);
            }
        }
        let open = self.number(OpenTurn::new(event, time, begin));
        self.open.begin(open);
    }

    /// Where the line begins that is being read.
    fn line(&self) -> Checkpoint {
        Checkpoint { offset: self.line_start, ..self.at }
    }

    /// Gives a turn that begins here its place in the thread, and its settings.
    fn number(&mut self, mut open: OpenTurn) -> OpenTurn {
        open.ordinal = self.ordinal;
        if !turn::is_copied(open.turn_id.as_deref(), &self.meta) {
            self.at.turns = self.at.turns.map(|before| before + 1);
            open.number = self.at.turns;
        }
        open.settings.complete(&self.ahead);
        open.total = self.total;
        open
    }

    /// Ends the current turn.
    fn end(&mut self, event: &Json, end: TurnEnd) {
        let Some((mut open, unanswered)) = self.open.end() else { return };
        open.note_end(event);
        // A turn fails because the model did not answer this.
        let may_have_failed = end == TurnEnd::Completed && !open.has_final_answer;
        if (may_have_failed || matches!(end, TurnEnd::Failed(_))) && open.review.is_none() {
            open.entries.extend(unanswered.into_iter().map(Entry::Input));
        }
        self.close(open, end);
    }

    fn close(&mut self, mut open: OpenTurn, end: TurnEnd) {
        open.drop_orphans();
        self.turns.push(open.close(end, &self.meta, self.at));
    }

    fn response_item(&mut self, item: &Json, time: UnixNanos) {
        let kind = json::text(item, &["type"]).unwrap_or_default();
        let content = || item.get("content").and_then(json::content_text);
        let said = match kind {
            "message" => {
                let role = json::text(item, &["role"]).unwrap_or("user");
                let Some(text) = content() else { return };
                if role != "assistant" {
                    return match user_shell::command_of(&text, time) {
                        Some(command) => self.user_ran(item, text, command, time),
                        None => self.hold(item, role, text, time),
                    };
                }
                ModelItem::Text(text)
            }
            // What an agent tells another; to a sub-agent it is the prompt.
            "agent_message" => {
                let Some(text) = content() else { return };
                if let Some(open) = self.open.current_mut().filter(|o| o.parent_turn_id.is_some()) {
                    open.prompts.push(text.clone());
                }
                return self.hold(item, "user", text, time);
            }
            "reasoning" => {
                let summary = item.get("summary").and_then(json::content_text);
                ModelItem::Reasoning(content().or(summary))
            }
            _ if kind.ends_with("_output") => {
                let (call_id, output) = tools::call_output(item, time);
                return self.open.push(item, Entry::Output { call_id, output }, time);
            }
            _ if kind.ends_with("_call") => {
                ModelItem::Call(Box::new(tools::call_item(kind, item, time)))
            }
            _ => return,
        };
        self.open.push(item, Entry::Item { item: said, at: time }, time);
    }

    /// Keeps a message to the model until it is known which response it is for.
    fn hold(&mut self, item: &Json, role: &str, text: String, time: UnixNanos) {
        // Up to 0.98 it may be the next turn's, whenever that begins.
        if !self.meta.has_no_turn_markers() {
            self.open.touch(time);
        }
        let (role, parts) = (role.to_owned(), vec![Part::Text(text)]);
        self.open.hold(item, Message { role, parts, tool_call_id: None }, self.line());
    }
}

#[cfg(test)]
impl Transcript {
    /// Reads lines as the hook does.
    pub(crate) fn read_all<L: AsRef<[u8]>>(&mut self, lines: impl IntoIterator<Item = L>) {
        for text in lines {
            let mut line = Line::new(self.text_limit());
            line.push(text.as_ref());
            self.read(&line);
        }
    }
}

/// The message within an error that Codex passes on as the provider's JSON.
pub(crate) fn provider_message(error: &str) -> String {
    let parsed = serde_json::from_str::<Json>(error).ok();
    let message = parsed.as_ref().and_then(|error| json::text(error, &["error", "message"]));
    message.unwrap_or(error).to_owned()
}
