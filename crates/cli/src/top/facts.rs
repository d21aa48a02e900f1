//! What there is to say of running turns.

use std::path::Path;

use codex_live::LiveTurn;
use otlp_model::turn::{Outcome, Step};
use otlp_model::{Turn, UnixNanos};
use pricing::PriceTable;
use usage::quota::WindowState;

use crate::print::{arguments_shown, end_of_id, short_folder};

/// All running turns at a time.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Facts {
    pub(super) now: UnixNanos,
    /// The one that began last first.
    pub(super) turns: Vec<Running>,
    /// The window that ends the work first comes first.
    pub(super) windows: Vec<WindowState>,
}

/// A running turn.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Running {
    pub(super) thread_id: String,
    pub(super) trace_id: String,
    pub(super) is_sub_agent: bool,
    pub(super) folder: String,
    pub(super) model: String,
    pub(super) prompt: String,
    /// What it waits for: a tool with its arguments, or the model.
    pub(super) waits_for: String,
    /// Nanoseconds since it began.
    pub(super) time: u64,
    /// Nanoseconds since Codex wrote something of it.
    pub(super) silence: u64,
    pub(super) tokens: u64,
    pub(super) cost: Option<f64>,
    pub(super) tools: usize,
    pub(super) failed_tools: usize,
}

impl Running {
    /// The end of the thread's id, by which threads of the same minute differ.
    pub(super) fn thread(&self) -> String {
        end_of_id(&self.thread_id)
    }

    fn of(live: &LiveTurn, prices: &PriceTable, home: &Path, now: UnixNanos) -> Self {
        let mut turn = live.turn.clone();
        dispatch::price(&mut turn, prices);
        let has_failed = |outcome: &Outcome| !matches!(outcome, Outcome::Ok | Outcome::Unknown);
        Self {
            thread_id: turn.thread_id.clone(),
            trace_id: turn.trace_id().to_string(),
            is_sub_agent: live.thread.parent_thread_id.is_some(),
            folder: live.folder.as_deref().map(|it| short_folder(it, home)).unwrap_or_default(),
            model: turn.model.clone().unwrap_or_default(),
            prompt: turn.prompt.clone().unwrap_or_default(),
            waits_for: waits_for(&turn),
            time: now.since(turn.start),
            silence: now.since(turn.end),
            tokens: turn.usage().total(),
            cost: turn.cost(),
            tools: turn.tool_calls().count(),
            failed_tools: turn.tool_calls().filter(|call| has_failed(&call.outcome)).count(),
        }
    }
}

/// The first tool without an output; else the model.
fn waits_for(turn: &Turn) -> String {
    let last = turn.steps.iter().rev().find_map(|step| match step {
        Step::Llm(call) => Some(&call.tools[..]),
        Step::Tool(call) => Some(std::slice::from_ref(call)),
        Step::Compaction(_) => None,
    });
    let open = |call: &&otlp_model::turn::ToolCall| {
        call.output.is_none() && call.outcome == Outcome::Unknown
    };
    match last.unwrap_or_default().iter().find(open) {
        Some(call) => {
            let arguments = arguments_shown(call.arguments.as_deref().unwrap_or_default());
            format!("{}  {arguments}", call.name).trim_end().to_owned()
        }
        None => "model".to_owned(),
    }
}

impl Facts {
    pub(super) fn of<'l>(
        running: impl Iterator<Item = &'l LiveTurn>,
        prices: &PriceTable,
        windows: Vec<WindowState>,
        home: &Path,
        now: UnixNanos,
    ) -> Self {
        let mut turns: Vec<Running> =
            running.map(|live| Running::of(live, prices, home, now)).collect();
        turns.sort_by(|one, other| {
            one.time.cmp(&other.time).then_with(|| one.thread_id.cmp(&other.thread_id))
        });
        Self { now, turns, windows }
    }

    /// The same without what changes by itself.
    pub(super) fn without_times(&self) -> Self {
        let timeless = |turn: &Running| Running { time: 0, silence: 0, ..turn.clone() };
        let windows =
            self.windows.iter().map(|window| WindowState { used_up: None, ..window.clone() });
        Self {
            now: UnixNanos(0),
            turns: self.turns.iter().map(timeless).collect(),
            windows: windows.collect(),
        }
    }

    /// Tokens of all, and what they cost as far as there are prices.
    pub(super) fn totals(&self) -> (u64, Option<f64>) {
        let tokens = self.turns.iter().map(|turn| turn.tokens).sum();
        (tokens, self.turns.iter().filter_map(|turn| turn.cost).reduce(|sum, cost| sum + cost))
    }
}
