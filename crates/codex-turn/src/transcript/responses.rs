//! Which records belong to which model response.
//!
//! Codex writes what a model answered item by item, and what it cost in a record of its own. Newer
//! versions write the cost *after* the items, versions up to 0.80 *before* them. A response without
//! cost ends where a tool's output is followed by the next item.

use std::ops::Add;

use otlp_model::UnixNanos;
use otlp_model::turn::{Message, Part, Usage};

use super::calls::Calls;
use crate::tools::{CallItem, CallOutput, ToolItem};

/// Something that a model answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ModelItem {
    /// None where the reasoning is encrypted and has no summary.
    Reasoning(Option<String>),
    Text(String),
    Call(Box<CallItem>),
}

/// A record of a turn, in the transcript's order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    Input(Message),
    Item {
        item: ModelItem,
        at: UnixNanos,
    },
    Output {
        call_id: String,
        output: CallOutput,
    },
    End(ToolItem),
    /// The model of the requests that follow.
    Model(String),
    Usage {
        usage: Usage,
        response_id: Option<String>,
        at: UnixNanos,
        record: bool,
    },
    Compacted {
        summary: Option<String>,
        at: UnixNanos,
    },
    /// Responses of which nothing but their usage was kept, and when the last of them was written.
    Rest {
        usages: Vec<Usage>,
        at: UnixNanos,
    },
}

/// One model response and what the model saw for the first time with its request.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Response {
    /// The model that was asked.
    pub(crate) model: Option<String>,
    pub(crate) input: Vec<Message>,
    pub(crate) items: Vec<ModelItem>,
    pub(crate) usage: Option<Usage>,
    pub(crate) response_id: Option<String>,
    /// When the last output or prompt before it was written.
    pub(crate) asked: Option<UnixNanos>,
    /// When its last record was written.
    pub(crate) answered: Option<UnixNanos>,
    /// The usage of each response that it stands for, where it stands for several.
    pub(crate) merged: Vec<Usage>,
}

impl Response {
    fn is_empty(&self) -> bool {
        self.items.is_empty() && self.usage.is_none()
    }
}

/// What a turn's entries amount to: responses with a compaction in between.
pub(crate) struct Grouped {
    pub(crate) steps: Vec<Step>,
    /// A last request: what the model was to see, and never answered.
    pub(crate) unanswered: Option<Response>,
    /// The ends of calls that the model did not ask for.
    pub(crate) other_items: Vec<ToolItem>,
}

pub(crate) enum Step {
    Response(Response),
    Compacted { summary: Option<String>, at: UnixNanos },
}

/// Sorts the entries of a turn into responses.
pub(crate) fn group(entries: Vec<Entry>, has_usage_records: bool) -> Grouped {
    let entries: Vec<Entry> = entries
        .into_iter()
        .filter(
            |entry| !matches!(entry, Entry::Usage { record, .. } if has_usage_records && !record),
        )
        .collect();
    let mut grouping = Grouping::new(Placement::of(&entries));
    for entry in entries {
        grouping.take(entry);
    }
    grouping.finish()
}

/// Where a version writes a response's cost.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Placement {
    After,
    Before,
    Nowhere,
}

impl Placement {
    fn of(entries: &[Entry]) -> Self {
        let usage = entries.iter().position(|entry| matches!(entry, Entry::Usage { .. }));
        let item = entries.iter().position(|entry| matches!(entry, Entry::Item { .. }));
        match (usage, item) {
            (None, _) => Self::Nowhere,
            (Some(usage), Some(item)) if usage < item => Self::Before,
            (Some(_), _) => Self::After,
        }
    }
}

struct Grouping {
    placement: Placement,
    current: Response,
    /// Inputs that arrived when the current response had begun: they are the next one's.
    next: Response,
    output_seen: bool,
    calls: Calls,
    steps: Vec<Step>,
}

impl Grouping {
    fn new(placement: Placement) -> Self {
        Self {
            placement,
            current: Response::default(),
            next: Response::default(),
            output_seen: false,
            calls: Calls::default(),
            steps: Vec::new(),
        }
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Input(message) => self.asking().input.push(message),
            Entry::Output { call_id, output } => {
                let text = output.text.clone().unwrap_or_default();
                let asking = self.asking();
                asking.asked = Some(output.at);
                asking.input.push(Message {
                    role: "tool".to_owned(),
                    parts: vec![Part::Text(text)],
                    tool_call_id: Some(call_id.clone()),
                });
                self.output_seen = true;
                self.calls.output(&call_id, output);
            }
            Entry::End(item) => self.calls.item(item),
            Entry::Model(model) => self.asking().model = Some(model),
            Entry::Item { mut item, at } => {
                if self.placement == Placement::Nowhere
                    && self.output_seen
                    && !self.current.items.is_empty()
                {
                    self.close();
                }
                if let ModelItem::Call(call) = &mut item {
                    call.place = self.calls.begin(call, self.steps.len());
                }
                self.current.items.push(item);
                self.current.answered = Some(at);
            }
            Entry::Usage { usage, response_id, at, .. } => {
                if self.placement == Placement::Before && !self.current.is_empty() {
                    self.close();
                }
                self.current.usage = Some(usage);
                self.current.response_id = response_id;
                self.current.answered = Some(at);
                if self.placement == Placement::After {
                    self.close();
                }
            }
            Entry::Rest { usages, at } => {
                self.close();
                self.current.usage = Some(usages.iter().copied().fold(Usage::default(), Add::add));
                self.current.merged = usages;
                self.current.answered = Some(at);
                self.close();
            }
            Entry::Compacted { summary, at } => {
                self.close();
                self.steps.push(Step::Compacted { summary, at });
                self.current.asked = Some(at);
            }
        }
    }

    /// The response that an input which arrives now is for.
    fn asking(&mut self) -> &mut Response {
        if self.current.is_empty() { &mut self.current } else { &mut self.next }
    }

    fn close(&mut self) {
        if !self.current.is_empty() {
            let mut next = std::mem::take(&mut self.next);
            next.model = next.model.or_else(|| self.current.model.clone());
            let done = std::mem::replace(&mut self.current, next);
            self.steps.push(Step::Response(done));
        }
        self.output_seen = false;
    }

    fn finish(mut self) -> Grouped {
        self.close();
        let unanswered = (!self.current.input.is_empty()).then_some(self.current);
        let (mut calls, other_items) = self.calls.finish();
        let responses = self.steps.iter_mut().filter_map(|step| match step {
            Step::Response(response) => Some(response),
            Step::Compacted { .. } => None,
        });
        for item in responses.flat_map(|response| &mut response.items) {
            if let ModelItem::Call(call) = item {
                let known = std::mem::take(&mut calls[call.place]);
                (call.output, call.item) = (known.output, known.item);
            }
        }
        Grouped { steps: self.steps, unanswered, other_items }
    }
}
