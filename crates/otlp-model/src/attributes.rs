//! Groups of attributes that several spans have.

use crate::messages::{chat_json, flatten};
use crate::names::*;
use crate::span::Attribute;
use crate::time::TimeSplit;
use crate::turn::{Agent, Cost, LlmCall, Message, Turn, Usage, rounded_usd};

/// A name under the harness's own prefix.
pub(crate) fn own(agent: &Agent, name: &str) -> String {
    format!("{}.{name}", agent.name)
}

/// Whose model it is, and its name.
pub(crate) fn push_model(
    to: &mut Vec<Attribute>,
    agent: &Agent,
    model: Option<&str>,
    provider: Option<&str>,
) {
    if let Some(system) = &agent.llm_system {
        to.push(Attribute::new(LLM_SYSTEM, system.clone()));
    }
    if let Some(provider) = provider.or(agent.llm_system.as_deref()) {
        to.push(Attribute::new(LLM_PROVIDER, provider.to_owned()));
        to.push(Attribute::new(GEN_AI_PROVIDER_NAME, provider.to_owned()));
    }
    if let Some(model) = model {
        to.push(Attribute::new(LLM_MODEL_NAME, model.to_owned()));
        to.push(Attribute::new(GEN_AI_REQUEST_MODEL, model.to_owned()));
    }
}

/// Each class of tokens once: Phoenix charges every detail that it finds.
pub(crate) fn push_usage(to: &mut Vec<Attribute>, usage: Usage) {
    let counts = [
        (LLM_TOKEN_COUNT_PROMPT, GEN_AI_USAGE_INPUT, usage.input),
        (LLM_TOKEN_COUNT_COMPLETION, GEN_AI_USAGE_OUTPUT, usage.output),
        (LLM_TOKEN_COUNT_CACHE_READ, GEN_AI_USAGE_CACHE_READ, usage.cached_input),
        (LLM_TOKEN_COUNT_CACHE_WRITE, GEN_AI_USAGE_CACHE_WRITE, usage.cache_write_input),
        (LLM_TOKEN_COUNT_REASONING, GEN_AI_USAGE_REASONING, usage.reasoning_output),
    ];
    to.push(Attribute::new(LLM_TOKEN_COUNT_TOTAL, usage.total()));
    for (openinference, gen_ai, count) in counts {
        to.push(Attribute::new(openinference, count));
        to.push(Attribute::new(gen_ai, count));
    }
}

/// What the turn used, under names that no backend adds up.
pub(crate) fn push_turn_usage(to: &mut Vec<Attribute>, turn: &Turn) {
    let usage = turn.usage();
    let counts = [
        ("turn.usage.input_tokens", usage.input),
        ("turn.usage.cached_input_tokens", usage.cached_input),
        ("turn.usage.cache_write_input_tokens", usage.cache_write_input),
        ("turn.usage.output_tokens", usage.output),
        ("turn.usage.reasoning_output_tokens", usage.reasoning_output),
        ("turn.usage.total_tokens", usage.total()),
        ("turn.llm_calls", turn.llm_calls().count() as u64),
        ("turn.tool_calls", turn.tool_calls().count() as u64),
    ];
    to.extend(counts.map(|(name, count)| Attribute::new(own(&turn.agent, name), count)));
}

/// What the turn waited for, in milliseconds that add up to its duration.
pub(crate) fn push_turn_time(to: &mut Vec<Attribute>, turn: &Turn) {
    let time = TimeSplit::of(turn);
    let times = [
        ("turn.time.model_ms", time.model),
        ("turn.time.tool_ms", time.tool),
        ("turn.time.human_ms", time.human),
        ("turn.time.retry_ms", time.retry),
        ("turn.time.unknown_ms", time.unknown),
        ("turn.time.overhead_ms", time.overhead),
    ];
    to.extend(times.map(|(name, millis)| Attribute::new(own(&turn.agent, name), millis)));
}

/// What the turn cost. A call without a known price is counted, not guessed.
pub(crate) fn push_turn_cost(to: &mut Vec<Attribute>, turn: &Turn) {
    if let Some(dollars) = turn.cost() {
        to.push(Attribute::new(own(&turn.agent, "turn.cost_usd"), dollars));
    }
    let is_unpriced = |call: &&LlmCall| call.usage.is_some() && call.cost.is_none();
    let unpriced = turn.llm_calls().filter(is_unpriced).count();
    if unpriced > 0 {
        to.push(Attribute::new(own(&turn.agent, "turn.unpriced_llm_calls"), unpriced as u64));
    }
}

/// What a model call cost, and by which prices.
pub(crate) fn push_cost(to: &mut Vec<Attribute>, agent: &Agent, cost: &Cost) {
    let amounts = [
        (LLM_COST_PROMPT, cost.prompt()),
        (LLM_COST_COMPLETION, cost.output),
        (LLM_COST_TOTAL, cost.total()),
        (LLM_COST_INPUT, cost.input),
        (LLM_COST_CACHE_READ, cost.cached_input),
        (LLM_COST_CACHE_WRITE, cost.cache_write),
        (LLM_COST_OUTPUT, cost.output),
    ];
    to.extend(amounts.map(|(name, dollars)| Attribute::new(name, rounded_usd(dollars))));
    to.push(Attribute::new(own(agent, "cost.service_tier"), cost.tier.clone()));
    to.push(Attribute::new(own(agent, "cost.price_table"), cost.table.clone()));
}

/// Messages, as a chat and as a flattened list.
pub(crate) fn push_messages(
    to: &mut Vec<Attribute>,
    messages: &[Message],
    value: &'static str,
    mime_type: &'static str,
    list: &str,
) {
    if !messages.is_empty() {
        to.push(Attribute::new(value, chat_json(messages)));
        to.push(Attribute::new(mime_type, "application/json"));
        to.extend(flatten(list, messages));
    }
}
