//! The transcript (rollout JSONL): a fold over its lines into turns.

mod calls;
mod meta;
mod responses;
mod review;
mod turn;

use std::collections::HashSet;

use otlp_model::UnixNanos;
use otlp_model::turn::{Message, Part, Usage};
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

pub use meta::ThreadMeta;
pub(crate) use responses::{ModelItem, Response};
pub(crate) use turn::TranscriptStep;
pub use turn::{TranscriptTurn, TurnEnd};

use crate::notify::NotifyPayload;
use crate::problem::Problem;
use crate::{json, tools};
use responses::Entry;
use turn::{OpenTurn, Settings};

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
#[derive(Debug)]
pub struct Transcript {
    meta: ThreadMeta,
    at: Checkpoint,
    open: Option<OpenTurn>,
    /// Messages to the model that no response has followed yet.
    pending: Vec<Message>,
    /// Where the first of them stands.
    pending_from: Option<u64>,
    /// Where the line that is being read begins.
    line_start: u64,
    /// The settings that Codex noted last, for the turns to come.
    ahead: Settings,
    turns: Vec<TranscriptTurn>,
    unknown: HashSet<String>,
    problems: Vec<Problem>,
}

impl Transcript {
    /// Begins, or goes on at a checkpoint.
    pub fn resume(meta: ThreadMeta, at: Checkpoint) -> Self {
        Self {
            meta,
            at,
            open: None,
            pending: Vec::new(),
            pending_from: None,
            line_start: at.offset,
            ahead: Settings::default(),
            turns: Vec::new(),
            unknown: HashSet::new(),
            problems: Vec::new(),
        }
    }

    /// Where the next line begins.
    pub fn offset(&self) -> u64 {
        self.at.offset
    }

    /// Whether the turn that a notify payload is about has been read to its end.
    pub fn has_ended(&self, payload: &NotifyPayload) -> bool {
        match payload.unique_turn_id() {
            Some(id) => self.turns.iter().any(|turn| turn.turn_id.as_deref() == Some(id)),
            // Up to 0.98 a turn ends with the answer that the payload repeats.
            None => self.open.as_ref().is_some_and(|open| {
                open.is_answered() && open.answer == payload.last_assistant_message
            }),
        }
    }

    /// Takes in one complete line, without its newline.
    pub fn line(&mut self, line: &[u8]) {
        let offset = self.at.offset;
        self.line_start = offset;
        self.at.offset += line.len() as u64 + 1;
        if line.trim_ascii().is_empty() {
            return;
        }
        match serde_json::from_slice::<Record<'_>>(line) {
            Ok(record) => {
                let time = record.timestamp.as_deref().and_then(json::rfc3339);
                if let Err(what) = self.record(&record, time) {
                    self.problems.push(Problem { offset, what });
                }
            }
            Err(error) => {
                let what = format!(
                    "{} bytes that are not a record ({:?} error)",
                    line.len(),
                    error.classify()
                );
                self.problems.push(Problem { offset, what });
            }
        }
    }

    /// Passes over a line that is too long to be taken in; `bytes` include its newline.
    pub fn skip(&mut self, bytes: u64) {
        let offset = self.at.offset;
        self.at.offset += bytes;
        self.problems
            .push(Problem { offset, what: format!("a line of {bytes} bytes was passed over") });
    }

    /// The turns, in order, and what could not be understood. The last turn may be open.
    pub fn finish(mut self) -> (Vec<TranscriptTurn>, Vec<Problem>) {
        if let Some(open) = self.open.take() {
            self.turns.push(open.close(TurnEnd::Open, &self.meta, self.at));
        }
        (self.turns, self.problems)
    }

    fn record(&mut self, record: &Record<'_>, time: Option<UnixNanos>) -> Result<(), String> {
        let payload = || -> Result<Json, String> {
            serde_json::from_str(record.payload.map_or("null", RawValue::get)).map_err(|error| {
                format!("the payload of a `{}` record: {:?} error", record.kind, error.classify())
            })
        };
        let time = time.or(self.last_time()).unwrap_or_default();
        match record.kind.as_ref() {
            "event_msg" => self.event(&payload()?, time),
            "response_item" => self.response_item(&payload()?, time),
            "turn_context" => {
                let context = payload()?;
                if let Some(open) = self.open_for(&context) {
                    open.settings.update(&context);
                }
            }
            "token_usage_record" => {
                let payload = payload()?;
                let usage =
                    payload.get("usage").and_then(usage).ok_or("a usage record without usage")?;
                let response_id = json::text(&payload, &["response_id"]).map(str::to_owned);
                if let Some(open) = self.open_for(&payload) {
                    open.has_usage_records = true;
                    self.push(Entry::Usage { usage, response_id, at: time, record: true });
                }
            }
            "compacted" => {
                let summary = json::text(&payload()?, &["message"]).map(str::to_owned);
                self.push(Entry::Compacted { summary, at: time });
            }
            "session_meta" | "world_state" | "inter_agent_communication_metadata" => {}
            other => {
                if self.unknown.insert(other.to_owned()) {
                    return Err(format!("record type `{other}` is unknown"));
                }
            }
        }
        if let Some(open) = &mut self.open {
            open.last = time.max(open.last);
        }
        Ok(())
    }

    fn event(&mut self, event: &Json, time: UnixNanos) {
        if self.review(event, time) {
            return;
        }
        let kind = json::text(event, &["type"]).unwrap_or_default();
        match kind {
            "task_started" | "turn_started" => self.begin(event, time),
            "task_complete" | "turn_complete" => {
                let end = match json::text(event, &["error", "message"]) {
                    Some(message) => TurnEnd::Failed(provider_message(message)),
                    None => TurnEnd::Completed,
                };
                self.end(event, end, time);
            }
            "turn_aborted" => {
                let reason = json::text(event, &["reason"]).unwrap_or("aborted").to_owned();
                self.end(event, TurnEnd::Aborted(reason), time);
            }
            "user_message" => {
                if self.meta.has_no_turn_markers()
                    && self.open.as_ref().is_none_or(OpenTurn::is_answered)
                {
                    self.begin(event, time);
                }
                if let (Some(open), Some(message)) =
                    (&mut self.open, json::text(event, &["message"]))
                {
                    open.prompts.push(message.to_owned());
                }
            }
            "agent_message" => {
                if let (Some(open), Some(message)) =
                    (&mut self.open, json::text(event, &["message"]))
                {
                    open.answer = Some(message.to_owned());
                }
            }
            "token_count" => self.token_count(event, time),
            "thread_settings_applied" => {
                let mut settings = Settings::default();
                settings.update(event.get("thread_settings").unwrap_or(&Json::Null));
                if let Some(open) = &mut self.open {
                    open.settings.complete(&settings);
                }
                // Of all turns but the first they stand before the turn.
                self.ahead = settings;
            }
            "item_completed" => self.item_completed(event),
            "error" | "stream_error" => {
                if let (Some(open), Some(message)) =
                    (&mut self.open, json::text(event, &["message"]))
                {
                    open.error = Some(provider_message(message));
                }
            }
            _ => {
                if let Some(item) = tools::end_event(kind, event, time)
                    && let Some(open) = &mut self.open
                {
                    open.entries.push(Entry::End(item));
                }
            }
        }
    }

    /// A turn that is still open is one that Codex never ended: it was killed.
    fn begin(&mut self, event: &Json, time: UnixNanos) {
        if let Some(open) = self.open.take() {
            let end = TurnEnd::without_record(&self.meta);
            // Up to 0.98 a turn's first messages stand before the record that opens it.
            let offset = self.pending_from.unwrap_or(self.line_start);
            self.turns.push(open.close(end, &self.meta, Checkpoint { offset, ..self.at }));
        }
        let mut open = OpenTurn::new(event, time);
        if !turn::is_copied(open.turn_id.as_deref(), &self.meta.thread_id) {
            self.at.turns = self.at.turns.map(|before| before + 1);
            open.number = self.at.turns;
        }
        open.settings.complete(&self.ahead);
        self.open = Some(open);
    }

    fn end(&mut self, event: &Json, end: TurnEnd, time: UnixNanos) {
        let Some(mut open) = self.open.take_if(|open| open.is_about(event)) else { return };
        open.last = time.max(open.last);
        open.duration =
            json::number(event, &["duration_ms"]).map(|ms| ms.saturating_mul(1_000_000));
        open.time_to_first_token =
            json::number(event, &["time_to_first_token_ms"]).map(|ms| ms.saturating_mul(1_000_000));
        if let Some(answer) = json::text(event, &["last_agent_message"]) {
            open.answer = Some(answer.to_owned());
        }
        open.ended = true;
        // A turn fails because the model did not answer this.
        if matches!(end, TurnEnd::Failed(_)) && open.review.is_none() {
            open.entries.extend(self.take_pending().into_iter().map(Entry::Input));
        }
        self.turns.push(open.close(end, &self.meta, self.at));
        self.take_pending();
    }

    /// Old versions write each count twice, and once more before the next response: only a change
    /// of the thread's total is a response.
    fn token_count(&mut self, event: &Json, time: UnixNanos) {
        let Some(info) = event.get("info").filter(|info| info.is_object()) else { return };
        let total = json::number(info, &["total_token_usage", "total_tokens"]);
        let last = info.get("last_token_usage").and_then(usage);
        let changed = total.is_some() && total != self.at.total_tokens;
        self.at.total_tokens = total.or(self.at.total_tokens);
        if let Some(usage) = last.filter(|usage| changed && usage.total() > 0) {
            self.push(Entry::Usage { usage, response_id: None, at: time, record: false });
        }
    }

    fn item_completed(&mut self, event: &Json) {
        if let Some(item) = tools::tool_item(event) {
            if let Some(open) = self.open_for(event) {
                open.entries.push(Entry::End(item));
            }
            // Otherwise a process that outlived its aborted turn: that turn is told already.
            return;
        }
        let Some(open) = self.open_for(event) else { return };
        let item = event.get("item").unwrap_or(&Json::Null);
        let content = item.get("content").and_then(json::content_text);
        match (json::text(item, &["type"]), content) {
            (Some("UserMessage"), Some(prompt)) => open.prompts.push(prompt),
            (Some("AgentMessage"), Some(answer)) => open.answer = Some(answer),
            (Some("ContextCompaction"), _) => {
                open.compaction_start = json::millis(event, &["started_at_ms"]);
            }
            _ => {}
        }
    }

    fn response_item(&mut self, item: &Json, time: UnixNanos) {
        let kind = json::text(item, &["type"]).unwrap_or_default();
        let entry = match kind {
            "message" => {
                let role = json::text(item, &["role"]).unwrap_or("user").to_owned();
                let Some(text) = item.get("content").and_then(json::content_text) else { return };
                if role != "assistant" {
                    let parts = vec![Part::Text(text)];
                    self.pending.push(Message { role, parts, tool_call_id: None });
                    self.pending_from.get_or_insert(self.line_start);
                    return;
                }
                Entry::Item { item: ModelItem::Text(text), at: time }
            }
            // What an agent tells another; to a sub-agent it is the prompt.
            "agent_message" => {
                let Some(text) = item.get("content").and_then(json::content_text) else { return };
                if let Some(open) = self.open.as_mut().filter(|open| open.parent_turn_id.is_some())
                {
                    open.prompts.push(text.clone());
                }
                let parts = vec![Part::Text(text)];
                self.pending.push(Message { role: "user".to_owned(), parts, tool_call_id: None });
                self.pending_from.get_or_insert(self.line_start);
                return;
            }
            "reasoning" => {
                let summary = item.get("summary").and_then(json::content_text);
                let text = item.get("content").and_then(json::content_text).or(summary);
                Entry::Item { item: ModelItem::Reasoning(text), at: time }
            }
            _ if kind.ends_with("_output") => {
                let (call_id, output) = tools::call_output(item, time);
                Entry::Output { call_id, output }
            }
            _ if kind.ends_with("_call") => Entry::Item {
                item: ModelItem::Call(Box::new(tools::call_item(kind, item, time))),
                at: time,
            },
            _ => return,
        };
        self.push(entry);
    }

    /// Adds an entry to the open turn, after the messages that came before it.
    fn push(&mut self, entry: Entry) {
        let inputs = self.take_pending();
        if let Some(open) = self.open.as_mut().filter(|open| open.review.is_none()) {
            open.entries.extend(inputs.into_iter().map(Entry::Input));
            open.entries.push(entry);
        }
    }

    fn take_pending(&mut self) -> Vec<Message> {
        self.pending_from = None;
        std::mem::take(&mut self.pending)
    }

    /// The open turn, if the record is about it: others are a child's, or late.
    fn open_for(&mut self, record: &Json) -> Option<&mut OpenTurn> {
        self.open.as_mut().filter(|open| open.is_about(record))
    }

    fn last_time(&self) -> Option<UnixNanos> {
        self.open.as_ref().map(|open| open.last)
    }
}

/// Whether a line is the record that opens a turn (since Codex 0.104), without decoding all of it.
pub fn begins_turn(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow, rename = "type")]
        kind: std::borrow::Cow<'a, str>,
    }
    let Ok(Record { kind, payload: Some(payload), .. }) = serde_json::from_slice(line) else {
        return false;
    };
    let event = serde_json::from_str::<Event<'_>>(payload.get());
    kind == "event_msg"
        && event.is_ok_and(|event| matches!(event.kind.as_ref(), "task_started" | "turn_started"))
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    timestamp: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

/// The message within an error that Codex passes on as the provider's JSON.
fn provider_message(error: &str) -> String {
    let parsed = serde_json::from_str::<Json>(error).ok();
    let message = parsed.as_ref().and_then(|error| json::text(error, &["error", "message"]));
    message.unwrap_or(error).to_owned()
}

fn usage(value: &Json) -> Option<Usage> {
    let number = |key: &str| json::number(value, &[key]);
    Some(Usage {
        input: number("input_tokens")?,
        cached_input: number("cached_input_tokens").unwrap_or(0),
        cache_write_input: number("cache_write_input_tokens").unwrap_or(0),
        output: number("output_tokens")?,
        reasoning_output: number("reasoning_output_tokens").unwrap_or(0),
    })
}
