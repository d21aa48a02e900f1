//! A code review: a turn that Codex writes itself, around one of a sub-agent that does the work.
//!
//! The turn has no `task_started` (Codex 0.169): it begins with the item that enters the review
//! mode. In between its transcript repeats records of the reviewer, whose own transcript tells them.
//! No model answers in the turn: the text at its end is Codex's.

use otlp_model::UnixNanos;
use serde_json::Value as Json;

use super::Transcript;
use crate::json;
use crate::tools::ToolItem;

const REVIEW: &str = "review";

impl Transcript {
    /// Takes in an event of a review; says whether it was one.
    pub(super) fn review(&mut self, event: &Json, time: UnixNanos) -> bool {
        match json::text(event, &["item", "type"]) {
            Some("EnteredReviewMode") => self.enter_review(event, time),
            Some("ExitedReviewMode") => self.exit_review(event),
            _ => return self.repeats_reviewer(event),
        }
        true
    }

    fn enter_review(&mut self, event: &Json, time: UnixNanos) {
        if !self.open.as_ref().is_some_and(|open| open.is_about(event)) {
            self.begin(event, time);
        }
        let (Some(open), Some(item)) = (&mut self.open, event.get("item")) else { return };
        let prompt = json::text(item, &["user_facing_hint"]);
        open.prompts.extend(prompt.map(str::to_owned));
        open.review = Some(ToolItem {
            id: json::text(item, &["id"]).unwrap_or(REVIEW).to_owned(),
            name: REVIEW.to_owned(),
            arguments: item.get("target").map(Json::to_string),
            started: json::millis(event, &["started_at_ms"]).or(Some(time)),
            ..ToolItem::default()
        });
    }

    fn exit_review(&mut self, event: &Json) {
        let Some(review) = self.open_review() else { return };
        let output = json::at(event, &["item", "review_output"]).filter(|found| found.is_object());
        review.output = output.map(Json::to_string);
        review.status = Some(if output.is_some() { "completed" } else { "failed" }.to_owned());
        review.completed = json::millis(event, &["completed_at_ms"]);
    }

    /// Whether the event is the reviewer's, which it notes.
    fn repeats_reviewer(&mut self, event: &Json) -> bool {
        if self.open.as_ref().is_none_or(|open| open.review.is_none() || open.is_about(event)) {
            return false;
        }
        let thread = json::text(event, &["thread_id"]).map(str::to_owned);
        if let (Some(review), Some(thread)) = (self.open_review(), thread) {
            review.sub_agent = Some(thread);
        }
        true
    }

    fn open_review(&mut self) -> Option<&mut ToolItem> {
        self.open.as_mut()?.review.as_mut()
    }
}
