//! Which output and which end belong to which call.
//!
//! A call's id is unique within its response at best: some providers count `call_0` anew in each
//! one, or give two calls of a response the same. So a call is known by its place in the turn.

use std::cell::OnceCell;
use std::collections::{HashMap, VecDeque};

use crate::tools::{self, COMPARED, CallItem, CallOutput, ToolItem};

/// The calls of a turn by their place, with what the transcript notes of each.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    by_id: HashMap<String, Unfinished>,
    /// Ends of which no call is known so far.
    rest: Vec<ToolItem>,
}

#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) output: Option<CallOutput>,
    pub(super) item: Option<ToolItem>,
    response: usize,
    name: String,
    arguments: Option<String>,
    /// Taken out of the arguments where there are several calls of its id.
    command: OnceCell<Option<String>>,
}

impl Call {
    fn command(&self) -> Option<&str> {
        let command = || self.arguments.as_deref().and_then(tools::command);
        self.command.get_or_init(command).as_deref()
    }
}

/// The calls of one id, by their places.
#[derive(Debug, Default)]
struct Unfinished {
    /// Those of the last response that have no output yet.
    without_output: VecDeque<usize>,
    /// Those that have no end yet.
    without_item: VecDeque<usize>,
}

impl Calls {
    /// Takes in a call of this response, and returns its place.
    pub(super) fn begin(&mut self, call: &CallItem, response: usize) -> usize {
        let place = self.calls.len();
        let unfinished = self.by_id.entry(call.call_id.clone()).or_default();
        // Codex asks the model again only when it has all outputs.
        let before = unfinished.without_output.front();
        if before.is_some_and(|before| self.calls[*before].response != response) {
            unfinished.without_output.clear();
        }
        unfinished.without_output.push_back(place);
        unfinished.without_item.push_back(place);
        self.calls.push(Call {
            response,
            name: call.name.clone(),
            arguments: call.arguments.clone(),
            ..Call::default()
        });
        place
    }

    /// Takes in an output. Codex writes the outputs of a response in the order of its calls.
    pub(super) fn output(&mut self, call_id: &str, output: CallOutput) {
        let unfinished = self.by_id.get_mut(call_id);
        if let Some(place) = unfinished.and_then(|calls| calls.without_output.pop_front()) {
            self.calls[place].output = Some(output);
        }
    }

    /// Takes in what Codex notes of a call's end: in the order in which calls end, and of a process
    /// that goes on long after its call.
    pub(super) fn item(&mut self, item: ToolItem) {
        match self.place_of(&item) {
            Some(place) => self.calls[place].item = Some(item),
            None => self.rest.push(item),
        }
    }

    /// Returns the calls by their places, and the ends of calls that the model did not ask for.
    pub(super) fn finish(mut self) -> (Vec<Call>, Vec<ToolItem>) {
        // An end may stand before its call (up to 0.98 calls are written late).
        for item in std::mem::take(&mut self.rest) {
            self.item(item);
        }
        self.rest.retain(|item| !self.by_id.contains_key(&item.id));
        (self.calls, self.rest)
    }

    /// The call that an end is of: the one with its command, else the first of the last response.
    fn place_of(&mut self, item: &ToolItem) -> Option<usize> {
        let places = &mut self.by_id.get_mut(&item.id)?.without_item;
        if places.len() == 1 {
            return places.pop_front();
        }
        let command = item.arguments.as_deref().and_then(tools::command);
        let first = places.len().saturating_sub(COMPARED);
        let (index, _) = places.iter().enumerate().skip(first).rev().max_by_key(|(_, place)| {
            let call = &self.calls[**place];
            let same_command = command.is_some() && call.command() == command.as_deref();
            (same_command, call.name == item.name, call.response)
        })?;
        places.remove(index)
    }
}
