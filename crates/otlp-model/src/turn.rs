//! What an agent did to answer one prompt, in no harness's own words.

use std::borrow::Cow;
use std::ops::{Add, AddAssign};

use crate::ids::{SpanId, TraceId};
use crate::span::{Attribute, UnixNanos};

/// What the id of a turn's root span derives from, beside the turn.
pub(crate) const ROOT_SPAN: &str = "turn";

/// One prompt and everything the agent did to answer it.
///
/// The decoder of a harness fills in what it knows and leaves the rest empty: a turn of which only
/// the prompt is known is a turn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Turn {
    /// Who did it.
    pub agent: Agent,
    /// The conversation, as the harness names it; all turns of a conversation share it, those of its
    /// sub-agents too.
    pub session_id: String,
    /// The thread of the turn: the session's, or a sub-agent's own.
    pub thread_id: String,
    /// The turn, as the harness names it; empty where it has no name.
    pub turn_id: String,
    /// The turn that set this one to work, where it is a sub-agent's.
    pub parent: Option<ParentTurn>,
    /// The span of another system that called the harness, if the turn is to join its trace.
    pub caller: Option<Caller>,
    /// What tells this turn from all others of its thread. Trace and span ids derive from it, so
    /// it must come out the same each time the turn is read.
    pub key: String,
    /// Its place in the session, from 1.
    pub number: Option<u64>,
    /// When the agent took up the prompt.
    pub start: UnixNanos,
    /// When it had answered, failed or been stopped.
    pub end: UnixNanos,
    /// Since when nothing is known of it, until its end; none where something is.
    pub silent_since: Option<UnixNanos>,
    /// What the user asked.
    pub prompt: Option<String>,
    /// The final answer.
    pub answer: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The model, where the turn has one.
    pub model: Option<String>,
    /// What it did, in order.
    pub steps: Vec<Step>,
    /// What happened within it that is no step.
    pub events: Vec<TurnEvent>,
    /// Where the harness runs, as its user calls it, such as `production`.
    pub environment: Option<String>,
    /// More about the turn that a person filters by; names carry the harness's prefix.
    pub attributes: Vec<Attribute>,
    /// More about the turn that a person reads (working directory, versions): one JSON object.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

impl Turn {
    /// The trace that its spans belong to: its own, that of the turn at the root, or its caller's.
    pub fn trace_id(&self) -> TraceId {
        let (thread, key) = match &self.parent {
            Some(parent) => (&parent.root_thread_id, &parent.root_key),
            None => (&self.thread_id, &self.key),
        };
        match self.caller {
            Some(caller) => caller.trace_id,
            None => TraceId::derive(&[&self.agent.name, thread, key]),
        }
    }

    /// Its root span, whatever trace it belongs to.
    pub fn span_id(&self) -> SpanId {
        SpanId::derive(&[&self.agent.name, &self.thread_id, &self.key, ROOT_SPAN, "1"])
    }

    /// The tokens of all model calls. Sub-agents keep their own.
    pub fn usage(&self) -> Usage {
        self.llm_calls().filter_map(|call| call.usage).fold(Usage::default(), Add::add)
    }

    /// What all model calls cost that have a known price, in US dollars; none where none has. Sub-agents
    /// keep their own.
    pub fn cost(&self) -> Option<f64> {
        let costs = self.llm_calls().filter_map(|call| Some(call.cost.as_ref()?.total()));
        costs.reduce(Add::add).map(rounded_usd)
    }

    /// The model calls, in order.
    pub fn llm_calls(&self) -> impl Iterator<Item = &LlmCall> {
        self.steps.iter().filter_map(|step| match step {
            Step::Llm(call) => Some(call),
            Step::Tool(_) | Step::Compaction(_) => None,
        })
    }

    /// The tool calls that the model asked for, in order, without the calls nested in them.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.steps.iter().flat_map(|step| match step {
            Step::Llm(call) => call.tools.as_slice(),
            Step::Tool(call) => std::slice::from_ref(call),
            Step::Compaction(_) => &[],
        })
    }
}

/// Something that happened within a turn at a point in time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TurnEvent {
    /// When.
    pub time: UnixNanos,
    /// What, with the harness's prefix.
    pub name: String,
    /// More about it.
    pub attributes: Vec<Attribute>,
    /// More about it that is sent where the arguments of tools are.
    pub details: Vec<Attribute>,
}

/// A span of another system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Its trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
}

impl Caller {
    /// Reads a W3C `traceparent`, as build systems put it into `TRACEPARENT`:
    /// `00-<trace id>-<span id>-<flags>`. None where it is something else.
    ///
    /// ```
    /// use otlp_model::turn::Caller;
    ///
    /// let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let caller = Caller::from_traceparent(header).expect("a caller");
    /// assert_eq!(caller.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    /// assert_eq!(caller.span_id.to_string(), "b7ad6b7169203331");
    /// assert_eq!(Caller::from_traceparent(&header.replace(char::is_alphanumeric, "0")), None);
    /// assert_eq!(Caller::from_traceparent("00-0af7651916cd43dd8448eb211c80319c"), None);
    /// ```
    pub fn from_traceparent(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-').skip(1);
        let trace_id = TraceId::from_hex(parts.next()?)?;
        let span_id = SpanId::from_hex(parts.next()?)?;
        Some(Self { trace_id, span_id })
    }
}

/// Where the turn of a sub-agent hangs: it is part of the trace of the turn at the root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParentTurn {
    /// The thread of the turn that set the sub-agent to work.
    pub thread_id: String,
    /// That turn's [`Turn::key`].
    pub key: String,
    /// Which of that turn's calls that set this sub-agent to work, from 1.
    pub nth_call: usize,
    /// The thread of the turn at the root.
    pub root_thread_id: String,
    /// That turn's [`Turn::key`].
    pub root_key: String,
}

/// The harness whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agent {
    /// Its name, and the prefix of its own attributes, such as `codex`.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Option<String>,
    /// The API by which it asks models, as OpenInference names it (`llm.system`), such as `openai` or
    /// `anthropic`. Also the provider of a model call that names none.
    pub llm_system: Option<Cow<'static, str>>,
}

impl Agent {
    /// A harness of which no more is known.
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Outcome {
    /// Unknown.
    #[default]
    Unknown,
    /// Well.
    Ok,
    /// Not well, with the reason.
    Failed(String),
    /// Not allowed to begin, or to go on, by a person or a rule, with the reason.
    Denied(String),
    /// Stopped by someone before it could end, with the reason.
    Cancelled(String),
}

/// One thing that a turn did.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Asked the model; the tools that it asked for are within.
    Llm(LlmCall),
    /// Ran a tool that no known model call asked for.
    Tool(ToolCall),
    /// Shortened its context.
    Compaction(Compaction),
}

/// One request to a model and its response.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LlmCall {
    /// When the request was sent.
    pub start: UnixNanos,
    /// When the response was complete.
    pub end: UnixNanos,
    /// The model.
    pub model: Option<String>,
    /// Who hosts the model, such as `openai`.
    pub provider: Option<String>,
    /// The response, as the provider names it.
    pub response_id: Option<String>,
    /// What the model saw for the first time with this call: not the whole conversation.
    pub input: Vec<Message>,
    /// What it answered.
    pub output: Vec<Message>,
    /// Its tokens.
    pub usage: Option<Usage>,
    /// The tokens of each call that this one stands for, where it stands for several.
    pub merged: Vec<Usage>,
    /// What it cost; none where it is unknown.
    pub cost: Option<Cost>,
    /// Nanoseconds from the request to the first token.
    pub time_to_first_token: Option<u64>,
    /// Settings of the request, such as the reasoning effort: one JSON object.
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// How it ended.
    pub outcome: Outcome,
    /// The tools that the response asked for.
    pub tools: Vec<ToolCall>,
    /// More about it; names carry the harness's prefix.
    pub attributes: Vec<Attribute>,
}

/// One tool call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolCall {
    /// The call, as the model names it.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// When it began.
    pub start: UnixNanos,
    /// When it ended.
    pub end: UnixNanos,
    /// What the model passed: JSON or text.
    pub arguments: Option<String>,
    /// What it gave back.
    pub output: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it failed by nothing but the exit code of a command.
    pub failed_by_exit_code: bool,
    /// What ran within it.
    pub nested: Vec<ToolCall>,
    /// The thread of the sub-agent that it set to work. That thread's turns hang below this call.
    pub sub_agent: Option<String>,
    /// Nanoseconds, from the start of the call, that a person took to allow it or not.
    pub approval_wait: Option<u64>,
    /// More about it; names carry the harness's prefix.
    pub attributes: Vec<Attribute>,
}

/// A shortening of the context.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Compaction {
    /// When it began.
    pub start: UnixNanos,
    /// When it ended.
    pub end: UnixNanos,
    /// What the context was replaced with.
    pub summary: Option<String>,
    /// More about it; names carry the harness's prefix.
    pub attributes: Vec<Attribute>,
}

/// A message to or from a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// Its contents, in order.
    pub parts: Vec<Part>,
    /// For role `tool`: the call that this is the result of.
    pub tool_call_id: Option<String>,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text.
    Text(String),
    /// What the model thought, as far as it shows.
    Reasoning(String),
    /// A tool that the model asks for.
    ToolCall {
        /// The call.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments: JSON or text.
        arguments: String,
    },
}

/// What a model call cost, in US dollars, and by which prices.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cost {
    /// Plain input: neither read from nor written to a cache.
    pub input: f64,
    /// Input read from the provider's cache.
    pub cached_input: f64,
    /// Input written to the provider's cache.
    pub cache_write: f64,
    /// Output.
    pub output: f64,
    /// The service tier that was charged.
    pub tier: String,
    /// The version of the price table.
    pub table: String,
}

impl Cost {
    /// All that goes in.
    pub fn prompt(&self) -> f64 {
        rounded_usd(self.input + self.cached_input + self.cache_write)
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        rounded_usd(self.input + self.cached_input + self.cache_write + self.output)
    }
}

/// An amount without the tail that sums of binary fractions have. A token costs whole trillionths of a
/// dollar: prices are per million tokens, with six decimal places at most.
pub(crate) fn rounded_usd(amount: f64) -> f64 {
    /// Beyond it each number is whole.
    const WHOLE: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    let trillionths = amount * 1e12;
    if trillionths < WHOLE { trillionths.round() / 1e12 } else { amount }
}

/// Tokens of a model call. `cached_input` and `cache_write_input` are part of `input`,
/// `reasoning_output` is part of `output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// All tokens of the request.
    pub input: u64,
    /// Those read from the provider's cache.
    pub cached_input: u64,
    /// Those written to the provider's cache.
    pub cache_write_input: u64,
    /// All tokens of the response.
    pub output: u64,
    /// Those the model thought with.
    pub reasoning_output: u64,
}

impl Usage {
    /// Input and output together.
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cached_input: self.cached_input.saturating_add(other.cached_input),
            cache_write_input: self.cache_write_input.saturating_add(other.cache_write_input),
            output: self.output.saturating_add(other.output),
            reasoning_output: self.reasoning_output.saturating_add(other.reasoning_output),
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_no_tail_of_binary_fractions() {
        let cost =
            Cost { input: 0.1, cached_input: 0.2, cache_write: 0.000_000_05, ..Cost::default() };
        assert_eq!(cost.prompt(), 0.300_000_05);
        let cost = Cost { output: 0.7, ..cost };
        assert_eq!(cost.total(), 1.000_000_05);
        let call = |cost| Step::Llm(LlmCall { cost, ..LlmCall::default() });
        let turn = |costs: Vec<Option<Cost>>| Turn {
            steps: costs.into_iter().map(call).collect(),
            ..Turn::default()
        };
        let small = |output| Some(Cost { output, ..Cost::default() });
        assert_eq!(turn(vec![small(0.1), None, small(0.2)]).cost(), Some(0.3));
        assert_eq!(turn(vec![None]).cost(), None);
        // Neither what is very small is lost, nor what is very large.
        assert_eq!(turn(vec![small(1e-12), small(2e-12)]).cost(), Some(3e-12));
        assert_eq!(turn(vec![small(1e300)]).cost(), Some(1e300));
    }
}
