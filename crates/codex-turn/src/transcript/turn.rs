//! One turn of a transcript.

use otlp_model::turn::Compaction;
use otlp_model::{UnixNanos, cut};
use serde_json::Value as Json;

use super::budget::Cut;
use super::responses::{ModelItem, Response};
use super::{Checkpoint, ThreadMeta};
use crate::json;
use crate::notify::{NotifyPayload, uuid_v7_time};
use crate::tools::{CallItem, ToolItem};

/// How a turn stands at the end of what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnEnd {
    /// Codex says that it is complete.
    Completed,
    /// Codex says that it failed, with the reason.
    Failed(String),
    /// Codex says that it ended, of a version (up to 0.144) that does not say how, and the model did
    /// not have the last word.
    Unclear,
    /// The user or Codex stopped it, with the reason.
    Aborted(String),
    /// The next turn began, or nothing more came; the version says nothing of ends.
    Implied,
    /// The next turn began, or nothing more came, although this one never ended: Codex was killed.
    Lost,
    /// Unknown: it takes too long to read the turn to its end.
    Unread,
    /// It goes on, as far as one can tell.
    Open,
}

impl TurnEnd {
    /// The end of a turn of which the transcript has no end.
    pub(super) fn without_record(meta: &ThreadMeta) -> Self {
        if meta.has_no_turn_markers() { Self::Implied } else { Self::Lost }
    }
}

/// One turn, as the transcript alone tells it. [`fuse`](crate::fuse) makes a
/// [`Turn`](otlp_model::Turn) of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TranscriptTurn {
    /// The thread it belongs to.
    pub meta: ThreadMeta,
    /// The turn's id; none up to Codex 0.98.
    pub turn_id: Option<String>,
    /// Its place in the thread, from 1.
    pub number: Option<u64>,
    /// The ordinal of its first record (since Codex 0.169).
    pub ordinal: Option<u64>,
    /// When it began.
    pub start: UnixNanos,
    /// When it ended, or its last record was written.
    pub end: UnixNanos,
    /// How it ended.
    pub ended: TurnEnd,
    /// When its Codex ended, where that was seen and the transcript does not say it.
    pub gone: Option<UnixNanos>,
    /// The final answer.
    pub answer: Option<String>,
    /// The place from which to read once this turn and those before it need not be read again: the
    /// end of what was written of them, or where the first of the others begins.
    pub checkpoint: Checkpoint,
    /// Where it begins.
    pub(crate) begin: Checkpoint,
    /// The turn that set this one to work, and the one at the root, by their ids.
    pub(crate) parent_turn_id: Option<String>,
    pub(crate) root_turn_id: Option<String>,
    pub(crate) prompts: Vec<String>,
    pub(crate) error: Option<String>,
    pub(crate) time_to_first_token: Option<u64>,
    pub(crate) settings: Settings,
    pub(crate) steps: Vec<TranscriptStep>,
    /// What the model was to see last and never answered.
    pub(crate) unanswered: Option<Response>,
    /// The ends of calls that the model did not ask for itself.
    pub(crate) other_items: Vec<ToolItem>,
    /// What was too much to be kept.
    pub(crate) cut: Cut,
    pub(crate) is_marked_as_copy: bool,
}

impl TranscriptTurn {
    /// What tells the turn from the others of its thread: its id, or its place.
    pub fn key(&self) -> String {
        match (&self.turn_id, self.number) {
            (Some(id), _) => id.clone(),
            (None, Some(number)) => format!("turn {number}"),
            (None, None) => format!("turn at {}", self.start.0),
        }
    }

    /// The working directory that it ran in.
    pub fn directory(&self) -> Option<&str> {
        self.settings.cwd.as_deref().or(self.meta.cwd.as_deref())
    }

    /// Whether it is another thread's turn, copied into this transcript when the thread was forked
    /// off: it was sent there.
    pub fn is_copied(&self) -> bool {
        self.is_marked_as_copy || is_copied(self.turn_id.as_deref(), &self.meta)
    }

    /// Whether it may be such a turn without an id that says so (up to Codex 0.98): it was written
    /// when the thread was forked off.
    pub fn may_be_copied(&self) -> bool {
        const COPYING: u64 = 10_000_000_000;
        let forked = uuid_v7_time(&self.meta.thread_id);
        self.turn_id.is_none()
            && self.meta.forked_from_id.is_some()
            && forked.is_none_or(|forked| self.start.since(forked) < COPYING)
    }

    /// Whether all of it was written in less time than any model needs, right after something that
    /// was written until a time.
    pub fn was_written_at_once(&self, after: UnixNanos) -> bool {
        const AT_ONCE: u64 = 250_000_000;
        self.start.since(after) < 2 * AT_ONCE && self.end.since(self.start) < AT_ONCE
    }

    /// Whether it says the same as an earlier turn in the same place of another thread.
    pub fn repeats(&self, original: &Self) -> bool {
        fn essence(turn: &TranscriptTurn) -> impl PartialEq + '_ {
            let said = turn.responses().map(|response| (response.usage, response.items.len()));
            (turn.number, &turn.prompts, &turn.answer, said.collect::<Vec<_>>())
        }
        original.start < self.start && essence(self) == essence(original)
    }

    /// Takes it for another thread's turn.
    pub fn mark_copied(&mut self) {
        self.is_marked_as_copy = true;
    }

    /// Whether its user alone set it to work, also where its thread is a sub-agent's.
    pub fn is_at_root(&self) -> bool {
        self.root_turn_id.is_some() && self.root_turn_id == self.turn_id
    }

    /// Whether it ended in one way or another.
    pub fn has_ended(&self) -> bool {
        self.ended != TurnEnd::Open
    }

    /// Ends a turn that is going on and whose Codex is gone.
    pub fn abandon(&mut self) {
        if self.ended == TurnEnd::Open {
            self.ended = TurnEnd::without_record(&self.meta);
        }
    }

    /// Whether its Codex was gone before it ended.
    pub(crate) fn is_lost(&self) -> bool {
        self.ended == TurnEnd::Lost
    }

    /// Takes note of when its Codex was seen to end, where it was gone before the turn ended.
    pub fn note_gone(&mut self, time: UnixNanos) {
        if self.is_lost() && time > self.end {
            self.gone = Some(time);
        }
    }

    /// Takes a turn that seems lost for one that goes on: the Codex that began it may be one of
    /// several that have the transcript open.
    pub fn keep_open(&mut self) {
        if self.ended == TurnEnd::Lost {
            self.ended = TurnEnd::Open;
        }
    }

    /// The responses of the model, in order.
    pub(crate) fn responses(&self) -> impl DoubleEndedIterator<Item = &Response> + Clone {
        self.steps.iter().filter_map(|step| match step {
            TranscriptStep::Response(response) => Some(response),
            TranscriptStep::Compaction(_) => None,
        })
    }

    /// The calls that the model asked for, in order.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &CallItem> {
        self.responses().flat_map(|response| &response.items).filter_map(|item| match item {
            ModelItem::Call(call) => Some(call.as_ref()),
            ModelItem::Reasoning(_) | ModelItem::Text(_) => None,
        })
    }

    /// The ids of its calls, also of those that the model did not ask for itself.
    pub(crate) fn call_ids(&self) -> impl Iterator<Item = &str> {
        let asked = self.calls().map(|call| call.call_id.as_str());
        let others = self.other_items.iter().map(|item| item.id.as_str());
        asked.chain(others).filter(|id| !id.is_empty())
    }

    /// Frees the memory of a turn that was sent.
    pub fn forget_contents(&mut self) {
        // What is left says whether the model has had its last word.
        let is_response = |step: &TranscriptStep| matches!(step, TranscriptStep::Response(_));
        let last = self.steps.iter().rposition(is_response);
        self.steps = last.map(|last| self.steps.swap_remove(last)).into_iter().collect();
        self.other_items = Vec::new();
    }

    /// Whether a notify payload is about this turn.
    pub fn is_subject_of(&self, payload: &NotifyPayload) -> bool {
        match (payload.unique_turn_id(), &self.turn_id) {
            (Some(theirs), Some(ours)) => theirs == ours,
            (Some(_), None) | (None, Some(_)) => false,
            (None, None) => self.is_answered() && is_answer_of(self.answer.as_deref(), payload),
        }
    }

    /// Whether the model has had its last word, as far as a version without end records tells.
    pub fn is_answered(&self) -> bool {
        self.responses().next_back().is_some_and(|response| is_final(&response.items))
    }
}

/// Turn and thread ids carry the time at which they were made: a turn that is older than the thread
/// was another thread's first. Of a thread that began with nothing it is a clock that was set back.
pub(super) fn is_copied(turn_id: Option<&str>, meta: &ThreadMeta) -> bool {
    match (turn_id.and_then(uuid_v7_time), uuid_v7_time(&meta.thread_id)) {
        (Some(turn), Some(thread)) => turn < thread && meta.may_begin_with_copies(),
        _ => false,
    }
}

/// Sorts turns by their beginnings. Those that overlap are read again, all of them, until the last was
/// sent: a record that names no turn would go to another one if its own were left out.
pub(super) fn order(turns: &mut [TranscriptTurn]) {
    turns.sort_by_key(|turn| turn.begin.offset);
    let mut first: Option<Checkpoint> = None;
    let mut end = Checkpoint::START;
    for index in 0..turns.len() {
        let next = turns.get(index + 1).map(|next| next.begin);
        let turn = &turns[index];
        let begin = first.filter(|_| turn.begin.offset < end.offset).unwrap_or(turn.begin);
        // Of one that was killed nothing more came when the next one had begun.
        let own_end = next.filter(|_| turn.ended == TurnEnd::Lost).unwrap_or(turn.checkpoint);
        if own_end.offset >= end.offset {
            end = own_end;
        }
        let is_overlapped = next.is_some_and(|next| next.offset < end.offset);
        first = Some(begin);
        turns[index].checkpoint = if is_overlapped { begin } else { end };
    }
}

/// A step of a transcript's turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TranscriptStep {
    Response(Response),
    Compaction(Compaction),
}

/// What a turn was run with.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Settings {
    pub(crate) model: Option<String>,
    pub(crate) cwd: Option<String>,
    pub(crate) approval_policy: Option<String>,
    pub(crate) sandbox_mode: Option<String>,
    pub(crate) reasoning_effort: Option<String>,
    pub(crate) reasoning_summary: Option<String>,
    pub(crate) service_tier: Option<String>,
    /// Codex's own trace id.
    pub(crate) trace_id: Option<String>,
}

impl Settings {
    /// Takes over what is not known yet.
    pub(crate) fn complete(&mut self, other: &Self) {
        let fields = [
            (&mut self.model, &other.model),
            (&mut self.cwd, &other.cwd),
            (&mut self.approval_policy, &other.approval_policy),
            (&mut self.sandbox_mode, &other.sandbox_mode),
            (&mut self.reasoning_effort, &other.reasoning_effort),
            (&mut self.reasoning_summary, &other.reasoning_summary),
            (&mut self.service_tier, &other.service_tier),
        ];
        for (field, value) in fields {
            if field.is_none() {
                field.clone_from(value);
            }
        }
    }

    /// Takes over what a `turn_context` record says.
    pub(crate) fn update(&mut self, context: &Json) {
        let collaboration = ["collaboration_mode", "settings", "reasoning_effort"];
        let fields = [
            (&mut self.model, json::text(context, &["model"])),
            (&mut self.cwd, json::text(context, &["cwd"])),
            (&mut self.approval_policy, json::text(context, &["approval_policy"])),
            (
                &mut self.sandbox_mode,
                json::text(context, &["sandbox_policy", "type"])
                    .or_else(|| json::text(context, &["sandbox_policy", "mode"]))
                    .or_else(|| json::text(context, &["sandbox_policy"])),
            ),
            (
                &mut self.reasoning_effort,
                json::text(context, &["effort"]).or_else(|| json::text(context, &collaboration)),
            ),
            (&mut self.reasoning_summary, json::text(context, &["summary"])),
            (&mut self.service_tier, json::text(context, &["service_tier"])),
            (&mut self.trace_id, json::text(context, &["trace_id"])),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                *field = Some(value.to_owned());
            }
        }
    }
}

/// Whether an answer, which may have been cut, is the one that a payload repeats.
pub(super) fn is_answer_of(answer: Option<&str>, payload: &NotifyPayload) -> bool {
    match (answer, payload.last_assistant_message.as_deref()) {
        (Some(answer), Some(whole)) => cut::is_left_of(answer, whole),
        (answer, whole) => answer == whole,
    }
}

fn is_final(items: &[ModelItem]) -> bool {
    let calls = items.iter().any(|item| matches!(item, ModelItem::Call(_)));
    let text = items.iter().any(|item| matches!(item, ModelItem::Text(_)));
    text && !calls
}

#[cfg(test)]
mod tests {
    use super::super::open_turn::OpenTurn;
    use super::*;

    #[test]
    fn only_a_turn_that_goes_on_can_be_abandoned() {
        for (version, ended, expected) in [
            ("0.169.0", TurnEnd::Open, TurnEnd::Lost),
            ("0.98.0", TurnEnd::Open, TurnEnd::Implied),
            ("0.169.0", TurnEnd::Completed, TurnEnd::Completed),
        ] {
            let meta = ThreadMeta { cli_version: Some(version.to_owned()), ..Default::default() };
            let open = OpenTurn::new(&Json::Null, UnixNanos(1), Checkpoint::START);
            let mut turn = open.close(ended, &meta, Checkpoint::START);
            turn.abandon();
            assert_eq!(turn.ended, expected, "{version}");
        }
    }
    #[test]
    fn only_forks_and_sub_agents_begin_with_turns_of_others() {
        let (older, thread) =
            ("01a1fb18-0000-7131-84b5-6faa13380fc7", "01a1fb18-d745-76d3-8970-09f42d282b2f");
        let of = |forked: Option<&str>, parent: Option<&str>| ThreadMeta {
            thread_id: thread.to_owned(),
            forked_from_id: forked.map(str::to_owned),
            parent_thread_id: parent.map(str::to_owned),
            ..ThreadMeta::default()
        };
        assert!(is_copied(Some(older), &of(Some("other"), None)));
        assert!(is_copied(Some(older), &of(None, Some("other"))));
        // The clock was set back.
        assert!(!is_copied(Some(older), &of(None, None)));
        assert!(!is_copied(Some(thread), &of(Some("other"), None)));
    }
}
