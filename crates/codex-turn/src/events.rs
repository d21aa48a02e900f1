//! Codex's OTLP log events, with their loose types made firm.

use otlp_model::names::DEPLOYMENT_ENVIRONMENT_NAME;
use otlp_model::turn::{TurnEvent, Usage};
use otlp_model::{Attribute, UnixNanos, Value};
use serde_json::{Map, Value as Json};

use crate::json;

const USER_PROMPT: &str = "codex.user_prompt";
const REQUESTS: [&str; 2] = ["codex.api_request", "codex.websocket_request"];

/// One OTLP log event of Codex, as a receiver hands it on: attributes flattened into an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogEvent {
    /// When it happened.
    pub time: UnixNanos,
    /// Its name, such as `codex.tool_result`; empty for records without one.
    pub name: String,
    /// Codex's own trace id, in hexadecimal, where it has one.
    pub trace_id: Option<String>,
    /// The record's attributes.
    pub attributes: Map<String, Json>,
    /// The resource's attributes: `service.name`, `service.version`.
    pub resource: Map<String, Json>,
}

/// What an event says, as far as this crate uses it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fact {
    /// A prompt, or a message while the agent was working.
    UserPrompt { prompt: Option<String> },
    /// The session's settings.
    ConversationStarts { approval_policy: Option<String>, sandbox_policy: Option<String> },
    /// Response headers arrived, or the request failed.
    Request(Request),
    /// A model response was complete.
    Completed(Completed),
    /// A model response broke.
    ResponseFailed { message: String },
    /// The first token of a turn, nanoseconds after the turn's start.
    TurnTimeToFirstToken { nanos: u64 },
    /// Someone or something allowed a tool call, or not.
    ToolDecision { call_id: String, decision: String, source: Option<String> },
    /// A tool ended.
    ToolResult(Box<ToolResult>),
    /// Codex's network proxy let a connection of a sandboxed command through, or not.
    NetworkDecision(TurnEvent),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) duration: u64,
    pub(crate) status: Option<u64>,
    pub(crate) error: Option<String>,
    pub(crate) attempt: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Completed {
    pub(crate) usage: Usage,
    /// Nanoseconds from the response headers to the first token.
    pub(crate) ttft: Option<u64>,
    pub(crate) reasoning_effort: Option<String>,
    pub(crate) service_tier: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ToolResult {
    pub(crate) call_id: String,
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) mcp_server: Option<String>,
    pub(crate) duration: u64,
    pub(crate) success: Option<bool>,
    pub(crate) arguments: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) output_truncated: bool,
}

/// The attributes that say something of a turn, beside those of connections.
const ATTRIBUTES: [&str; 28] = [
    "app.version",
    "approval_policy",
    "arguments",
    "attempt",
    "cache_write_token_count",
    "cached_token_count",
    "call_id",
    "decision",
    "duration_ms",
    "error.message",
    "http.response.status_code",
    "input_token_count",
    "mcp_server",
    "model",
    "model_reasoning_effort",
    "output",
    "output_token_count",
    "output_truncated",
    "prompt",
    "reasoning_token_count",
    "sandbox_policy",
    "service_tier",
    "slug",
    "source",
    "success",
    "tool_name",
    "tool_namespace",
    "ttft_ms",
];

/// What is kept of the beginning of a text of an event that was shortened, in bytes.
const SHORT: usize = 256;

/// And of the end of an output: that of an MCP tool says there whether it failed.
const SHORT_END: usize = 64;

/// How Codex says, since 0.151, that it left the rest of an output out.
pub(crate) const PREVIEW_END: &str = "\n[... telemetry preview truncated";

/// How the names of the events begin that the network proxy of Codex's sandbox sends.
const NETWORK_PROXY: &str = "codex.network_proxy.";

/// What such an event says of a connection, and what only where the arguments of tools are sent.
const CONNECTION: [&str; 6] = [
    "network.policy.decision",
    "network.policy.override",
    "network.policy.reason",
    "network.policy.scope",
    "network.policy.source",
    "network.transport.protocol",
];
const CONNECTION_DETAILS: [&str; 3] = ["http.request.method", "server.address", "server.port"];

/// The attributes of the resource that say something of a turn.
const RESOURCE: [&str; 3] = [DEPLOYMENT_ENVIRONMENT_NAME, "env", "service.version"];

impl LogEvent {
    /// Forgets what says nothing of a turn, and long texts: arguments, which the transcript has, and of
    /// others all but their beginnings, and of outputs the ends.
    pub fn shorten(&mut self) {
        let arguments = self.attributes.get("arguments").and_then(Json::as_str);
        if arguments.is_some_and(|arguments| arguments.len() > SHORT) {
            self.attributes.remove("arguments");
        }
        self.attributes.retain(|name, _| {
            [&ATTRIBUTES[..], &CONNECTION, &CONNECTION_DETAILS]
                .iter()
                .any(|known| known.contains(&&**name))
        });
        let mut is_cut = false;
        for (name, value) in &mut self.attributes {
            let Json::String(text) = value else { continue };
            let is_output = name == "output";
            let end = if is_output { PREVIEW_END.len() + SHORT_END } else { 0 };
            if text.len() > SHORT + end {
                let begin = &text[..text.floor_char_boundary(SHORT)];
                *text = if is_output {
                    let end = &text[text.ceil_char_boundary(text.len() - SHORT_END)..];
                    format!("{begin}{PREVIEW_END}\n{end}")
                } else {
                    begin.to_owned()
                };
                is_cut |= is_output;
            }
        }
        if is_cut {
            self.attributes.insert("output_truncated".to_owned(), true.into());
        }
        self.resource.retain(|name, _| RESOURCE.contains(&name.as_str()));
    }

    /// How many bytes it takes in memory, about.
    pub fn size(&self) -> usize {
        const EVENT: usize = 512;
        const ATTRIBUTE: usize = 96;
        let of = |value: &Json| value.as_str().map_or(0, str::len);
        let attributes = self.attributes.iter().chain(&self.resource);
        EVENT + attributes.map(|(name, value)| ATTRIBUTE + name.len() + of(value)).sum::<usize>()
    }

    /// What the event says; none for events that add nothing to a turn, and for unknown ones.
    pub(crate) fn fact(&self) -> Option<Fact> {
        let attribute = |key: &str| self.attributes.get(key);
        let text = |key: &str| {
            attribute(key).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let number = |key: &str| attribute(key).and_then(json::whole);
        Some(match self.name.as_str() {
            USER_PROMPT => {
                Fact::UserPrompt { prompt: text("prompt").filter(|prompt| prompt != "[REDACTED]") }
            }
            "codex.conversation_starts" => Fact::ConversationStarts {
                approval_policy: text("approval_policy"),
                sandbox_policy: text("sandbox_policy"),
            },
            name if REQUESTS.contains(&name) => Fact::Request(Request {
                duration: self.duration(),
                status: number("http.response.status_code"),
                error: text("error.message"),
                attempt: number("attempt").unwrap_or(0),
            }),
            "codex.sse_event" => match (number("input_token_count"), text("error.message")) {
                (Some(input), _) => Fact::Completed(Completed {
                    usage: Usage {
                        input,
                        cached_input: number("cached_token_count").unwrap_or(0),
                        cache_write_input: number("cache_write_token_count").unwrap_or(0),
                        output: number("output_token_count").unwrap_or(0),
                        reasoning_output: number("reasoning_token_count").unwrap_or(0),
                    },
                    ttft: number("ttft_ms").map(|millis| millis.saturating_mul(1_000_000)),
                    reasoning_effort: text("model_reasoning_effort"),
                    service_tier: text("service_tier"),
                }),
                (None, Some(message)) => Fact::ResponseFailed { message },
                (None, None) => return None,
            },
            "codex.turn_ttft" => Fact::TurnTimeToFirstToken { nanos: self.duration() },
            "codex.tool_decision" => Fact::ToolDecision {
                call_id: text("call_id")?,
                decision: text("decision")?,
                source: text("source"),
            },
            "codex.tool_result" => Fact::ToolResult(Box::new(ToolResult {
                call_id: text("call_id").unwrap_or_default(),
                name: text("tool_name").unwrap_or_else(|| "tool".to_owned()),
                namespace: text("tool_namespace").filter(|namespace| namespace != "functions"),
                mcp_server: text("mcp_server"),
                duration: self.duration(),
                success: attribute("success").and_then(json::truth),
                arguments: text("arguments"),
                output: text("output"),
                output_truncated: attribute("output_truncated").and_then(Json::as_bool)
                    == Some(true),
            })),
            name if name.starts_with(NETWORK_PROXY) => Fact::NetworkDecision(TurnEvent {
                time: self.time,
                name: self.name.clone(),
                attributes: self.copied(&CONNECTION),
                details: self.copied(&CONNECTION_DETAILS),
            }),
            _ => return None,
        })
    }

    /// Those of these attributes that it has.
    fn copied(&self, names: &[&'static str]) -> Vec<Attribute> {
        let value = |name: &str, json: &Json| {
            Some(match json {
                // Codex sends it as a text.
                port if name == "server.port" => Value::from(json::whole(port)?),
                Json::String(text) if !text.is_empty() => Value::from(text.clone()),
                Json::Bool(truth) => Value::from(*truth),
                number => Value::from(json::whole(number)?),
            })
        };
        let copied = names.iter().filter_map(|name| {
            Some(Attribute::new(*name, value(name, self.attributes.get(*name)?)?))
        });
        copied.collect()
    }

    /// Where Codex runs, as its user calls it (`[otel] environment`).
    pub(crate) fn environment(&self) -> Option<&str> {
        let names = [DEPLOYMENT_ENVIRONMENT_NAME, "env"];
        let said = names.iter().find_map(|name| self.resource.get(*name)?.as_str());
        said.filter(|said| !said.is_empty())
    }

    /// Whether a prompt came.
    pub(crate) fn is_prompt(&self) -> bool {
        self.name == USER_PROMPT
    }

    /// Whether it is of the session and not of a turn.
    pub(crate) fn begins_session(&self) -> bool {
        self.name == "codex.conversation_starts"
    }

    /// When the prompt came or the request was sent that the event is about.
    pub(crate) fn begun(&self) -> Option<UnixNanos> {
        match self.name.as_str() {
            USER_PROMPT => Some(self.time),
            name if REQUESTS.contains(&name) => Some(self.time.minus(self.duration())),
            _ => None,
        }
    }

    /// How long that took which it is about, in nanoseconds.
    fn duration(&self) -> u64 {
        let millis = self.attributes.get("duration_ms").and_then(json::whole);
        millis.unwrap_or(0).saturating_mul(1_000_000)
    }

    /// The model that the event is about.
    pub(crate) fn model(&self) -> Option<&str> {
        ["model", "slug"].iter().find_map(|key| self.attributes.get(*key)?.as_str())
    }
}

#[cfg(test)]
impl LogEvent {
    /// An event of this name, so many milliseconds after the epoch.
    pub(crate) fn at(millis: u64, name: &str, attributes: Json) -> Self {
        Self {
            time: UnixNanos::from_millis(millis),
            name: name.to_owned(),
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            ..Self::default()
        }
    }
}
