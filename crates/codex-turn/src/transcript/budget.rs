//! How much of a turn is kept while its transcript is read, so that a turn of any size takes little
//! memory: texts are cut at a limit, the same for all of the turn, and when those that are kept become
//! too many, at half of it. What does not fit even then is counted.

use std::collections::HashMap;
use std::mem;

use otlp_model::UnixNanos;
use otlp_model::cut::cut;
use otlp_model::turn::{Message, Part};

use super::open_turn::OpenTurn;
use super::responses::{Entry, ModelItem};
use crate::tools::{NESTED_ID, ToolItem, USER_SHELL};

/// How many bytes of a turn are kept, as [`OpenTurn::size`] counts them.
const BUDGET: usize = 8 * 1024 * 1024;

/// What a record takes beside its texts: here, and in the turn and the spans that are made of it.
const RECORD: usize = 512;

/// Of a turn that is too large, so many responses are kept as such.
const RESPONSES: usize = 2048;

/// Texts are not cut below this limit, in bytes, whatever the limit of those that are exported: some are
/// JSON that is read, or are compared.
const LEAST_LIMIT: usize = 16 * 1024;

/// Those of a turn that is too large are not cut below this limit, in bytes.
const SHORTEST_LIMIT: usize = 256;

/// What is kept of the turns of a transcript.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    /// Where the texts of any turn are cut.
    longest: usize,
    /// Where the texts of the open turns are cut now.
    limit: usize,
    /// Bytes of the open turns, at most: some of what was read is not kept.
    open: usize,
    /// At so many bytes the open turns are measured.
    measure_at: usize,
    /// Bytes of the turns that have ended.
    ended: usize,
}

/// What is not kept of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cut {
    /// The limit of its texts in bytes, where it is below that of all turns.
    pub(crate) text_limit: Option<usize>,
    /// Tool calls that are missing.
    pub(crate) calls: u64,
    /// Messages that are missing.
    pub(crate) messages: u64,
    /// Responses of which only their usage is there, in one.
    pub(crate) responses: u64,
}

impl Budget {
    pub(super) fn new(longest: usize) -> Self {
        let longest = longest.clamp(LEAST_LIMIT, BUDGET / 4);
        Self { longest, limit: longest, open: 0, measure_at: BUDGET, ended: 0 }
    }

    /// Where the next text is cut, in bytes.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether the turns that have ended take so much that they should be sent before more is read.
    pub(super) fn is_spent(&self) -> bool {
        self.ended > BUDGET / 4
    }

    /// Takes note of a record of so many bytes, after which these turns are open.
    pub(super) fn note<'t>(&mut self, bytes: usize, open: impl Iterator<Item = &'t mut OpenTurn>) {
        self.open += RECORD + bytes;
        if self.open < self.measure_at {
            return;
        }
        let mut open: Vec<&mut OpenTurn> = open.collect();
        let size = |open: &[&mut OpenTurn]| open.iter().map(|turn| turn.size()).sum::<usize>();
        self.open = size(&open);
        // Half of it, lest every further record be too much again.
        while self.open > BUDGET / 2 && self.limit > SHORTEST_LIMIT {
            self.limit = (self.limit / 2).max(SHORTEST_LIMIT);
            open.iter_mut().for_each(|turn| turn.cut_texts(self.limit));
            self.open = size(&open);
        }
        if self.open > BUDGET / 4 * 3 {
            let share = BUDGET / 4 / open.len().max(1);
            open.iter_mut().for_each(|turn| turn.drop_records_beyond(share));
            self.open = size(&open);
        }
        self.measure_at = BUDGET.max(self.open + BUDGET / 2);
    }

    /// Takes note that a turn has ended, and these have not.
    pub(super) fn end<'t>(&mut self, open: impl Iterator<Item = &'t OpenTurn>) {
        let before = mem::take(&mut self.open);
        self.open = open.map(OpenTurn::size).sum();
        self.ended += before.saturating_sub(self.open);
        if self.open == 0 {
            (self.limit, self.measure_at) = (self.longest, BUDGET);
        }
    }
}

impl OpenTurn {
    /// How many bytes the turn takes, about.
    fn size(&self) -> usize {
        let prompts: usize = self.prompts.iter().map(String::len).sum();
        self.entries.iter().map(size).sum::<usize>() + prompts
    }

    fn cut_texts(&mut self, limit: usize) {
        self.cut.text_limit = Some(limit);
        for entry in &mut self.entries {
            texts(entry, &mut |text| cut(text, limit));
        }
        let own = [&mut self.answer, &mut self.error].into_iter().flatten();
        self.prompts.iter_mut().chain(own).for_each(|text| cut(text, limit));
    }

    /// Drops what came last of calls that are missing.
    pub(super) fn drop_orphans(&mut self) {
        if self.cut.calls > 0 {
            self.drop_records_beyond(usize::MAX);
        }
    }

    /// Drops calls and messages beyond so many bytes, and what belongs to calls that were dropped, now
    /// or before. Tokens stay.
    fn drop_records_beyond(&mut self, bytes: usize) {
        self.merge_responses();
        let mut kept = 0;
        let mut calls: HashMap<String, Ends> = HashMap::new();
        let cut = &mut self.cut;
        self.entries.retain(|entry| {
            let fits = kept <= bytes;
            let is_kept = match entry {
                Entry::Item { item: ModelItem::Call(call), .. } if fits => {
                    let ends = calls.entry(call.call_id.clone()).or_default();
                    ends.outputs += 1;
                    ends.items += 1;
                    true
                }
                Entry::Item { item: ModelItem::Call(_), .. } => {
                    cut.calls += 1;
                    false
                }
                Entry::Item { .. } | Entry::Input(_) => {
                    cut.messages += u64::from(!fits);
                    fits
                }
                // Those of calls that are kept find room: they are as short as can be.
                Entry::Output { call_id, .. } => {
                    return calls.get_mut(call_id).is_some_and(|ends| take_one(&mut ends.outputs));
                }
                Entry::End(item) if item.id.starts_with(NESTED_ID) || item.name == USER_SHELL => {
                    cut.calls += u64::from(!fits);
                    fits
                }
                Entry::End(item) => {
                    return calls.get_mut(&item.id).is_some_and(|ends| take_one(&mut ends.items));
                }
                Entry::Usage { .. }
                | Entry::Model(_)
                | Entry::Compacted { .. }
                | Entry::Rest { .. } => true,
            };
            kept += if is_kept { size(entry) } else { 0 };
            is_kept
        });
    }
}

impl OpenTurn {
    /// Makes one of the responses beyond those that are kept. Each of their usages stays: what a request
    /// costs may depend on its size.
    fn merge_responses(&mut self) {
        let has_records = self.has_usage_records;
        let (mut responses, mut rest, mut last) = (0, Vec::new(), UnixNanos::default());
        self.entries.retain_mut(|entry| match entry {
            // It repeats a record.
            Entry::Usage { record: false, .. } if has_records => false,
            Entry::Usage { usage, at, .. } => {
                responses += 1;
                if responses > RESPONSES {
                    rest.push(*usage);
                    last = *at;
                }
                responses <= RESPONSES
            }
            Entry::Rest { usages, at } => {
                rest.append(usages);
                last = *at;
                false
            }
            _ => true,
        });
        if !rest.is_empty() {
            self.cut.responses = rest.len() as u64;
            self.entries.push(Entry::Rest { usages: rest, at: last });
        }
    }
}

/// How many outputs and ends the calls of one id, which may be several, are still to get.
#[derive(Default)]
struct Ends {
    outputs: usize,
    items: usize,
}

fn take_one(left: &mut usize) -> bool {
    let is_left = *left > 0;
    *left -= usize::from(is_left);
    is_left
}

fn size(entry: &Entry) -> usize {
    let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let texts = match entry {
        Entry::Input(message) => size_of_message(message),
        Entry::Item { item, .. } => match item {
            ModelItem::Reasoning(text) => of(text),
            ModelItem::Text(text) => text.len(),
            ModelItem::Call(call) => 2 * of(&call.arguments),
        },
        // The call shows it, and the next request.
        Entry::Output { output, .. } => 2 * of(&output.text),
        Entry::End(item) => size_of_item(item),
        Entry::Usage { .. } | Entry::Model(_) => 0,
        Entry::Rest { usages, .. } => size_of_val(usages.as_slice()),
        Entry::Compacted { summary, .. } => of(summary),
    };
    RECORD + texts
}

fn size_of_item(item: &ToolItem) -> usize {
    [&item.arguments, &item.output].into_iter().flatten().map(String::len).sum()
}

fn size_of_message(message: &Message) -> usize {
    let part = |part: &Part| match part {
        Part::Text(text) | Part::Reasoning(text) => text.len(),
        Part::ToolCall { arguments, .. } => arguments.len(),
    };
    message.parts.iter().map(part).sum()
}

/// Visits the texts of an entry.
fn texts(entry: &mut Entry, visit: &mut dyn FnMut(&mut String)) {
    match entry {
        Entry::Input(message) => {
            for part in &mut message.parts {
                match part {
                    Part::Text(text) | Part::Reasoning(text) => visit(text),
                    Part::ToolCall { arguments, .. } => visit(arguments),
                }
            }
        }
        Entry::Item { item, .. } => match item {
            ModelItem::Reasoning(text) => text.iter_mut().for_each(visit),
            ModelItem::Text(text) => visit(text),
            ModelItem::Call(call) => call.arguments.iter_mut().for_each(visit),
        },
        Entry::Output { output, .. } => output.text.iter_mut().for_each(visit),
        Entry::End(item) => texts_of_item(item, visit),
        Entry::Compacted { summary, .. } => summary.iter_mut().for_each(visit),
        Entry::Usage { .. } | Entry::Model(_) | Entry::Rest { .. } => {}
    }
}

fn texts_of_item(item: &mut ToolItem, visit: &mut dyn FnMut(&mut String)) {
    [&mut item.arguments, &mut item.output].into_iter().flatten().for_each(visit);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::line::Line;
    use crate::transcript::{Checkpoint, ThreadMeta, Transcript, TranscriptTurn};

    /// Reads turns as the hook does, and says how much of them is kept at most.
    fn read(records: impl Iterator<Item = Json>) -> (Vec<TranscriptTurn>, usize) {
        let mut transcript = Transcript::resume(ThreadMeta::default(), Checkpoint::START);
        let mut line = Line::new(transcript.text_limit());
        let mut most = 0;
        for (place, record) in records.enumerate() {
            line.push(record.to_string().as_bytes());
            transcript.read(&line);
            line.clear(transcript.text_limit());
            if place % 1000 == 0 {
                most = most.max(transcript.open.iter().map(OpenTurn::size).sum());
            }
        }
        let (turns, problems) = transcript.finish();
        assert_eq!(problems, []);
        (turns, most)
    }

    fn msg(kind: &str) -> Json {
        json!({ "type": "event_msg", "payload": { "type": kind, "turn_id": "t" } })
    }

    fn item(payload: Json) -> Json {
        json!({ "type": "response_item", "payload": payload })
    }

    fn call(number: usize) -> Json {
        item(
            json!({ "type": "function_call", "name": "look", "call_id": format!("call_{number}") }),
        )
    }

    fn output(number: usize, bytes: usize) -> Json {
        let output = "word ".repeat(bytes / 5);
        item(json!({ "type": "function_call_output", "call_id": format!("call_{number}"),
            "output": output }))
    }

    fn usage() -> Json {
        json!({ "type": "token_usage_record",
            "payload": { "turn_id": "t", "usage": { "input_tokens": 10, "output_tokens": 2 } } })
    }

    fn turn(records: impl Iterator<Item = Json>) -> impl Iterator<Item = Json> {
        [msg("task_started")].into_iter().chain(records).chain([msg("task_complete")])
    }

    fn responses(turn: &TranscriptTurn) -> Vec<&crate::transcript::Response> {
        turn.responses().collect()
    }

    #[test]
    fn texts_of_a_large_turn_are_cut_alike_and_those_of_the_next_one_are_not() {
        let calls = (0..400).flat_map(|number| [call(number), usage(), output(number, 100_000)]);
        let next = turn([call(0), usage(), output(0, 100_000)].into_iter());
        let (turns, most) = read(turn(calls).chain(next));
        assert!(most <= 2 * BUDGET, "{most}");
        let limit = turns[0].cut.text_limit.unwrap();
        assert!(limit >= 2048, "{limit}");
        let outputs = |turn: &TranscriptTurn| -> Vec<String> {
            turn.calls().filter_map(|call| call.output.as_ref()?.text.clone()).collect()
        };
        for output in outputs(&turns[0]) {
            let (kept, bytes) = otlp_model::cut::parts(&output);
            assert_eq!((kept.len(), bytes), (otlp_model::cut::with_margin(limit), Some(100_000)));
        }
        assert_eq!(outputs(&turns[0]).len(), 400);
        assert_eq!(turns[1].cut, Cut::default());
        assert_eq!(outputs(&turns[1])[0].len(), 100_000);
    }

    #[test]
    fn calls_that_are_too_many_are_counted_and_tokens_are_not_lost() {
        const CALLS: usize = 50_000;
        let records = (0..CALLS).map(call).chain([usage()]);
        let records = records.chain((0..CALLS).map(|number| output(number, 10))).chain([usage()]);
        let (turns, most) = read(turn(records));
        assert!(most <= 2 * BUDGET, "{most}");
        let responses = responses(&turns[0]);
        let kept = responses[0].items.len();
        assert!(kept > 3000, "{kept}");
        assert_eq!(kept as u64 + turns[0].cut.calls, CALLS as u64);
        // Each call that is kept has its output.
        assert_eq!(responses[1].input.len(), kept);
        assert!(responses.iter().all(|response| response.usage.is_some()));
    }

    /// The user's commands are no calls of the model.
    #[test]
    fn commands_of_the_user_are_kept_or_counted() {
        const CALLS: usize = 20_000;
        let command = |number: usize| {
            json!({ "type": "event_msg", "payload": { "type": "item_completed", "turn_id": "t",
                "item": { "type": "CommandExecution", "id": format!("user-{number}"),
                    "source": "user_shell", "command": ["bash", "-lc", "ls"], "exit_code": 0 } } })
        };
        let records = [command(0)].into_iter().chain((0..CALLS).map(call)).chain([usage()]);
        let records =
            records.chain([command(1)]).chain((0..CALLS).map(|number| output(number, 10)));
        let (turns, _) = read(turn(records));
        let turn = &turns[0];
        let kept = turn.other_items.iter().filter(|item| item.name == USER_SHELL).count();
        assert_eq!(kept, 1, "the first one");
        assert_eq!((turn.calls().count() + kept) as u64 + turn.cut.calls, CALLS as u64 + 2);
    }

    #[test]
    fn responses_that_are_too_many_become_one_with_the_tokens_of_all() {
        const RESPONSES_OF_TURN: usize = 40_000;
        let (turns, most) = read(turn(
            (0..RESPONSES_OF_TURN).flat_map(|number| [call(number), usage(), output(number, 10)]),
        ));
        assert!(most <= 2 * BUDGET, "{most}");
        let responses = responses(&turns[0]);
        let total: u64 =
            responses.iter().filter_map(|response| response.usage).map(|u| u.input).sum();
        assert_eq!(total, 10 * RESPONSES_OF_TURN as u64);
        let merged: Vec<_> = responses.iter().filter(|r| !r.merged.is_empty()).collect();
        assert_eq!(merged.len(), 1);
        assert_eq!(merged[0].merged.len() as u64, turns[0].cut.responses);
        assert!(responses.len() < RESPONSES_OF_TURN / 4, "{}", responses.len());
    }
}
