//! From a turn of a transcript to what is recorded of it.

use codex_turn::{LimitWindow, RateLimits, TranscriptTurn, fuse};
use otlp_model::turn::{LlmCall, Outcome, Usage};
use otlp_model::{Turn, UnixNanos, Value};
use pricing::{PriceTable, TokenUsage, UnitPrices, UnixSeconds};
use trace_store::usage::{
    self, CallRecord, PicoUsd, Place, QuotaReading, Rate, RecordSource, ThreadName, ToolUse,
    TurnRecord, TurnStatus,
};

use crate::git::{self, Folders};

/// What is the same for all turns that are read.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The project in which turns appear.
    pub project: String,
    /// The user.
    pub user: String,
    /// The machine; see [`machine_name`].
    pub machine: String,
    /// The prices of tokens.
    pub prices: PriceTable,
}

/// The name of this machine; empty where it has none.
pub fn machine_name() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    return std::env::var("COMPUTERNAME").unwrap_or_default();
}

impl Facts {
    /// Completes where a turn ran: the folder that stands for all work trees, and the machine.
    pub(crate) fn complete(&self, place: &mut Place, folders: &mut Folders) {
        place.repository = git::repository(&place.repository);
        place.folder = folders.of(&place.folder);
        if place.machine.is_empty() {
            place.machine.clone_from(&self.machine);
        }
    }

    /// What is recorded of a turn.
    pub(crate) fn record(&self, read: &TranscriptTurn, folders: &mut Folders) -> TurnRecord {
        let turn = fuse(read, &[]);
        let text = |key: &str| text(&turn, key).unwrap_or_default().to_owned();
        let mut place = Place {
            project: self.project.clone(),
            repository: text("codex.git.repository"),
            branch: text("codex.git.branch"),
            folder: read.directory().unwrap_or_default().to_owned(),
            user: self.user.clone(),
            machine: String::new(),
            ..Place::default()
        };
        self.complete(&mut place, folders);
        let calls = turn.llm_calls().flat_map(|call| self.calls(call)).collect();
        TurnRecord {
            span_id: turn.span_id(),
            trace_id: turn.trace_id(),
            thread: ThreadName {
                thread_id: turn.thread_id.clone(),
                session_id: turn.session_id.clone(),
                parent_id: read.meta.parent_thread_id.clone(),
            },
            place,
            number: turn.number,
            start: turn.start,
            end: turn.end,
            status: status(read, &turn.outcome),
            version: turn.agent.version.clone(),
            commit: Some(text("codex.git.commit")).filter(|commit| !commit.is_empty()),
            human_ms: None,
            calls,
            tools: Some(tools(&turn)),
            source: RecordSource::Transcript,
            turn_id: turn.turn_id,
        }
    }

    /// Adds to a call that was priced elsewhere what its tokens cost, if the prices here are the same.
    pub(crate) fn note_prices(&self, call: &mut CallRecord) {
        let Rate { model, tier, prices, .. } = &call.rate;
        let (rate, cost) = price(&self.prices, model, Some(tier), call.usage, call.end);
        if rate.prices.is_some() && rate.prices == *prices && cost == call.cost {
            call.rate = rate;
        }
    }

    /// The calls that one stands for.
    fn calls(&self, call: &LlmCall) -> Vec<CallRecord> {
        let usages = match &*call.merged {
            [] => call.usage.as_slice(),
            merged => merged,
        };
        let model = call.model.as_deref().unwrap_or_default();
        let tier = call.parameters.get("service_tier").and_then(|tier| tier.as_str());
        usages
            .iter()
            .map(|usage| {
                let (rate, cost) = price(&self.prices, model, tier, *usage, call.end);
                CallRecord { end: call.end, usage: *usage, rate, cost }
            })
            .collect()
    }
}

fn tools(turn: &Turn) -> ToolUse {
    let mut tools = ToolUse::default();
    for call in turn.tool_calls() {
        tools.add(&call.name, !matches!(call.outcome, Outcome::Ok | Outcome::Unknown));
    }
    tools
}

/// By which price a call is charged, and what it costs.
fn price(
    prices: &PriceTable,
    model: &str,
    tier: Option<&str>,
    usage: Usage,
    end: UnixNanos,
) -> (Rate, PicoUsd) {
    let tokens = TokenUsage {
        input: usage.input,
        cached_input: usage.cached_input,
        cache_write_input: usage.cache_write_input,
        output: usage.output,
    };
    let model_name = model.to_owned();
    match prices.cost(model, tier, tokens, UnixSeconds::of_nanos(end.0)) {
        Some(cost) => {
            let rate = Rate {
                model: model_name,
                tier: cost.tier.to_owned(),
                long_context: cost.long_context,
                prices: Some(cost.price_version()),
                units: units(cost.prices),
            };
            (rate, PicoUsd::from_usd(cost.total()))
        }
        None => {
            let tier = tier.unwrap_or_default().to_owned();
            let rate = Rate { model: model_name, tier, ..Rate::default() };
            (rate, PicoUsd::default())
        }
    }
}

/// What a token costs, of prices of a million.
fn units(prices: UnitPrices) -> usage::UnitPrices {
    let of_token = |price: f64| PicoUsd::from_usd(price / 1e6);
    usage::UnitPrices {
        input: of_token(prices.input),
        cached_input: of_token(prices.cached_input),
        cache_write: of_token(prices.cache_write),
        output: of_token(prices.output),
    }
}

/// The windows of rate limits as readings.
pub fn quota_readings(limits: &RateLimits) -> impl Iterator<Item = QuotaReading> {
    let windows = [(1, limits.primary), (2, limits.secondary)];
    let seconds = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    windows.into_iter().filter_map(move |(slot, window)| {
        let LimitWindow { used_percent, minutes, resets_at } = window?;
        Some(QuotaReading {
            limit: limits.limit.clone(),
            slot,
            at: seconds(limits.at.0 / 1_000_000_000),
            used_percent,
            minutes,
            resets_at: resets_at.map(seconds),
            plan: limits.plan.clone(),
        })
    })
}

fn status(read: &TranscriptTurn, outcome: &Outcome) -> TurnStatus {
    match outcome {
        _ if !read.has_ended() => TurnStatus::Running,
        Outcome::Ok => TurnStatus::Completed,
        Outcome::Failed(_) => TurnStatus::Failed,
        Outcome::Cancelled(_) => TurnStatus::Interrupted,
        Outcome::Denied(_) => TurnStatus::Denied,
        Outcome::Unknown => TurnStatus::Unknown,
    }
}

fn text<'t>(turn: &'t Turn, key: &str) -> Option<&'t str> {
    turn.attributes.iter().find(|attribute| attribute.key == key).and_then(|attribute| {
        match &attribute.value {
            Value::String(text) => Some(text.as_ref()),
            _ => None,
        }
    })
}
