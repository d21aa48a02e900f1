//! How much of a turn is kept while its transcript is read, so that a turn of any size takes little
//! memory: texts are cut at a limit, the same for all of the turn, and when those that are kept become
//! too many, at half of it. What does not fit even then is counted.

use std::collections::HashMap;
use std::mem;

use otlp_model::cut::cut;
use otlp_model::turn::{Message, Part};

use super::open_turn::OpenTurn;
use super::responses::{Entry, ModelItem};
use crate::tools::ToolItem;

/// How many bytes of a turn are kept, as [`OpenTurn::size`] counts them.
const BUDGET: usize = 8 * 1024 * 1024;

/// What a record takes beside its texts, as a span in the end.
const RECORD: usize = 200;

/// Texts are not cut below this limit, in bytes.
const SHORTEST_LIMIT: usize = 256;

/// What is kept of the turns of a transcript.
#[derive(Debug)]
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
    /// Whether its records were not read to its end.
    pub(crate) is_unread: bool,
}

impl Budget {
    pub(super) fn new(longest: usize) -> Self {
        let longest = longest.min(BUDGET / 4);
        Self { longest, limit: longest, open: 0, measure_at: BUDGET, ended: 0 }
    }

    /// Where the next text is cut, in bytes.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether the turns that have ended take so much that they should be told before more is read.
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
        if self.open > BUDGET / 2 {
            let share = BUDGET / 2 / open.len().max(1);
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

    /// Drops calls and messages beyond so many bytes, and what belongs to calls that were dropped, now
    /// or before. Tokens stay.
    fn drop_records_beyond(&mut self, bytes: usize) {
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
                Entry::End(item) if item.id.starts_with(NESTED) => {
                    cut.calls += u64::from(!fits);
                    fits
                }
                Entry::End(item) => {
                    return calls.get_mut(&item.id).is_some_and(|ends| take_one(&mut ends.items));
                }
                Entry::Usage { .. } | Entry::Model(_) | Entry::Compacted { .. } => true,
            };
            kept += if is_kept { size(entry) } else { 0 };
            is_kept
        });
    }
}

/// How the ids of calls begin that scripts of code mode make, of which there is no other record.
const NESTED: &str = "exec-";

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
        Entry::Usage { .. } | Entry::Model(_) => {}
    }
}

fn texts_of_item(item: &mut ToolItem, visit: &mut dyn FnMut(&mut String)) {
    [&mut item.arguments, &mut item.output].into_iter().flatten().for_each(visit);
}
