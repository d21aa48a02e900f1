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
    /// Takes in an event of a review; says whether it was one. `has_turn` is whether the turn that it
    /// names is open.
    pub(super) fn review(&mut self, event: &Json, time: UnixNanos, has_turn: bool) -> bool {
        match json::text(event, &["item", "type"]) {
            Some("EnteredReviewMode") => self.enter_review(event, time, has_turn),
            Some("ExitedReviewMode") => self.exit_review(event, time),
            _ => return !has_turn && self.repeats_reviewer(event, time),
        }
        true
    }

    fn enter_review(&mut self, event: &Json, time: UnixNanos, has_turn: bool) {
        if !has_turn {
            self.begin(event, time);
        }
        let (Some(open), Some(item)) = (self.open.touch(time), event.get("item")) else { return };
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

    fn exit_review(&mut self, event: &Json, time: UnixNanos) {
        self.open.touch(time);
        let Some(review) = self.open.review().and_then(|open| open.review.as_mut()) else { return };
        let output = json::at(event, &["item", "review_output"]).filter(|found| found.is_object());
        review.output = output.map(Json::to_string);
        review.status = Some(if output.is_some() { "completed" } else { "failed" }.to_owned());
        review.completed = json::millis(event, &["completed_at_ms"]);
    }

    /// Whether an event of a turn that is not open is the reviewer's, which it notes.
    fn repeats_reviewer(&mut self, event: &Json, time: UnixNanos) -> bool {
        // A turn that another client begins meanwhile is at the root of its own tree.
        let of_root = |key: &str| json::text(event, &["turn_attribution", key]);
        let is_root = of_root("root_turn_id").is_some_and(|root| of_root("turn_id") == Some(root));
        let Some(open) = self.open.review().filter(|_| !is_root) else { return false };
        open.last = time.max(open.last);
        if let (Some(thread), Some(review)) = (json::text(event, &["thread_id"]), &mut open.review)
        {
            review.sub_agent = Some(thread.to_owned());
        }
        true
    }
}
