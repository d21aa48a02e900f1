//! A turn whose end has not been read yet.

use std::collections::HashSet;

use otlp_model::UnixNanos;
use otlp_model::turn::Compaction;
use serde_json::Value as Json;

use super::budget::Cut;
use super::responses::{self, Entry, Grouped, ModelItem};
use super::tokens::Total;
use super::turn::{Settings, TranscriptStep, TranscriptTurn, TurnEnd};
use super::{Checkpoint, ThreadMeta};
use crate::json;
use crate::tools::{self, ToolItem};

/// A turn whose end has not been read yet.
#[derive(Debug, Clone)]
pub(super) struct OpenTurn {
    pub(super) turn_id: Option<String>,
    pub(super) parent_turn_id: Option<String>,
    pub(super) root_turn_id: Option<String>,
    pub(super) number: Option<u64>,
    pub(super) ordinal: Option<u64>,
    pub(super) begun: UnixNanos,
    /// Where it begins.
    pub(super) begin: Checkpoint,
    pub(super) last: UnixNanos,
    pub(super) duration: Option<u64>,
    pub(super) prompts: Vec<String>,
    pub(super) answer: Option<String>,
    pub(super) error: Option<String>,
    pub(super) time_to_first_token: Option<u64>,
    pub(super) settings: Settings,
    /// The model that the last entry of a model names.
    asked_model: Option<String>,
    pub(super) entries: Vec<Entry>,
    /// Whether the record of its end has an answer.
    pub(super) has_final_answer: bool,
    pub(super) has_usage_records: bool,
    /// The usage records that were read, by their hashes.
    pub(super) usage_records: HashSet<u64>,
    /// The thread's cumulative token count, as the front end of this turn has it.
    pub(super) total: Total,
    pub(super) compaction_start: Option<UnixNanos>,
    /// The user's commands of which an item was read, and no message yet.
    pub(super) noted_commands: Vec<Option<String>>,
    /// The review, where a reviewer does the work.
    pub(super) review: Option<ToolItem>,
    pub(super) cut: Cut,
    /// Whether another turn began, and nothing of this one has come since.
    pub(super) is_superseded: bool,
}

impl OpenTurn {
    pub(super) fn new(event: &Json, time: UnixNanos, begin: Checkpoint) -> Self {
        let settings = Settings {
            trace_id: json::text(event, &["trace_id"]).map(str::to_owned),
            ..Settings::default()
        };
        Self {
            turn_id: json::text(event, &["turn_id"]).map(str::to_owned),
            parent_turn_id: json::text(event, &["turn_attribution", "parent_turn_id"])
                .map(str::to_owned),
            root_turn_id: json::text(event, &["root_turn_id"])
                .or_else(|| json::text(event, &["turn_attribution", "root_turn_id"]))
                .map(str::to_owned),
            number: None,
            ordinal: None,
            begun: time,
            begin,
            last: time,
            duration: None,
            prompts: Vec::new(),
            answer: None,
            error: None,
            time_to_first_token: None,
            settings,
            asked_model: None,
            entries: Vec::new(),
            has_final_answer: false,
            has_usage_records: false,
            usage_records: HashSet::new(),
            total: Total::default(),
            compaction_start: None,
            noted_commands: Vec::new(),
            review: None,
            cut: Cut::default(),
            is_superseded: false,
        }
    }

    /// Takes in the settings of the requests that follow.
    pub(super) fn update_settings(&mut self, context: &Json) {
        self.settings.update(context);
        if self.settings.model != self.asked_model {
            self.asked_model = self.settings.model.clone();
            self.entries.extend(self.asked_model.clone().map(Entry::Model));
        }
    }

    /// Takes in an `item_completed` event.
    pub(super) fn complete_item(&mut self, event: &Json) {
        if let Some(item) = tools::tool_item(event) {
            if item.name == tools::USER_SHELL {
                self.noted_commands.push(item.arguments.clone());
            }
            self.entries.push(Entry::End(item));
            return;
        }
        let item = event.get("item").unwrap_or(&Json::Null);
        let content = item.get("content").and_then(json::content_text);
        match (json::text(item, &["type"]), content) {
            (Some("UserMessage"), Some(prompt)) => self.prompts.push(prompt),
            (Some("AgentMessage"), Some(answer)) => self.answer = Some(answer),
            (Some("ContextCompaction"), _) => {
                self.compaction_start = json::millis(event, &["started_at_ms"]);
            }
            _ => {}
        }
    }

    /// Takes in what the record of its end says.
    pub(super) fn note_end(&mut self, event: &Json) {
        let nanos = |key: &str| json::number(event, &[key]).map(|ms| ms.saturating_mul(1_000_000));
        self.duration = nanos("duration_ms");
        self.time_to_first_token = nanos("time_to_first_token_ms");
        if let Some(answer) = json::text(event, &["last_agent_message"]) {
            self.answer = Some(answer.to_owned());
            self.has_final_answer = true;
        }
    }

    /// Whether the model made a tool call of this id.
    pub(super) fn has_call(&self, id: &str) -> bool {
        self.entries.iter().rev().any(|entry| {
            matches!(entry, Entry::Item { item: ModelItem::Call(call), .. } if call.call_id == id)
        })
    }

    /// Whether the last thing that the model said asks for no tool.
    pub(super) fn is_answered(&self) -> bool {
        let last = self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Item { item, .. } => Some(item),
            _ => None,
        });
        matches!(last, Some(ModelItem::Text(_)))
    }

    pub(super) fn close(
        mut self,
        mut ended: TurnEnd,
        meta: &ThreadMeta,
        checkpoint: Checkpoint,
    ) -> TranscriptTurn {
        // The start record is written late; the duration is exact.
        let start = self.duration.map_or(self.begun, |duration| self.last.minus(duration));
        // Of a review Codex counts the time of the reviewer alone.
        let entered = self.review.as_ref().and_then(|review| review.started);
        let start = entered.map_or(start, |entered| start.min(entered));
        let grouped = responses::group(std::mem::take(&mut self.entries), self.has_usage_records);
        if ended == TurnEnd::Completed
            && meta.says_nothing_of_failures()
            && !self.was_answered(&grouped)
        {
            ended = TurnEnd::Unclear;
        }
        let compaction_start = self.compaction_start;
        let steps = grouped.steps.into_iter().map(|step| match step {
            responses::Step::Response(response) => TranscriptStep::Response(response),
            responses::Step::Compacted { summary, at } => TranscriptStep::Compaction(Compaction {
                start: compaction_start.filter(|start| *start <= at).unwrap_or(at),
                end: at,
                summary,
                attributes: Vec::new(),
            }),
        });
        TranscriptTurn {
            meta: meta.clone(),
            turn_id: self.turn_id,
            number: self.number,
            ordinal: self.ordinal,
            start,
            end: self.last,
            ended,
            gone: None,
            answer: self.answer,
            checkpoint,
            begin: self.begin,
            parent_turn_id: self.parent_turn_id,
            root_turn_id: self.root_turn_id,
            prompts: self.prompts,
            error: self.error,
            time_to_first_token: self.time_to_first_token,
            settings: self.settings,
            steps: steps.collect(),
            unanswered: grouped.unanswered,
            other_items: self.review.into_iter().chain(grouped.other_items).collect(),
            cut: self.cut,
            is_marked_as_copy: false,
        }
    }
}

impl OpenTurn {
    /// Whether the turn did what a turn does that succeeds.
    fn was_answered(&self, grouped: &Grouped) -> bool {
        if self.has_final_answer || self.review.is_some() {
            return true;
        }
        match grouped.steps.last() {
            // `/compact`
            Some(responses::Step::Compacted { .. }) => self.prompts.is_empty(),
            // Nothing to say, and nothing to do.
            Some(responses::Step::Response(last)) => {
                let is_thought = |item| matches!(item, &ModelItem::Reasoning(_));
                grouped.unanswered.is_none()
                    && last.usage.is_some()
                    && last.items.iter().all(is_thought)
            }
            // A command of the user's own.
            None => self.prompts.is_empty() && !grouped.other_items.is_empty(),
        }
    }
}
