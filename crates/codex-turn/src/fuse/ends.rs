//! Which events belong to which call: by its id where that is its own, else by its time and by what
//! it was asked and gave back.

use std::collections::{HashMap, HashSet, VecDeque};

use otlp_model::UnixNanos;

use crate::approval::ROUNDING;
use crate::events::{PREVIEW_END, ToolResult};
use crate::telemetry::Telemetry;
use crate::tools::{COMPARED, CallItem};
use crate::transcript::TranscriptTurn;

/// The event of a tool's end, and when it was sent.
pub(super) type Sent = (UnixNanos, ToolResult);

/// The events of the tools' ends, by what they are about.
pub(super) struct Ends<'a> {
    /// By the place of the call in the turn.
    pub(super) asked: HashMap<usize, &'a Sent>,
    /// Of calls that the model did not ask for itself, in order.
    pub(super) others: Vec<&'a Sent>,
    /// The ids that several calls have.
    pub(super) shared_ids: HashSet<&'a str>,
}

impl<'a> Ends<'a> {
    pub(super) fn of(turn: &'a TranscriptTurn, telemetry: &'a Telemetry) -> Self {
        let mut sent: HashMap<&str, VecDeque<&'a Sent>> = HashMap::new();
        for event in &telemetry.results {
            sent.entry(&event.1.call_id).or_default().push_back(event);
        }
        let mut calls: HashMap<&str, Vec<&CallItem>> = HashMap::new();
        for call in turn.calls() {
            calls.entry(&call.call_id).or_default().push(call);
        }
        let (mut asked, mut shared_ids) = (HashMap::new(), HashSet::new());
        for (id, calls) in calls {
            let mut events = sent.remove(id).unwrap_or_default();
            if let [call] = calls[..] {
                asked.extend(events.front().map(|event| (call.place, *event)));
                continue;
            }
            shared_ids.insert(id);
            for call in calls {
                let found = end_of(call, &events).and_then(|index| events.remove(index));
                asked.extend(found.map(|event| (call.place, event)));
            }
        }
        let others = telemetry.results.iter().filter(|event| sent.contains_key(&*event.1.call_id));
        Self { others: others.collect(), asked, shared_ids }
    }
}

/// The event of a call's end, among those of its id that no call before it has. Codex repeats the
/// arguments in it and sends it before it writes the output down; of a call that a hook denied it
/// sends none.
fn end_of(call: &CallItem, events: &VecDeque<&Sent>) -> Option<usize> {
    let ended = call.output.as_ref().map(|output| output.at.plus(ROUNDING));
    let is_about = |event: &Sent| {
        let in_time = ended.is_none_or(|ended| event.0 <= ended);
        in_time && (event.1.arguments.is_none() || event.1.arguments == call.arguments)
    };
    let output = call.output.as_ref().and_then(|output| output.text.as_deref());
    let gave = |event: &Sent| {
        let shown = event.1.output.as_deref().map(preview);
        output.zip(shown).is_some_and(|(all, part)| all.starts_with(part))
    };
    let mut candidates = events.iter().take(COMPARED).enumerate().filter(|(_, e)| is_about(e));
    let first = candidates.clone().next().map(|(index, _)| index);
    candidates.find(|(_, event)| gave(event)).map(|(index, _)| index).or(first)
}

/// An output without the line by which Codex says that it left the rest out (since 0.151).
fn preview(output: &str) -> &str {
    output.split_once(PREVIEW_END).map_or(output, |(shown, _)| shown)
}
